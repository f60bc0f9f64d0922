package process

import (
	"context"
	"errors"
	"fmt"

	"go.temporal.io/api/serviceerror"
	"golang.org/x/sync/errgroup"

	"kibali/activities"
	"kibali/documents"
	"kibali/identity"
	"kibali/notify"
	"kibali/worker"
)

// Work is what a worker needs beyond what every process has.
type Work struct {
	BuildID  string
	CacheDir string // of the PDF library; "" for none
	Email    notify.EmailSender
	SMS      notify.SMSSender
	Reports  *notify.TwilioReports // of SMS; nil for a provider that does not sign them
	Platform string
	BaseURL  string
}

// Work carries out cases, sweeps, follows the ledger, seals and deletes what is kept
// for too long until ctx ends, then finishes what is in hand. It waits for Temporal
// when that is away at the start.
func (p *Process) Work(ctx context.Context, w Work) (err error) {
	links, err := identity.NewLinks(p.secretKey)
	if err != nil {
		return err
	}
	renderer := documents.NewRenderer(documents.RendererOptions{CacheDir: w.CacheDir, Concurrent: documentsAtATime})
	defer func() {
		if closeErr := renderer.Close(); closeErr != nil {
			err = errors.Join(err, fmt.Errorf("close the renderer: %w", closeErr))
		}
	}()
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		p.Service.RunSweeps(ctx)
		return nil
	})
	group.Go(func() error {
		p.Service.RunLedger(ctx)
		return nil
	})
	group.Go(func() error {
		p.Service.RunSeals(ctx)
		return nil
	})
	group.Go(func() error {
		p.Service.RunRetention(ctx)
		return nil
	})
	group.Go(func() error {
		return p.runCases(ctx, worker.Options{
			BuildID:   w.BuildID,
			Documents: documentsAtATime,
			Log:       p.Log,
			Activities: activities.New(activities.Config{
				Store: p.Store, Documents: p.Documents, Renderer: renderer, Email: w.Email, SMS: w.SMS,
				Reports: w.Reports, Observe: p.Metrics.Recipients,
				Platform: w.Platform, BaseURL: w.BaseURL, Links: links, Log: p.Log,
			}),
		})
	})
	return group.Wait()
}

// runCases runs a worker once Temporal answers, and again when Temporal goes
// away in the very moment in which the worker starts.
func (p *Process) runCases(ctx context.Context, o worker.Options) error {
	for {
		if err := p.WaitForTemporal(ctx); err != nil {
			return unlessOver(ctx, err)
		}
		err := worker.Run(ctx, p.Temporal, o)
		if _, away := errors.AsType[*serviceerror.Unavailable](err); !away || ctx.Err() != nil {
			return err
		}
		p.Log.Warn("Temporal went away while the worker started")
	}
}

// unlessOver returns err, unless it is only that the context has ended.
func unlessOver(ctx context.Context, err error) error {
	select {
	case <-ctx.Done():
		return nil
	default:
		return err
	}
}

// documentsAtATime is how many documents a worker draws at a time: each may
// take half a gigabyte.
const documentsAtATime = 1
