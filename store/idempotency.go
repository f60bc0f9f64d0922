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
	tag, err := t.tx.Exec(ctx, `
		INSERT INTO idempotency_keys (scope, route, key, fingerprint, created_at)
		VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING`, k.Scope, k.Route, k.Key, k.Fingerprint[:], now)
	if err != nil {
		return nil, failed("claim idempotency key", err)
	}
	if tag.RowsAffected() == 1 {
		return nil, nil
	}
	var (
		fingerprint []byte
		claim       Claim
		status      *int
		body        []byte
		decision    *uuid.UUID
	)
	err = t.tx.QueryRow(ctx, `SELECT fingerprint, decision_id, status, body FROM idempotency_keys WHERE scope = $1 AND route = $2 AND key = $3`,
		k.Scope, k.Route, k.Key).Scan(&fingerprint, &decision, &status, &body)
	if err != nil {
		return nil, failed("read idempotency key", err)
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

// BindKey says which decision a claimed key is for.
func (t *Tx) BindKey(ctx context.Context, k IdempotencyKey, decisionID uuid.UUID) error {
	_, err := t.tx.Exec(ctx, `UPDATE idempotency_keys SET decision_id = $4 WHERE scope = $1 AND route = $2 AND key = $3`,
		k.Scope, k.Route, k.Key, decisionID)
	return failed("bind idempotency key", err)
}

// Remember keeps an answer to a key's request, for its replays, and returns the
// one that is kept: the first one stays.
func (s *Store) Remember(ctx context.Context, k IdempotencyKey, a Answer) (Answer, error) {
	var kept Answer
	err := s.pool.QueryRow(ctx, `
		UPDATE idempotency_keys SET status = coalesce(status, $4), body = CASE WHEN status IS NULL THEN $5 ELSE body END
		WHERE scope = $1 AND route = $2 AND key = $3 RETURNING status, body`,
		k.Scope, k.Route, k.Key, a.Status, a.Body).Scan(&kept.Status, &kept.Body)
	return kept, failed("remember answer", err)
}

// ForgetKey lets a key whose request was refused be used anew.
func (s *Store) ForgetKey(ctx context.Context, k IdempotencyKey) error {
	_, err := s.pool.Exec(ctx, `DELETE FROM idempotency_keys WHERE scope = $1 AND route = $2 AND key = $3 AND status IS NULL`, k.Scope, k.Route, k.Key)
	return failed("forget idempotency key", err)
}

// ForgetAnswers drops keys older than before.
func (s *Store) ForgetAnswers(ctx context.Context, before time.Time) error {
	_, err := s.pool.Exec(ctx, `DELETE FROM idempotency_keys WHERE created_at < $1`, before)
	return failed("forget answers", err)
}
