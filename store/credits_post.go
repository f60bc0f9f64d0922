package store

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"kibali/domain/account"
	"kibali/domain/fault"
	"kibali/domain/ledger"
)

// keeps is ledger.Keeps as a condition on a balance b.
const keeps = `(b.status IN ('suspended', 'closed'))`

// postOne posts one transfer that is no charge, unless the guard does not hold: then it does
// nothing and has no row. Every column of the guard is in the row that it
// changes, so READ COMMITTED is enough: whoever waited for the row looks at it
// anew. The row is changed before the transfer gets its position; the sealer
// relies on it.
const postOne = `
	WITH posted AS (
		UPDATE balances b SET
			available = b.available + CASE WHEN ` + keeps + ` THEN 0 ELSE $2::bigint END,
			held = b.held + CASE WHEN ` + keeps + ` THEN $2 ELSE 0 END,
			seq = b.seq + 1, changed_at = greatest(b.changed_at, $3::timestamptz)
		WHERE b.account_id = $1::uuid
			AND b.status = ANY ($4::text[])
			AND CASE WHEN ` + keeps + ` THEN b.held ELSE b.available END >= -$2::bigint
			AND b.available + b.held <= $5::bigint - $2
			AND NOT EXISTS (SELECT FROM transfers t WHERE t.scope = $6::uuid AND t.request_key = $7::text)
			AND ($8::uuid IS NULL OR NOT EXISTS (SELECT FROM transfers t WHERE t.reverses = $8))
		RETURNING b.seq, b.available, b.held, b.changed_at, ` + keeps + ` AS keeps
	)
	INSERT INTO transfers (amount, seq, created_at, held_amount, available_after, held_after, id, account_id, from_account, to_account, scope, request_key,
		kind, reason, reference, actor_kind, actor_id, decision_id, reverses)
	SELECT abs($2), p.seq, p.changed_at, CASE WHEN p.keeps THEN $2 ELSE 0 END, p.available, p.held, $9::uuid,
		$1, CASE WHEN $2 > 0 THEN $10::uuid ELSE $1 END, CASE WHEN $2 > 0 THEN $1 ELSE $10 END,
		$6, $7, $11::text, $12::text, $13::text, $14::text, $15::uuid, $16::uuid, $8
	FROM posted p
	RETURNING seq, available_after, held_after, created_at, held_amount, position`

// poster posts transfers, alone or as part of a transaction.
type poster struct {
	db querier
	// inTx says that an error of the database is the end of the transaction.
	inTx bool
}

func alone(pool *pgxpool.Pool) poster { return poster{db: pool} }

func within(t *Tx) poster { return poster{db: t.tx, inTx: true} }

// overtaken is how often a posting is tried again because the account, each
// time, was changed between the statement that refused and the one that looked
// for the cause.
const overtaken = 5

// post posts p: the amount is p.change(), against the platform's account for
// the kind.
func (o poster) post(ctx context.Context, p Posting) (Posted, error) {
	if err := p.check(); err != nil {
		return Posted{}, err
	}
	return o.transfer(ctx, p, p.change(), platformAccount(p.Kind))
}

func platformAccount(kind ledger.Kind) uuid.UUID {
	if kind == ledger.TopUp {
		return ledger.Funding
	}
	return ledger.Sales
}

func (o poster) transfer(ctx context.Context, p Posting, change int64, platform uuid.UUID) (Posted, error) {
	for range overtaken {
		posted, err := o.once(ctx, p, change, platform)
		switch {
		case err == nil:
			return posted, nil
		case errors.Is(err, pgx.ErrNoRows):
		case !o.inTx && (violates(err, "transfers_request") || violates(err, "transfers_reverses") || violates(err, "transfers_pkey")):
			// The same request, or another refund, came at the same moment.
		default:
			return Posted{}, failed("post transfer", err)
		}
		s, err := o.standing(ctx, p)
		if err != nil {
			return Posted{}, err
		}
		if replayed, err := s.judge(p, change, platform); replayed != nil || err != nil {
			return orNothing(replayed), err
		}
		if s.status == account.Closed && !o.inTx {
			return Posted{}, errSettles
		}
	}
	return Posted{}, fault.New(fault.Unavailable, "The account is changing too often. Please try again.")
}

func orNothing(p *Posted) Posted {
	if p == nil {
		return Posted{}
	}
	return *p
}

// once runs the statement. It returns pgx.ErrNoRows when the guard did not hold.
func (o poster) once(ctx context.Context, p Posting, change int64, platform uuid.UUID) (Posted, error) {
	if p.Kind == ledger.Charge {
		return o.chargeOne(ctx, p)
	}
	posted := p.posted(change, platform)
	e := &posted.Entry
	err := o.db.QueryRow(ctx, postOne,
		p.AccountID, change, p.At, o.statuses(p.Kind), ledger.Most, p.Request.Scope, p.Request.Key, p.Reverses,
		p.ID, platform, p.Kind, p.Reason, p.Reference, p.Actor.Kind, posted.ActorID, p.DecisionID,
	).Scan(&e.Seq, &e.AvailableAfter, &e.HeldAfter, &posted.CreatedAt, &e.HeldAmount, &posted.Position)
	e.Amount = change - e.HeldAmount
	return posted, err
}

// posted is the transfer that p makes, but for what the database gives it.
func (p Posting) posted(change int64, platform uuid.UUID) Posted {
	t := ledger.Transfer{
		ID: p.ID, Kind: p.Kind, From: platform, To: p.AccountID, Amount: change, Reason: p.Reason, Reference: p.Reference,
		DecisionID: p.DecisionID, Reverses: p.Reverses, ActorKind: p.Actor.Kind,
	}
	if change < 0 {
		t.From, t.To, t.Amount = p.AccountID, platform, -change
	}
	if p.Actor.ID != uuid.Nil {
		t.ActorID = &p.Actor.ID
	}
	return Posted{Transfer: t, Entry: ledger.Entry{Account: p.AccountID, TransferID: p.ID}}
}

