package store

import (
	"strings"

	"kibali/domain/actor"
	"kibali/domain/ledger"
)

// ledgerActors are the kinds of those who move credits.
var ledgerActors = []actor.Kind{actor.Staff, actor.Account, actor.Service, actor.System}

// quoted lists constants of ours, which have no quotes, for a condition.
func quoted[T ~string](constants []T) string {
	quoted := make([]string, len(constants))
	for i, constant := range constants {
		quoted[i] = "'" + string(constant) + "'"
	}
	return strings.Join(quoted, ", ")
}

// verifications are the checks that PostgreSQL makes: each query has a row for
// every breach, which names the row that is wrong and says what is wrong with
// it.
var verifications = []struct{ name, sql string }{
	{"balances", `
		SELECT 'entry ' || e.seq || ' of ' || e.account_id,
			CASE
				WHEN e.seq <> e.last_seq + 1 THEN 'it follows entry ' || e.last_seq
				WHEN e.available_after IS DISTINCT FROM e.last_available + e.amount OR e.held_after IS DISTINCT FROM e.last_held + e.held_amount
					THEN 'it leaves ' || coalesce(e.available_after::text, 'nothing') || ' available and ' || coalesce(e.held_after::text, 'nothing') ||
						' held where the entries up to it sum to ' || (e.last_available + e.amount) || ' and ' || (e.last_held + e.held_amount)
				WHEN e.available_after < 0 OR e.held_after < 0 THEN 'it leaves less than nothing'
				WHEN e.position < e.last_position OR e.created_at < e.last_at THEN 'its position or time is before that of the entry before it'
				WHEN b.account_id IS NULL THEN 'the account has no balance'
				ELSE 'the balance is ' || b.available || ' available and ' || b.held || ' held after ' || b.seq || ' entries, this last entry leaves ' ||
					e.available_after || ' and ' || e.held_after
			END
		FROM (
			SELECT account_id, seq, ` + availableChange + ` AS amount, held_amount, available_after, held_after, position, created_at,
				lag(position) OVER entry AS last_position, lag(created_at) OVER entry AS last_at,
				lag(seq, 1, 0::bigint) OVER entry AS last_seq, lag(available_after, 1, 0::bigint) OVER entry AS last_available,
				lag(held_after, 1, 0::bigint) OVER entry AS last_held, lead(seq) OVER entry IS NULL AS newest
			FROM transfers WINDOW entry AS (PARTITION BY account_id ORDER BY seq)
		) e LEFT JOIN balances b ON e.newest AND b.account_id = e.account_id
		WHERE e.seq <> e.last_seq + 1 OR e.available_after IS DISTINCT FROM e.last_available + e.amount
			OR e.held_after IS DISTINCT FROM e.last_held + e.held_amount OR e.available_after < 0 OR e.held_after < 0
			OR e.position < e.last_position OR e.created_at < e.last_at
			OR e.newest AND (b.account_id IS NULL OR b.seq <> e.seq OR b.available <> e.available_after OR b.held <> e.held_after)`},
	{"balances", `
		SELECT 'balance of ' || b.account_id, 'it has ' || b.available || ' available and ' || b.held || ' held without an entry'
		FROM balances b WHERE (b.seq <> 0 OR b.available <> 0 OR b.held <> 0)
			AND NOT EXISTS (SELECT FROM transfers t WHERE t.account_id = b.account_id)`},
	{"held", `
		SELECT 'balance of ' || b.account_id, CASE b.status
			WHEN 'suspended' THEN b.available || ' credits are available although the account is suspended'
			WHEN 'closed' THEN b.available || ' credits are available although the account is closed'
			ELSE b.held || ' credits are held although the account is ' || b.status END
		FROM balances b WHERE CASE WHEN ` + keeps + ` THEN b.available ELSE b.held END <> 0`},
	{"copies", `
		SELECT 'account ' || coalesce(a.id, b.account_id), CASE
			WHEN b.account_id IS NULL THEN 'it has no balance'
			WHEN a.id IS NULL THEN 'there is a balance and no account'
			ELSE 'it is ' || a.status || coalesce(', blocked by ' || a.blocked_by, '') || ', and its balance says ' || b.status || coalesce(', blocked by ' || b.blocked_by, '')
			END
		FROM accounts a FULL JOIN balances b ON b.account_id = a.id
		WHERE a.id IS NULL OR b.account_id IS NULL OR a.status <> b.status OR a.blocked_by IS DISTINCT FROM b.blocked_by`},
	{"reversals", `
		SELECT 'transfer ' || t.id, 'it takes back transfer ' || t.reverses || ', which is not its opposite'
		FROM transfers t LEFT JOIN transfers o ON o.id = t.reverses
		WHERE t.reverses IS NOT NULL AND (o.id IS NULL OR t.kind NOT IN ('charge_refund', 'reversal') OR t.amount > o.amount
			OR t.from_account <> o.to_account OR t.to_account <> o.from_account OR o.position >= t.position)`},
	{"kinds", `
		SELECT 'transfer ' || id, 'its kind is ' || kind || ', its actor''s is ' || actor_kind || ', and it goes from ' || from_account || ' to ' || to_account
		FROM transfers WHERE actor_kind NOT IN (` + quoted(ledgerActors) + `) OR NOT CASE kind
			WHEN 'top_up' THEN '` + ledger.Funding.String() + `' IN (from_account, to_account)
			WHEN 'charge' THEN from_account = account_id AND to_account = '` + ledger.Sales.String() + `'
			WHEN 'charge_refund' THEN from_account = '` + ledger.Sales.String() + `' AND to_account = account_id
			WHEN 'settlement' THEN from_account = account_id AND to_account = '` + ledger.Settled.String() + `'
			WHEN 'reversal' THEN reverses IS NOT NULL
			WHEN 'hold' THEN from_account = to_account AND held_amount > 0
			WHEN 'release' THEN from_account = to_account AND held_amount < 0
			ELSE false END`},
	{"decisions", `
		SELECT 'transfer ' || t.id, 'there is no decision ' || t.decision_id
		FROM transfers t WHERE t.decision_id IS NOT NULL AND NOT EXISTS (SELECT FROM decisions d WHERE d.id = t.decision_id)`},
}
