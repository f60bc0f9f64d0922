package store

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"kibali/domain/fault"
)

// IdempotencyKey is a key that a caller sent with a request, so that the
// request has one effect however often it is sent.
type IdempotencyKey struct {
	Scope       string // who sent it; a key belongs to its sender
	Route       string // method and path
	Key         string
	Fingerprint [32]byte // of the payload
}

// Answer is what a request was answered with.
type Answer struct {
	Status int
	Body   []byte
}

// Claim is what a key was used for before.
type Claim struct {
	DecisionID uuid.UUID
	Answer     *Answer // nil while the first request is under way, or after it was lost
}

// ClaimKey takes a key for a decision that is about to be recorded in the same
// transaction and returns nil. When the key was used before it returns what
// for; with another payload it returns fault.KeyReused. A second request with
// the same key waits here for the first one's transaction.
func (t *Tx) ClaimKey(ctx context.Context, k IdempotencyKey, now time.Time) (*Claim, error) {
	// The update changes nothing and returns the row, locked, so that nobody
	// forgets it meanwhile.
	var (
		fingerprint []byte
		claim       Claim
		status      *int
		body        []byte
		decision    *uuid.UUID
		claimed     bool
	)
	err := t.tx.QueryRow(ctx, `
		INSERT INTO idempotency_keys (scope, route, key, fingerprint, created_at) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (scope, route, key) DO UPDATE SET created_at = idempotency_keys.created_at
		RETURNING fingerprint, decision_id, status, body, xmax = 0`,
		k.Scope, k.Route, k.Key, k.Fingerprint[:], now).Scan(&fingerprint, &decision, &status, &body, &claimed)
	if err != nil {
		return nil, failed("claim idempotency key", err)
	}
	if claimed {
		return nil, nil
	}
	if [32]byte(fingerprint) != k.Fingerprint {
		return nil, fault.New(fault.KeyReused, "This Idempotency-Key was used for another request.")
	}
	if decision == nil {
		return nil, errors.New("an idempotency key without a decision")
	}
	claim.DecisionID = *decision
	if status != nil {
		claim.Answer = &Answer{Status: *status, Body: body}
	}
	return &claim, nil
}

// ClaimOnce is ClaimKey for a request that makes no decision: its effect and its
// result are written in the same transaction. It returns the result of the
// request that the key was used for before, or nil when it was not.
func (t *Tx) ClaimOnce(ctx context.Context, k IdempotencyKey, now time.Time) (result []byte, err error) {
	var fingerprint []byte
	err = t.tx.QueryRow(ctx, `
		INSERT INTO idempotency_keys (scope, route, key, fingerprint, created_at) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (scope, route, key) DO UPDATE SET created_at = idempotency_keys.created_at
		RETURNING fingerprint, result`,
		k.Scope, k.Route, k.Key, k.Fingerprint[:], now).Scan(&fingerprint, &result)
	if err != nil {
		return nil, failed("claim idempotency key", err)
	}
	if [32]byte(fingerprint) != k.Fingerprint {
		return nil, fault.New(fault.KeyReused, "This Idempotency-Key was used for another request.")
	}
	return result, nil
}

// KeepResult keeps the result of a request whose key the transaction claimed.
func (t *Tx) KeepResult(ctx context.Context, k IdempotencyKey, result []byte) error {
	_, err := t.tx.Exec(ctx, `UPDATE idempotency_keys SET result = $4 WHERE scope = $1 AND route = $2 AND key = $3`,
		k.Scope, k.Route, k.Key, result)
	return failed("keep result", err)
}

// BindKey says which decision a claimed key is for.
func (t *Tx) BindKey(ctx context.Context, k IdempotencyKey, decisionID uuid.UUID) error {
	_, err := t.tx.Exec(ctx, `UPDATE idempotency_keys SET decision_id = $4 WHERE scope = $1 AND route = $2 AND key = $3`,
		k.Scope, k.Route, k.Key, decisionID)
	return failed("bind idempotency key", err)
}

// Remember keeps an answer to a key's request, for its replays, and returns the
// one that is kept: the first one stays. It returns fault.NotFound when the key
// was forgotten because its decision was refused.
func (s *Store) Remember(ctx context.Context, k IdempotencyKey, decisionID uuid.UUID, a Answer) (Answer, error) {
	var kept Answer
	err := s.pool.QueryRow(ctx, `
		UPDATE idempotency_keys SET status = coalesce(status, $4), body = CASE WHEN status IS NULL THEN $5 ELSE body END
		WHERE scope = $1 AND route = $2 AND key = $3 AND decision_id = $6 RETURNING status, body`,
		k.Scope, k.Route, k.Key, a.Status, a.Body, decisionID).Scan(&kept.Status, &kept.Body)
	return kept, failed("remember answer", err)
}

// ForgetKey lets a key whose decision was refused be used anew.
func (s *Store) ForgetKey(ctx context.Context, k IdempotencyKey, decisionID uuid.UUID) error {
	_, err := s.pool.Exec(ctx, `
		DELETE FROM idempotency_keys WHERE scope = $1 AND route = $2 AND key = $3 AND decision_id = $4 AND status IS NULL`,
		k.Scope, k.Route, k.Key, decisionID)
	return failed("forget idempotency key", err)
}

// ForgetAnswers drops keys older than before.
func (s *Store) ForgetAnswers(ctx context.Context, before time.Time) error {
	_, err := s.pool.Exec(ctx, `DELETE FROM idempotency_keys WHERE created_at < $1`, before)
	return failed("forget answers", err)
}
