package service

import (
	"context"
	"encoding/json"
	"fmt"

	"kibali/domain/fault"
	"kibali/store"
)

// once runs do in one transaction, and for one key one time: a request that is
// sent again with its key gets the result of the first one, to which the
// effect belongs. What do refuses is not remembered. Without a key, do runs
// each time.
//
// A result may hold a token that is shown once. It is kept sealed.
func once[T any](ctx context.Context, s *Service, key *store.IdempotencyKey, do func(ctx context.Context, tx *store.Tx) (T, error)) (result T, err error) {
	err = s.store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		if key == nil {
			result, err = do(ctx, tx)
			return err
		}
		earlier, err := tx.ClaimOnce(ctx, *key, s.now())
		if err != nil {
			return err
		}
		if earlier != nil {
			return s.openResult(earlier, key, &result)
		}
		if result, err = do(ctx, tx); err != nil {
			return err
		}
		sealed, err := s.sealResult(key, result)
		if err != nil {
			return err
		}
		return tx.KeepResult(ctx, *key, sealed)
	})
	return result, err
}

func (s *Service) sealResult(key *store.IdempotencyKey, result any) ([]byte, error) {
	plain, err := json.Marshal(result)
	if err != nil {
		return nil, fmt.Errorf("keep a result: %w", err)
	}
	return s.results.Seal(plain, resultContext(key)), nil
}

func (s *Service) openResult(sealed []byte, key *store.IdempotencyKey, result any) error {
	plain, err := s.results.Open(sealed, resultContext(key))
	if err != nil {
		return fault.New(fault.Conflict, "The request was carried out, and its answer can no longer be read.")
	}
	if err := json.Unmarshal(plain, result); err != nil {
		return fmt.Errorf("read a result: %w", err)
	}
	return nil
}

func resultContext(key *store.IdempotencyKey) string {
	return key.Scope + "\n" + key.Route + "\n" + key.Key
}
