package service

import (
	"context"
	"encoding/hex"
	"sync"
	"time"

	"kibali/documents"
	"kibali/store"
)

const (
	// sealEvery is how often the ledger and the audit trail are sealed.
	sealEvery = 10 * time.Second
	// publishEvery is how often the head of a chain is published at most.
	publishEvery = time.Minute
)

// The chains of seals, as they are called outside.
const (
	LedgerChain = "ledger"
	AuditChain  = "audit"
)

// publication is what of a chain's head a process has published.
type publication struct {
	mu     sync.Mutex
	number int64
	at     time.Time
}

// RunSeals seals the ledger and the audit trail until ctx ends. Any number of
// processes may run it: one at a time does each.
func (s *Service) RunSeals(ctx context.Context) {
	var sealing sync.WaitGroup
	sealing.Go(func() { s.repeat(ctx, sealEvery, "the ledger is not sealed", s.SealLedger) })
	sealing.Go(func() { s.repeat(ctx, sealEvery, "the audit trail is not sealed", s.SealAudit) })
	sealing.Wait()
}

// SealLedger seals what has been posted, once. It does nothing while another
// process does it.
func (s *Service) SealLedger(ctx context.Context) error {
	return s.seal(ctx, LedgerChain, store.SealLock, s.store.SealLedger, s.reader.LastSeal)
}

// SealAudit seals the events that have been written, once. It does nothing while
// another process does it.
func (s *Service) SealAudit(ctx context.Context) error {
	return s.seal(ctx, AuditChain, store.AuditSealLock, s.store.SealAudit, s.reader.LastAuditSeal)
}

// seal makes the seals of a chain that are due. The log keeps the hash of each,
// and the storage the head of the chain once in a while, both out of reach of
// whoever can change the database.
func (s *Service) seal(ctx context.Context, chain string, lock int64,
	seal func(context.Context, time.Time) ([]store.Seal, error), last func(context.Context) (store.Seal, error),
) error {
	_, err := s.store.Alone(ctx, lock, func(ctx context.Context) error {
		seals, err := seal(ctx, s.now())
		for _, made := range seals {
			s.log.Info("sealed", "chain", chain, "seal", made.Number, "to", made.To, "rows", made.Rows, "hash", hex.EncodeToString(made.Hash))
		}
		if err != nil {
			return err
		}
		head, err := last(ctx)
		if err != nil || head.Number == 0 {
			return err
		}
		return s.publish(ctx, chain, head)
	})
	return err
}

// publish keeps the head of a chain in the storage, unless this process has done
// so or has kept another one just now.
func (s *Service) publish(ctx context.Context, chain string, head store.Seal) error {
	p := s.published[chain]
	p.mu.Lock()
	defer p.mu.Unlock()
	s.sealed(chain, head.Number, head.SealedAt, p.at)
	if p.number == head.Number || s.now().Sub(p.at) < publishEvery {
		return nil
	}
	err := s.heads.PublishHead(ctx, documents.Head{Chain: chain, Number: head.Number, To: head.To, Hash: head.Hash, SealedAt: head.SealedAt})
	if err != nil {
		return err
	}
	p.number, p.at = head.Number, s.now()
	s.sealed(chain, head.Number, head.SealedAt, p.at)
	s.log.Info("head published", "chain", chain, "seal", head.Number, "hash", hex.EncodeToString(head.Hash))
	return nil
}
