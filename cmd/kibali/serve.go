package main

import (
	"context"
	"strings"

	"kibali/cmd/kibali/config"
	"kibali/cmd/kibali/operations"
	"kibali/cmd/kibali/process"
)

type serveCommand struct {
	config.API
	config.Secret
	config.Operations
	config.Drain
	config.Database
	config.Documents
	config.Platform
	config.StaffSignIn
	config.SSO
	config.Console
	config.Hashes
	config.Limits
	config.Reports
	config.Log
}

// Run serves the API until ctx ends.
func (c serveCommand) Run(ctx context.Context, term terminal) error {
	var problems config.Problems
	log := c.Logger(&problems, term.errors)
	key, listen := c.Key(&problems), c.API.Address(&problems)
	operationsListen, pause := c.Operations.Address(&problems), c.Pause(&problems)
	front := process.Front{Proxies: c.Proxies(&problems), Site: c.Site(&problems), SecondFactor: c.SecondFactorRequired(&problems), TemporalUI: c.TemporalUI(&problems)}
	front.Reports = c.Signed(strings.TrimRight(c.BaseURL, "/"))
	blueprint := process.Blueprint{
		Pool: c.Pool(&problems, "kibali serve"), Temporal: config.Temporal(&problems), Documents: c.Location(&problems),
		Hashes: c.Parallel(&problems), Version: build(), Log: log,
		SecretKey: key, Platform: c.Name(&problems), BaseURL: strings.TrimRight(c.BaseURL, "/"), Limits: c.Rates(&problems),
	}
	blueprint.SSO = c.Provider(&problems, c.BaseURL, key, log)
	err := problems.Err()
	if err != nil {
		return err
	}
	process.BoundMemory()
	if blueprint.Hashing, err = hashing(blueprint.Hashes); err != nil {
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
	handler, err := p.Web(front)
	if err != nil {
		return err
	}
	health := operations.NewHealth(log, p.DatabaseProbe(), p.TemporalProbe(false), p.DocumentsProbe())
	listener, err := process.Listen(ctx, listen, "KIBALI_LISTEN")
	if err != nil {
		return err
	}
	defer listener.Close()
	private, err := process.Listen(ctx, operationsListen, "KIBALI_OPERATIONS_LISTEN")
	if err != nil {
		return err
	}
	defer process.ServeOperations(private, health, p.Metrics, log)()
	log.Info("serving", "address", listener.Addr().String(), "operations", private.Addr().String(), "version", build())
	if err := process.Serve(ctx, listener, handler, health, pause); err != nil {
		return err
	}
	log.Info("stopped")
	return nil
}
