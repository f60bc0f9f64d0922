package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/jackc/pgx/v5/pgxpool"

	"kibali/devstack"
	"kibali/domain/cases"
	"kibali/migrations"
)

// deciding measures how long a decision takes until the browser shows its
// outcome, on an installation with a serve and a worker.
func (c consoleCommand) deciding(ctx context.Context) (err error) {
	stack, err := devstack.Start(ctx, devstack.Options{
		DataDir: filepath.Join(c.dir, "stack"), Durable: true, Headless: true, SearchAttributes: cases.SearchAttributes(), Progress: progress,
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stack.Stop()) }()
	if err := migrations.Migrate(ctx, stack.OwnerURL()); err != nil {
		return err
	}
	owner, err := pgxpool.New(ctx, stack.Postgres.SuperuserURL(devstack.DatabaseName))
	if err != nil {
		return err
	}
	defer owner.Close()
	if _, err := owner.Exec(ctx, `INSERT INTO staff (id, email, name, role, created_at) VALUES (gen_random_uuid(), 'admin@example.co.tz', 'Bench admin', 'admin', now())`); err != nil {
		return err
	}
	serve, stop, err := c.startPair(ctx, stack)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	cookie, err := signStaffIn(ctx, owner)
	if err != nil {
		return err
	}
	window, _, stopBrowser, err := openWindows(ctx, serve.address, cookie)
	if err != nil {
		return err
	}
	defer stopBrowser()
	return c.decide(ctx, window, serve)
}

// startPair starts a serve and a worker.
func (c consoleCommand) startPair(ctx context.Context, stack *devstack.Stack) (serve *server, stop func() error, err error) {
	var servers []*server
	stop = func() error {
		var failures []error
		for _, s := range servers {
			failures = append(failures, s.stop())
		}
		return errors.Join(failures...)
	}
	address, err := freeAddress(ctx)
	if err != nil {
		return nil, nil, err
	}
	settings := []string{
		"KIBALI_DATABASE_URL=" + stack.AppURL(), "KIBALI_SECRET_KEY=" + rand.Text() + rand.Text(), "KIBALI_LISTEN=" + address,
		"KIBALI_OPERATIONS_LISTEN=127.0.0.1:0", "KIBALI_DOCUMENTS_URL=file://" + c.dir, "KIBALI_BASE_URL=http://" + address, "KIBALI_STAFF_SECOND_FACTOR=optional",
		"KIBALI_EMAIL_PROVIDER=inbox", "KIBALI_SMS_PROVIDER=inbox", "TEMPORAL_ADDRESS=" + stack.Temporal.Address(), "TEMPORAL_NAMESPACE=" + stack.Temporal.Namespace(),
	}
	for _, process := range []struct{ name, said string }{{"serve", "serving"}, {"worker", "working"}} {
		started, err := startKibali(ctx, c.Kibali, process.name, process.said, settings...)
		if err != nil {
			return nil, nil, errors.Join(err, stop())
		}
		servers = append(servers, started)
	}
	if err := runKibali(ctx, c.Kibali, "deploy", settings...); err != nil {
		return nil, nil, errors.Join(err, stop())
	}
	return servers[0], stop, nil
}

// freeAddress is an address on loopback that nobody listens on: the pages have
// to know theirs before they are served.
func freeAddress(ctx context.Context) (string, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return listener.Addr().String(), listener.Close()
}

func (c consoleCommand) decide(ctx, window context.Context, serve *server) error {
	client := &httpClient{address: serve.address}
	defer client.close()
	var times []time.Duration
	for i := range c.Decisions + 1 {
		person := nextPerson()
		body, err := json.Marshal(map[string]any{
			"name": person.Name, "email": person.Email, "phone": person.Phone, "password": password,
			"company": map[string]any{"name": person.Company.Name, "industry": person.Company.Industry},
		})
		if err != nil {
			return err
		}
		answer, err := client.do(ctx, post(serve.address, "/v1/registrations", "", "application/json", body))
		if err != nil {
			return err
		}
		var registered struct{ Account struct{ ID string } }
		if err := json.Unmarshal(answer, &registered); err != nil {
			return err
		}
		took, err := decideInBrowser(ctx, window, "http://"+serve.address+"/console/accounts/"+registered.Account.ID+"/review")
		if err != nil {
			return err
		}
		if i > 0 { // the first one warms up
			times = append(times, took)
		}
	}
	slices.Sort(times)
	fmt.Printf("\n%d approvals in the browser, from the click to the page that tells their outcome\n", c.Decisions)
	bounded(fmt.Sprintf("a decision and its outcome (p50 %s)", ms(quantile(times, 0.5))), milliseconds(times[len(times)-1]), boundDecision, "ms at most")
	return nil
}

// decideInBrowser approves an application as a reviewer does, and returns how
// long it took from the last click until the outcome was told.
func decideInBrowser(ctx, window context.Context, address string) (time.Duration, error) {
	if _, err := inPage[bool](ctx, window, "true", chromedp.Navigate(address), chromedp.WaitReady(chromedp.CSS(`.decide-bar a[data-key="a"]`)),
		chromedp.KeyEvent("a"), chromedp.WaitVisible(chromedp.CSS("#dialog button[data-go]"))); err != nil {
		return 0, err
	}
	start := time.Now()
	_, err := inPage[bool](ctx, window, "true", chromedp.KeyEvent("\r"), chromedp.WaitVisible(chromedp.CSS(`#done .banner[data-tone="success"]`)))
	return time.Since(start), err
}
