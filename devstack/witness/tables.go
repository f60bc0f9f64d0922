package witness

// watched are the tables of which a change needs an event, with the columns that
// may change without: what is noted down of use, and how far the work on
// something is.
var watched = map[string]watch{
	"accounts":             {key: "id", aside: []string{"search_text"}},
	"api_keys":             {key: "id", aside: []string{"last_used_at"}},
	"appeals":              {key: "id", aside: []string{"accepted_at"}},
	"applications":         {key: "id", aside: []string{"accepted_at"}},
	"contact_proofs":       {key: "id", aside: []string{"secret_hash"}, forget: "DELETE"},
	"decisions":            {key: "id", aside: []string{"awaiting_since"}},
	"documents":            {key: "id", aside: []string{"deleted_at"}},
	"logins":               {key: "id"},
	"notices":              {key: "id", aside: []string{"attempts", "failure"}, forget: "INSERT"},
	"password_resets":      {key: "id", aside: []string{"token_hash"}, forget: "DELETE"},
	"policies":             {key: "version"},
	"services":             {key: "id", aside: []string{"last_used_at"}},
	"sessions":             {key: "id", aside: []string{"last_used_at"}},
	"staff":                {key: "id"},
	"staff_factors":        {key: "staff_id", aside: []string{"last_step", "tries", "tries_since"}},
	"staff_identities":     {key: "staff_id"},
	"staff_invitations":    {key: "id"},
	"staff_recovery_codes": {key: "staff_id"},
	"staff_sessions":       {key: "id", aside: []string{"last_used_at"}},
	"staff_tokens":         {key: "id", aside: []string{"last_used_at"}},
	"top_up_lines":         {key: "account_id"},
	"transfers":            {key: "id", when: "NEW.kind NOT IN ('charge', 'charge_refund')"},
}

// watch is how a table is watched.
type watch struct {
	key    string
	aside  []string
	forget string // an operation that needs no event
	when   string // of inserts; "" is always
}

// unwatched are the tables of which a change needs no event, and why.
var unwatched = map[string]string{
	"account_activity":     "what is noted down of use",
	"account_counts":       "counts of accounts, which a trigger keeps",
	"account_credits":      "copies of balances",
	"account_search":       "words of accounts, which a trigger keeps",
	"audit_events":         "the events themselves",
	"audit_seals":          "made of events",
	"balances":             "sums of entries",
	"delivery_reports":     "the record of what a provider said is the row itself, which cannot change",
	"document_pages":       "images of a document, whose preparation has an event",
	"goose_db_version":     "the schema's own",
	"idempotency_keys":     "answers that are given again",
	"ledger_checkpoints":   "sums of entries",
	"ledger_progress":      "how far work is",
	"ledger_seals":         "made of transfers",
	"message_recipients":   "what became of a message: the customer's own traffic, on record in the row and in the ledger",
	"messages":             "the customer's own traffic, on record in the row and in the ledger",
	"partial_upload_parts": "not handed in yet",
	"partial_uploads":      "not handed in yet",
	"rates":                "counts of tries, forgotten by themselves",
	"review_claims":        "who looks at what just now; no part of the record",
	"saved_views":          "how a member of staff likes their list",
	"staff_sign_ons":       "a sign-on that is under way, for minutes",
}
