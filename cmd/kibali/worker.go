package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"kibali/cmd/kibali/config"
	"kibali/cmd/kibali/operations"
	"kibali/cmd/kibali/process"
	"kibali/notify"
)

type workerCommand struct {
	config.Operations
	config.Secret
	config.Database
	config.Documents
	config.Heads
	config.Cache
	config.Platform
	config.Notices
	config.Log
}

// Run carries out cases until ctx ends.
func (c workerCommand) Run(ctx context.Context, term terminal) (err error) {
	var problems config.Problems
	log := c.Logger(&problems, term.errors)
	listen := c.Operations.Address(&problems)
	name := c.Name(&problems)
	blueprint := process.Blueprint{
		Pool: c.Pool(&problems, "kibali worker"), Temporal: config.Temporal(&problems), Documents: c.Location(&problems),
		Heads: c.HeadsLocation(&problems), Hashes: 1, Version: build(), Log: log, SecretKey: c.Key(&problems), Platform: name,
	}
	inbox, closeInbox, err := openInbox(c.Notices)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeInbox()) }()
	work := process.Work{
		BuildID: build(), CacheDir: c.CacheDir, Platform: name, BaseURL: c.Platform.Address(&problems),
		Email: c.Email(&problems, name, inbox), SMS: c.SMS(&problems, inbox),
	}
	work.Reports = c.Signed(work.BaseURL)
	if err := problems.Err(); err != nil {
		return err
	}
	p, err := process.New(ctx, blueprint)
	if err != nil {
		return err
	}
	defer p.Close()
	if err := p.CheckSchema(ctx); err != nil {
		return err
	}
	private, err := process.Listen(ctx, listen, "KIBALI_OPERATIONS_LISTEN")
	if err != nil {
		return err
	}
	health := operations.NewHealth(log, p.DatabaseProbe(), p.TemporalProbe(true), p.DocumentsProbe())
	defer process.ServeOperations(private, health, p.Metrics, log)()
	defer context.AfterFunc(ctx, health.Stop)()
	log.Info("working", "operations", private.Addr().String(), "version", build())
	if err := p.Work(ctx, work); err != nil {
		return err
	}
	log.Info("stopped")
	return nil
}

// openInbox opens the inbox when a provider is one, and returns how to close it.
func openInbox(c config.Notices) (*notify.Inbox, func() error, error) {
	nothing := func() error { return nil }
	if !c.UsesInbox() {
		return nil, nothing, nil
	}
	path := c.InboxFile
	remove := nothing
	if path == "" {
		file, err := os.CreateTemp("", "kibali-inbox-*.jsonl")
		if err != nil {
			return nil, nothing, fmt.Errorf("make the file of the inbox: %w", err)
		}
		path = file.Name()
		remove = func() error { return os.Remove(path) }
		if err := file.Close(); err != nil {
			return nil, nothing, fmt.Errorf("make the file of the inbox: %w", err)
		}
	}
	inbox, err := notify.OpenInbox(path)
	if err != nil {
		return nil, nothing, errors.Join(err, remove())
	}
	return inbox, func() error { return errors.Join(inbox.Close(), remove()) }, nil
}
