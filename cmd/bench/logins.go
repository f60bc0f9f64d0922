package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"kibali/devstack"
	"kibali/domain/account"
	"kibali/domain/actor"
	"kibali/domain/cases"
	"kibali/identity"
	"kibali/migrations"
	"kibali/store"
)

// loginBench is an installation with one serve, and accounts whose password is
// password.
type loginBench struct {
	dir    string
	stack  *devstack.Stack
	owner  *pgxpool.Pool
	store  *store.Store
	api    *server
	token  string // of an admin
	emails []string
	// suspended are of accounts that are.
	suspended []string
}

// withLogins makes the installation, hands it to do and takes it down again.
func withLogins(ctx context.Context, accounts, hashes int, do func(ctx context.Context, b *loginBench) error) (err error) {
	b := &loginBench{}
	defer func() { err = errors.Join(err, b.close()) }()
	if b.dir, err = os.MkdirTemp("", "kibali-bench-"); err != nil {
		return err
	}
	// PostgreSQL may have to run as another user, who has to get there.
	if err := os.Chmod(b.dir, 0o711); err != nil { //nolint:gosec // entered, not read
		return err
	}
	b.stack, err = devstack.Start(ctx, devstack.Options{
		DataDir: filepath.Join(b.dir, "stack"), Durable: true, Headless: true, SearchAttributes: cases.SearchAttributes(), Progress: progress,
	})
	if err != nil {
		return err
	}
	if err := migrations.Migrate(ctx, b.stack.OwnerURL()); err != nil {
		return err
	}
	if b.owner, err = pgxpool.New(ctx, b.stack.OwnerURL()); err != nil {
		return err
	}
	if b.store, err = store.Open(ctx, b.stack.AppURL()); err != nil {
		return err
	}
	if err := b.furnish(ctx, accounts); err != nil {
		return fmt.Errorf("furnish the database: %w", err)
	}
	binary, err := buildKibali(ctx, b.dir)
	if err != nil {
		return err
	}
	b.api, err = startKibali(ctx, binary, "serve", "serving",
		"KIBALI_DATABASE_URL="+b.stack.AppURL(), "KIBALI_SECRET_KEY="+b.token, "KIBALI_LISTEN=127.0.0.1:0", "KIBALI_OPERATIONS_LISTEN=127.0.0.1:0",
		"KIBALI_DOCUMENTS_URL=file://"+b.dir, "KIBALI_BASE_URL=http://127.0.0.1", fmt.Sprintf("KIBALI_HASHES=%d", hashes),
		"TEMPORAL_ADDRESS="+b.stack.Temporal.Address(), "TEMPORAL_NAMESPACE="+b.stack.Temporal.Namespace(),
		"KIBALI_LIMIT_LOGIN=0", "KIBALI_LIMIT_LOGIN_ADDRESS=0", "KIBALI_LIMIT_LOGIN_ACCOUNT=0", "KIBALI_LIMIT_RESET_ADDRESS=0")
	if err != nil {
		return err
	}
	fmt.Printf("PostgreSQL %s, %s, %d hashes at a time\n", b.stack.Postgres.Version(), machine(), hashes)
	return do(ctx, b)
}

func (b *loginBench) close() error {
	var failures []error
	if b.api != nil {
		failures = append(failures, b.api.stop())
	}
	if b.store != nil {
		b.store.Close()
	}
	if b.owner != nil {
		b.owner.Close()
	}
	if b.stack != nil {
		failures = append(failures, b.stack.Stop())
	}
	return errors.Join(append(failures, os.RemoveAll(b.dir))...)
}

// furnish makes an admin and the accounts, one in three of them suspended.
func (b *loginBench) furnish(ctx context.Context, accounts int) error {
	if _, err := b.owner.Exec(ctx, `INSERT INTO staff (id, email, name, role, created_at) VALUES (gen_random_uuid(), 'admin@example.co.tz', 'Bench admin', 'admin', now())`); err != nil {
		return err
	}
	var err error
	if b.token, err = issueToken(ctx, b.owner); err != nil {
		return err
	}
	hasher, err := identity.NewHasher(identity.Params, 1)
	if err != nil {
		return err
	}
	hash, err := hasher.Hash(ctx, password)
	if err != nil {
		return err
	}
	now := time.Now().UTC().Truncate(time.Microsecond)
	for i := range accounts {
		r := loginOf(nextPerson(), hash, now)
		if i%3 == 2 {
			b.suspended = append(b.suspended, r.Account.Email)
		} else {
			b.emails = append(b.emails, r.Account.Email)
		}
		if err := b.store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error { return tx.InsertRegistration(ctx, r) }); err != nil {
			return err
		}
	}
	_, err = b.owner.Exec(ctx, `UPDATE accounts SET status = CASE WHEN email = ANY($1) THEN 'suspended' ELSE 'active' END, stage = ''`, b.suspended)
	return err
}

// loginOf is the registration of a person with a password's hash.
func loginOf(person account.Account, hash string, now time.Time) store.Registration {
	a := person
	a.ID, a.Status, a.Stage, a.StageSince, a.RegisteredAt = uuid.Must(uuid.NewV7()), account.Pending, account.AwaitingDocuments, now, now
	a.DecidedBy, a.BlockedBy = nil, nil
	a.RemindAt, a.DeadlineAt, a.SuspendedUntil = now.Add(time.Hour), now.Add(2*time.Hour), time.Time{}
	_, token := identity.NewToken(identity.UploadToken)
	return store.Registration{
		Account: a, LoginID: uuid.Must(uuid.NewV7()), PasswordHash: hash,
		Application: store.Application{
			ID: uuid.Must(uuid.NewV7()), AccountID: a.ID, PolicyVersion: 1, Name: a.Name, Locale: a.Locale, Company: a.Company, SubmittedAt: now, AcceptedAt: &now,
		},
		Upload: store.Session{
			ID: uuid.Must(uuid.NewV7()), AccountID: a.ID, Purpose: store.PurposeUpload, Hash: token, CreatedAt: now, Idle: time.Hour, ExpiresAt: now.Add(time.Hour),
		},
		Event: store.Event{At: now, Actor: actor.Actor{Kind: actor.System}, Action: "register", Subject: "account", SubjectID: a.ID.String(), AccountID: &a.ID},
	}
}

// signIn is a request to sign in.
func (b *loginBench) signIn(email, pass string) []byte {
	return post(b.api.address, "/v1/sessions", "", "application/json", fmt.Appendf(nil, `{"email":%q,"password":%q}`, email, pass))
}

// expect sends a request whose answer is the given status, such as "401".
func expect(ctx context.Context, c *httpClient, request []byte, status string) error {
	_, err := c.do(ctx, request)
	if err != nil && strings.Contains(err.Error(), " answers "+status) {
		return nil
	}
	return err
}
