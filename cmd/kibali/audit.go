package main

import (
	"bufio"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"kibali/cmd/kibali/config"
	"kibali/documents"
	"kibali/domain/fault"
	"kibali/service"
	"kibali/store"
)

type auditVerifyCommand struct {
	Head []string `name:"head" placeholder:"NUMBER:HASH" help:"A seal that was noted down earlier, which must still be there. Can be given more than once."`
	Logs []string `name:"logs" placeholder:"FILE" help:"Logs of the workers, - for standard input: each seal that they tell of must still be there. Can be given more than once."`
	config.Database
	config.Heads
	config.Documents
}

// Run verifies the audit trail, and fails when something in it cannot be true.
func (c auditVerifyCommand) Run(ctx context.Context, term terminal) error {
	// Heads come first: each of them is in a moment of the database that comes
	// later.
	heads, published, err := c.heads(ctx)
	if err != nil {
		return err
	}
	return withStore(ctx, c.Database, "kibali audit", func(db *store.Store) error {
		began := time.Now()
		v, err := db.VerifyAudit(ctx, heads)
		if err != nil {
			return err
		}
		counts := []string{fmt.Sprintf("%d events, %d seals, %d heads in %v", v.Events, v.Seals, v.Heads, time.Since(began).Round(time.Millisecond))}
		if v.Seals > 0 {
			counts = append(counts, fmt.Sprintf("seal %s, %d events behind it", v.Last.Name(), v.Unsealed))
		}
		if !published {
			counts = append(counts, "the heads that were published were not looked at: set KIBALI_HEADS_URL or KIBALI_DOCUMENTS_URL")
		}
		return tell(term.out, &v.Findings, counts...)
	})
}

// heads gathers all that was noted down outside the database, and reports
// whether the storage was among where it looked.
func (c auditVerifyCommand) heads(ctx context.Context) (heads []store.Head, published bool, err error) {
	for _, text := range c.Head {
		seal, err := parseSeal("--head", text)
		if err != nil {
			return nil, false, err
		}
		heads = append(heads, store.Head{Number: seal.Number, Hash: seal.Hash, Where: "--head"})
	}
	for _, name := range c.Logs {
		logged, err := headsOfLogs(name)
		if err != nil {
			return nil, false, err
		}
		heads = append(heads, logged...)
	}
	var problems config.Problems
	location := c.HeadsLocation(&problems)
	if location == "" && c.DocumentsURL != "" {
		location = c.Location(&problems)
	}
	if err := problems.Err(); err != nil || location == "" {
		return heads, false, err
	}
	storage, err := documents.Open(ctx, location)
	if err != nil {
		return nil, false, err
	}
	kept, err := storage.Heads(ctx, service.AuditChain)
	if err := errors.Join(err, storage.Close()); err != nil {
		return nil, false, err
	}
	for where, head := range kept {
		heads = append(heads, store.Head{Number: head.Number, Hash: head.Hash, Where: where})
	}
	return heads, true, nil
}

// headsOfLogs returns the seals of the audit trail that logs tell of. Lines that
// are something else are passed over; logs without any seal prove nothing and
// are refused.
func headsOfLogs(name string) ([]store.Head, error) {
	in := io.Reader(os.Stdin)
	if name != "-" {
		file, err := os.Open(name)
		if err != nil {
			return nil, fault.New(fault.Malformed, "the logs cannot be read: %v", err)
		}
		defer file.Close()
		in = file
	}
	var heads []store.Head
	lines := bufio.NewReader(in)
	for {
		line, err := lines.ReadBytes('\n')
		var told struct {
			Message string `json:"msg"`
			Chain   string `json:"chain"`
			Seal    int64  `json:"seal"`
			Hash    string `json:"hash"`
		}
		if json.Unmarshal(line, &told) == nil && told.Message == "sealed" && told.Chain == service.AuditChain {
			hash, hashErr := hex.DecodeString(told.Hash)
			if hashErr != nil {
				return nil, fault.New(fault.Malformed, "the logs tell of seal %d with a hash that is none", told.Seal)
			}
			heads = append(heads, store.Head{Number: told.Seal, Hash: hash, Where: name})
		}
		switch {
		case errors.Is(err, io.EOF) && len(heads) == 0: // such as lines that something has put words before
			return nil, fault.New(fault.Malformed, "%s tells of no seal of the audit trail", name)
		case errors.Is(err, io.EOF):
			return heads, nil
		case err != nil:
			return nil, fmt.Errorf("read logs: %w", err)
		}
	}
}