// reverse posts what takes back the transfer that p.Reverses names.
func (o poster) reverse(ctx context.Context, p Posting) (Posted, error) {
	if p.Reverses == nil {
		return Posted{}, errors.New("a reversal of nothing")
	}
	original, err := (&Reader{db: o.db}).Transfer(ctx, *p.Reverses)
	if err != nil || !reversible(p.Kind, original.Kind) {
		return Posted{}, cmpOr(err, fault.New(fault.NotFound, "There is no such transfer."))
	}
	p.AccountID = original.AccountID()
	switch {
	case p.Amount == 0:
		p.Amount = original.Amount
	case p.Amount > original.Amount:
		return Posted{}, fault.InvalidFields(fault.Field{Field: "amount", Code: ledger.CodeTooLarge, Detail: "Is more than was charged."})
	}
	if err := p.check(); err != nil {
		return Posted{}, err
	}
	if ledger.IsPlatform(original.To) {
		return o.transfer(ctx, p, p.Amount, original.To)
	}
	return o.transfer(ctx, p, -p.Amount, original.From)
}

// reversible reports whether a transfer of one kind takes back one of the other.
func reversible(kind, original ledger.Kind) bool {
	if kind == ledger.ChargeRefund {
		return original == ledger.Charge
	}
	return original == ledger.TopUp || original == ledger.Charge || original == ledger.ChargeRefund
}

func cmpOr(err error, other *fault.Error) error {
	if err != nil {
		return err
	}
	return other
}

// standing is what a posting that did nothing is judged by.
type standing struct {
	known    *Posted    // what the request posted before
	reversal *uuid.UUID // what took back the transfer that it would take back
	status   account.Status
	blocked  bool
	keyEpoch int32
	balance  ledger.Balance
}

// standing reads what keeps p from being posted.
func (o poster) standing(ctx context.Context, p Posting) (standing, error) {
	var s standing
	known, err := (&Reader{db: o.db}).posted(ctx, `t.scope = $1 AND t.request_key = $2`, p.Request.Scope, p.Request.Key)
	switch {
	case err == nil:
		known.Replayed = true
		s.known = &known
		return s, nil
	case !fault.Is(err, fault.NotFound):
		return standing{}, err
	}
	var status *string
	err = o.db.QueryRow(ctx, `
		SELECT b.status, coalesce(b.key_epoch, 0), b.blocked_by IS NOT NULL, coalesce(b.available, 0), coalesce(b.held, 0), t.id
		FROM (SELECT) one LEFT JOIN balances b ON b.account_id = $1 LEFT JOIN transfers t ON t.reverses = $2`,
		p.AccountID, p.Reverses).Scan(&status, &s.keyEpoch, &s.blocked, &s.balance.Available, &s.balance.Held, &s.reversal)
	if status != nil {
		s.status = account.Status(*status)
	}
	return s, failed("read balance", err)
}

// judge says why p was not posted: it returns what its request posted before,
// or a fault, or neither when nothing keeps it from being posted now.
func (s standing) judge(p Posting, change int64, platform uuid.UUID) (*Posted, error) {
	side := s.balance.Available
	if ledger.Keeps(s.status) {
		side = s.balance.Held
	}
	switch {
	case s.known != nil && s.known.same(p.posted(change, platform)):
		return s.known, nil
	case s.known != nil:
		return nil, fault.New(fault.KeyReused, "This key was used for another request.")
	case s.status == "":
		return nil, fault.New(fault.NotFound, "There is no such account.")
	case p.KeyEpoch != 0 && p.KeyEpoch != s.keyEpoch:
		return nil, ErrKeyEpoch
	case s.reversal != nil:
		return nil, fault.New(fault.Conflict, "It was taken back before.").With("refund", *s.reversal)
	case p.Kind.Spends() && (s.status == account.Suspended || s.blocked):
		return nil, fault.New(fault.AccountSuspended, "The account is suspended.")
	case !p.Kind.Permits(s.status):
		code := fault.Conflict
		if p.Kind.Spends() {
			code = fault.Forbidden
		}
		return nil, fault.New(code, "An account that is %s does not permit this.", s.status).With("status", s.status)
	case side < -change:
		return nil, fault.New(fault.InsufficientCredits, "The account has too few credits.").
			With("available", s.balance.Available).With("held", s.balance.Held)
	case s.balance.Total() > ledger.Most-change:
		return nil, ledger.TooLarge("amount")
	}
	return nil, nil
}

// same reports whether two transfers are of the same request: all but what the
// first one was given by the database, its id, and who of the senders' people
// sent it.
func (p Posted) same(other Posted) bool {
	a, b := p.Transfer, other.Transfer
	for _, t := range []*ledger.Transfer{&a, &b} {
		t.ID, t.Position, t.CreatedAt, t.ActorID, t.ActorKind = uuid.Nil, 0, time.Time{}, nil, ""
	}
	return sameID(a.DecisionID, b.DecisionID) && sameID(a.Reverses, b.Reverses) && withoutIDs(a) == withoutIDs(b)
}

func withoutIDs(t ledger.Transfer) ledger.Transfer {
	t.DecisionID, t.Reverses = nil, nil
	return t
}

func sameID(a, b *uuid.UUID) bool {
	return (a == nil) == (b == nil) && (a == nil || *a == *b)
}
