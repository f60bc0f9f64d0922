package store

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// PersonalPart is a part of what is held about the person of an account: rows of
// one kind, each a JSON object.
type PersonalPart struct {
	Name string
	sql  string // the rows of account $1 after the key $2, by key, at most $3
	page int    // rows that are read at a time
}

// PersonalParts are all parts, in the order in which they are handed out. They say
// nothing of staff but that they acted, nor what staff noted for each other.
func PersonalParts() []PersonalPart { return personalParts }

// pageOfParts is how many rows of most parts are read at a time.
const pageOfParts = 500

// byID is a part whose rows have a UUID for a key.
func byID(name, columns, from string) PersonalPart {
	return PersonalPart{Name: name, page: pageOfParts, sql: `
		SELECT id::text, to_jsonb(r) FROM (
			SELECT ` + columns + ` FROM ` + from + `
			AND x.id > coalesce(nullif($2, ''), '00000000-0000-0000-0000-000000000000')::uuid ORDER BY x.id LIMIT $3
		) r`}
}

// byNumber is a part whose rows have a number for a key.
func byNumber(name, number, columns, from string) PersonalPart {
	return PersonalPart{Name: name, page: pageOfParts, sql: `
		SELECT ` + number + `::text, to_jsonb(r) FROM (
			SELECT ` + columns + ` FROM ` + from + `
			AND x.` + number + ` > coalesce(nullif($2, ''), '0')::bigint ORDER BY x.` + number + ` LIMIT $3
		) r`}
}

var personalParts = []PersonalPart{
	byID("account", `x.id, x.name, x.email, x.phone, x.locale, x.company_name, x.company_industry, x.company_registration_number, x.company_tin,
		x.company_website, x.company_address, x.status, x.stage, x.stage_since, x.remind_at, x.deadline_at, x.suspended_until, x.registered_at,
		(SELECT nullif(y.last_active_at, '-infinity') FROM account_activity y WHERE y.account_id = x.id) AS last_active_at, x.email_verified_at, x.phone_verified_at, x.contact_released_at, x.erased_at,
		(SELECT b.available FROM balances b WHERE b.account_id = x.id) AS credits_available,
		(SELECT b.held FROM balances b WHERE b.account_id = x.id) AS credits_held`, `accounts x WHERE x.id = $1`),
	byID("logins", `x.id, x.email, x.created_at, x.released_at`, `logins x WHERE x.account_id = $1`),
	byID("applications", `x.id, x.name, x.locale, x.company, x.submitted_at, x.accepted_at, x.outcome, x.closed_at`, `applications x WHERE x.account_id = $1`),
	byID("documents", `x.id, x.application_id, x.kind, x.file_name, x.content_type, x.size, encode(x.sha256, 'hex') AS sha256, x.received_at, x.status,
		nullif(x.refusal, '') AS refusal, x.discarded_at AS deleted_at, x.discarded_for AS deleted_for`, `documents x WHERE x.account_id = $1`),
	byID("decisions", `x.id, x.kind, x.reason_code, x.reason, x.until, x.amount, x.appeal_id, x.requested_at, x.outcome, x.closed_at`,
		`decisions x WHERE x.account_id = $1`),
	byID("appeals", `x.id, x.decision_id, x.text, x.made_at, x.outcome, x.closed_by, x.closed_at`, `appeals x WHERE x.account_id = $1`),
	byID("notices", `x.id, x.kind, x.channel, x.decision_id, x.status, x.attempts, x.failure, x.provider, x.created_at, x.closed_at`,
		`notices x WHERE x.staff_id IS NULL AND x.account_id = $1`),
	byNumber("transactions", "seq", `x.seq, x.id, x.kind, x.reason, x.reference, x.decision_id, x.reverses, `+availableChange+` AS amount, x.held_amount, x.available_after, x.held_after,
		x.created_at`, `transfers x WHERE x.account_id = $1`),
	{Name: "messages", page: 20, sql: `
		SELECT id::text, to_jsonb(r) FROM (
			SELECT x.id, x.sender_id, x.text, x.segments, x.created_at, x.settled_at, (
				SELECT coalesce(jsonb_agg(jsonb_build_object('phone', p.phone, 'status', p.status, 'failure', p.failure, 'provider', p.provider,
					'provider_message_id', p.provider_message_id, 'attempted_at', p.attempted_at, 'refunded_at', p.refunded_at) ORDER BY p.position), '[]')
				FROM message_recipients p WHERE p.message_id = x.id) AS recipients
			FROM messages x WHERE x.account_id = $1
			AND x.id > coalesce(nullif($2, ''), '00000000-0000-0000-0000-000000000000')::uuid ORDER BY x.id LIMIT $3
		) r`},
	byID("api_keys", `x.id, x.name, x.prefix, x.created_at, x.last_used_at, x.revoked_at`, `api_keys x WHERE x.account_id = $1`),
	byID("sessions", `x.id, x.purpose, x.created_at, x.last_used_at, x.expires_at, x.ended_at, x.address`, `sessions x WHERE x.account_id = $1`),
	byID("password_resets", `x.id, x.email, x.decision_id, x.requested_at, x.issued_at, x.expires_at, x.outcome, x.closed_at`,
		`password_resets x WHERE x.account_id = $1`),
	byID("contact_proofs", `x.id, x.contact, x.value, x.change, nullif(x.previous, '') AS previous, x.requested_at, x.issued_at, x.expires_at, x.tries,
		x.outcome, x.closed_at`, `contact_proofs x WHERE x.account_id = $1`),
	byNumber("audit_events", "id", `x.id, x.at, x.actor_kind, x.action, x.subject, x.subject_id, x.before, x.after, x.reason_code, x.decision_id,
		CASE x.actor_kind WHEN 'account' THEN x.address END AS address`, `audit_events x WHERE x.account_id = $1`),
}

// EachPersonal hands the rows of a part to do, as JSON, page by page: what is held
// in memory does not grow with how many there are. It ends with the first error.
func (r *Reader) EachPersonal(ctx context.Context, part PersonalPart, accountID uuid.UUID, do func(row []byte) error) error {
	for key := ""; ; {
		rows, err := r.db.Query(ctx, part.sql, accountID, key, part.page)
		if err != nil {
			return failed("export "+part.Name, err)
		}
		var page [][]byte
		var row []byte
		_, err = pgx.ForEachRow(rows, []any{&key, &row}, func() error {
			page = append(page, append([]byte(nil), row...))
			return nil
		})
		if err != nil {
			return failed("export "+part.Name, err)
		}
		for _, row := range page {
			if err := do(row); err != nil {
				return err
			}
		}
		if len(page) < part.page {
			return nil
		}
	}
}
