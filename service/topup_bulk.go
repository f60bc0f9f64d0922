package service

import (
	"context"
	"fmt"

	"kibali/domain/account"
	"kibali/domain/actor"
	"kibali/domain/fault"
	"kibali/domain/ledger"
	"kibali/store"
)

// BulkTopUp is what a staff member asks for with a top-up of many accounts.
type BulkTopUp struct {
	CSV    string
	Reason string
	Note   string // kept inside
	// Key makes the request have one effect however often it is sent. Required.
	Key *store.IdempotencyKey
}

// BulkPreview is what a bulk top-up would be.
type BulkPreview struct {
	Lines []FileLine
	Total int64 // of the lines that are good
	Bad   int   // how many lines are not
	// SecondSignature says that it would wait for one.
	SecondSignature bool
}

// PreviewTopUps tells what a file of accounts and amounts would do, line by line,
// and does nothing. It returns fault.Invalid naming "csv" or "reason" for what
// cannot be read.
func (s *Service) PreviewTopUps(ctx context.Context, by actor.Actor, b BulkTopUp) (BulkPreview, error) {
	if err := permitted(by, actor.TopUp); err != nil {
		return BulkPreview{}, err
	}
	return s.previewTopUps(ctx, s.reader, by, b)
}

func (s *Service) previewTopUps(ctx context.Context, r *store.Reader, by actor.Actor, b BulkTopUp) (BulkPreview, error) {
	if field := checkTopUpReason(b.Reason); field != nil {
		return BulkPreview{}, fault.InvalidFields(*field)
	}
	own, err := r.AccountOfStaff(ctx, by.ID)
	if err != nil {
		return BulkPreview{}, err
	}
	lines, err := readFile(ctx, r, b.CSV, own)
	if err != nil {
		return BulkPreview{}, err
	}
	p, _, err := r.Policy(ctx)
	if err != nil {
		return BulkPreview{}, err
	}
	alone, err := r.ToppedUpAlone(ctx, by.ID, s.now())
	if err != nil {
		return BulkPreview{}, err
	}
	preview := BulkPreview{Lines: lines}
	for _, line := range lines {
		switch {
		case len(line.Bad) > 0:
			preview.Bad++
		case line.Amount > ledger.Most-preview.Total:
			return BulkPreview{}, badFile(ledger.CodeTooLarge, "Is more in all than can be topped up at once.")
		default:
			preview.Total += line.Amount
		}
	}
	preview.SecondSignature = needsSignature(p.TopUps, alone, preview.Total)
	return preview, nil
}

// TopUpMany asks for credits to be added to many accounts by one decision, whose
// total is what counts for a second signature. It returns what PreviewTopUps
// returns, and fault.Invalid naming every line that is not good: it is all of
// the file or nothing. What an account does not permit any more when it is
// carried out is left out, and told by its line.
func (s *Service) TopUpMany(ctx context.Context, by actor.Actor, b BulkTopUp) (Decided, error) {
	if err := permitted(by, actor.TopUp); err != nil {
		return Decided{}, err
	}
	note, field := account.ParseNote(b.Note)
	if field != nil {
		return Decided{}, fault.InvalidFields(*field)
	}
	b.Note = note
	d, replay, err := s.recordTopUps(ctx, by, b)
	if err != nil || replay != nil {
		return Decided{Replay: replay}, err
	}
	if d.Open() {
		d = s.tellDecision(ctx, d)
	}
	return s.decided(ctx, d, b.Key)
}

// recordTopUps writes the decision's row and its lines, or finds what the same
// key has written before: then the file is not looked at again.
func (s *Service) recordTopUps(ctx context.Context, by actor.Actor, b BulkTopUp) (d store.Decision, replay *store.Answer, err error) {
	err = s.store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		claim, err := tx.ClaimKey(ctx, *b.Key, s.now())
		if err != nil {
			return err
		}
		if claim != nil {
			replay = claim.Answer
			d, err = tx.Reader().Decision(ctx, claim.DecisionID)
			return err
		}
		preview, err := s.previewTopUps(ctx, tx.Reader(), by, b)
		if err != nil {
			return err
		}
		if err := preview.refusal(); err != nil {
			return err
		}
		if d, err = s.newTopUp(ctx, tx, by, preview.Total, b.Reason, b.Note); err != nil {
			return err
		}
		if err := s.insertTopUp(ctx, tx, by, d, b.Key); err != nil {
			return err
		}
		lines := make([]store.TopUpLine, len(preview.Lines))
		for i, line := range preview.Lines {
			lines[i] = store.TopUpLine{Line: line.Line, AccountID: line.Account.ID, Amount: line.Amount}
		}
		return tx.InsertTopUpLines(ctx, d.ID, lines)
	})
	return d, replay, err
}

// refusal returns fault.Invalid with every bad line, such as "csv[3].amount".
func (p BulkPreview) refusal() error {
	var bad []fault.Field
	for _, line := range p.Lines {
		for _, f := range line.Bad {
			f.Field = fmt.Sprintf("csv[%d].%s", line.Line, f.Field)
			bad = append(bad, f)
		}
	}
	return fault.InvalidFields(bad...)
}
