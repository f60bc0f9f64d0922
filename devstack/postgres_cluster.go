package devstack

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
)

// passwords are those of the cluster's roles, kept in the data folder where only
// its owner can read them.
type passwords struct {
	Superuser string `json:"superuser"`
	Owner     string `json:"owner"`
	App       string `json:"app"`
	// Initial is the superuser's password in a cluster that settle has not seen.
	Initial string `json:"initial,omitempty"`
}

func (p *Postgres) passwordFile() string { return filepath.Join(p.dir, "passwords.json") }

func (p *Postgres) savePasswords() error {
	content, err := json.MarshalIndent(p.passwords, "", "  ")
	if err != nil {
		return err
	}
	return writeFileWhole(p.passwordFile(), append(content, '\n'), 0o600)
}

// writeFileWhole writes a file so that a crash leaves the old one or the new one.
func writeFileWhole(path string, content []byte, mode os.FileMode) error {
	if err := os.WriteFile(path+".new", content, mode); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// ensureCluster makes a cluster when there is none yet, and sees to it that the
// programs are of the version that made it.
func (p *Postgres) ensureCluster(ctx context.Context) error {
	content, err := os.ReadFile(p.passwordFile())
	if err == nil {
		err = json.Unmarshal(content, &p.passwords)
	}
	madeBy, versionErr := os.ReadFile(filepath.Join(p.clusterDir(), "PG_VERSION"))
	switch {
	case err == nil && versionErr == nil:
		return p.matchVersion(ctx, strings.TrimSpace(string(madeBy)))
	case versionErr == nil:
		return fmt.Errorf("the cluster in %s is of no use without its passwords in %s: %w", p.clusterDir(), p.passwordFile(), err)
	case !errors.Is(versionErr, os.ErrNotExist):
		return fmt.Errorf("read the version of the cluster: %w", versionErr)
	}
	return p.makeCluster(ctx)
}

// matchVersion looks for programs of the major version that the cluster is of.
func (p *Postgres) matchVersion(ctx context.Context, madeBy string) error {
	major, err := strconv.Atoi(madeBy)
	if err != nil {
		return fmt.Errorf("the cluster's version %q: %w", madeBy, err)
	}
	if p.binaries.major == major {
		return nil
	}
	for _, dir := range p.search.folders(ctx) {
		if found, err := inspectPostgres(ctx, dir); err == nil && found.major == major {
			p.binaries = found
			return nil
		}
	}
	return fmt.Errorf("the data in %s was made by PostgreSQL %d, but only PostgreSQL %s is here; install %d or use another data folder",
		p.dir, major, p.binaries.version, major)
}

// makeCluster copies an initialised cluster of this version from the cache, and
// makes that first when it is not there. The cluster appears under its name only
// when it is whole.
func (p *Postgres) makeCluster(ctx context.Context) error {
	template, initial, err := p.clusterTemplate(ctx)
	if err != nil {
		return err
	}
	unfinished := p.clusterDir() + ".new"
	for _, dir := range []string{unfinished, p.clusterDir()} {
		if err := os.RemoveAll(dir); err != nil {
			return fmt.Errorf("clear the place of the cluster: %w", err)
		}
	}
	if err := copyTree(template, unfinished, p.account); err != nil {
		return fmt.Errorf("copy an initialised cluster: %w", err)
	}
	if p.durable {
		sync := process{
			title: "initdb --sync-only", path: p.binaries.path("initdb"), args: []string{"--sync-only", "-D", unfinished},
			dir: p.place, env: postgresEnvironment(), as: p.account,
		}
		if _, err := sync.run(ctx); err != nil {
			return err
		}
	}
	p.passwords = passwords{Superuser: rand.Text(), Owner: rand.Text(), App: rand.Text(), Initial: initial}
	if err := p.savePasswords(); err != nil {
		return fmt.Errorf("keep the passwords of the cluster: %w", err)
	}
	return os.Rename(unfinished, p.clusterDir())
}

// clusterTemplate returns an initialised cluster of this version in the cache,
// which takes initdb a second or more to make, and its superuser's password.
func (p *Postgres) clusterTemplate(ctx context.Context) (dir, password string, err error) {
	template := filepath.Join(p.cache, "cluster-"+p.binaries.version)
	release, err := waitForLock(ctx, template+".lock")
	if err != nil {
		return "", "", err
	}
	defer release()
	dir = filepath.Join(template, "data")
	if content, err := os.ReadFile(filepath.Join(template, "password")); err == nil {
		return dir, string(content), nil
	}
	p.progress("initialising a PostgreSQL %s cluster", p.binaries.version)
	work, err := os.MkdirTemp(p.cache, "cluster-new-")
	if err != nil {
		return "", "", err
	}
	defer os.RemoveAll(work)
	password = rand.Text()
	if err := p.initialise(ctx, filepath.Join(work, "data"), password); err != nil {
		return "", "", err
	}
	if err := os.WriteFile(filepath.Join(work, "password"), []byte(password), 0o600); err != nil {
		return "", "", err
	}
	if err := os.RemoveAll(template); err != nil {
		return "", "", err
	}
	return dir, password, os.Rename(work, template)
}

// locales are tried in turn; all but the last know upper and lower case of every
// script, and all sort by code point where the system has the first.
var locales = []string{"C.UTF-8", "en_US.UTF-8", "C"}

// initialise runs initdb in the cluster's place, where the account may write,
// and moves the outcome to target.
func (p *Postgres) initialise(ctx context.Context, target, password string) error {
	work, err := os.MkdirTemp(p.place, "initdb-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	if err := p.account.own(work); err != nil {
		return err
	}
	passwordFile := filepath.Join(work, "password")
	if err := os.WriteFile(passwordFile, []byte(password+"\n"), 0o600); err != nil {
		return err
	}
	if err := p.account.own(passwordFile); err != nil {
		return err
	}
	var failures []error
	for _, locale := range locales {
		dir := filepath.Join(work, "data")
		_, err := process{
			title: "initdb", path: p.binaries.path("initdb"), dir: work, env: postgresEnvironment(), as: p.account,
			args: []string{
				"-D", dir, "-U", SuperuserRole, "--auth=scram-sha-256", "--pwfile=" + passwordFile,
				"--encoding=UTF8", "--locale=" + locale, "--no-sync",
			},
		}.run(ctx)
		if err == nil {
			return copyTree(dir, target, nil)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		failures = append(failures, err)
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
	}
	return errors.Join(failures...)
}

// bringBinaries copies fetched programs to where the account can run them.
func (p *Postgres) bringBinaries(ctx context.Context) error {
	if p.account == nil {
		return nil
	}
	if reached, err := p.canReach(ctx, p.binaries.dir); err != nil || reached {
		return err
	}
	root := filepath.Dir(p.binaries.dir)
	target := filepath.Join(p.place, "postgresql-"+p.binaries.version)
	reachable := filepath.Join(target, filepath.Base(p.binaries.dir))
	if _, err := inspectPostgres(ctx, reachable); err != nil {
		if err := errors.Join(os.RemoveAll(target), os.RemoveAll(target+".new")); err != nil {
			return err
		}
		if err := copyTree(root, target+".new", nil); err != nil {
			return fmt.Errorf("copy PostgreSQL to where %s can run it: %w", p.account.name, err)
		}
		if err := os.Rename(target+".new", target); err != nil {
			return err
		}
	}
	p.binaries.dir = reachable
	return nil
}

// settle gives a new cluster its passwords, roles and database.
func (p *Postgres) settle(ctx context.Context) error {
	if p.passwords.Initial == "" {
		return nil
	}
	connection, err := p.connectSuperuser(ctx, "template1")
	if err != nil {
		return fmt.Errorf("connect to the new cluster: %w", err)
	}
	defer connection.Close(ctx)
	if err := p.makeRoles(ctx, connection); err != nil {
		return fmt.Errorf("make the roles of the new cluster: %w", err)
	}
	p.passwords.Initial = ""
	if err := p.savePasswords(); err != nil {
		return fmt.Errorf("keep the passwords of the cluster: %w", err)
	}
	return nil
}

// makeRoles can run again after a crash in its middle. Passwords are letters and
// digits, so they need no quoting.
func (p *Postgres) makeRoles(ctx context.Context, connection *pgx.Conn) error {
	statements := []string{
		// Whoever owns a database owns its public schema, and nobody else may
		// create there; later versions have it so from the start.
		"ALTER SCHEMA public OWNER TO pg_database_owner",
		"REVOKE CREATE ON SCHEMA public FROM PUBLIC",
	}
	for role, password := range map[string]string{OwnerRole: p.passwords.Owner, AppRole: p.passwords.App} {
		exists, err := rowExists(ctx, connection, "SELECT 1 FROM pg_roles WHERE rolname = $1", role)
		if err != nil {
			return err
		}
		verb := "CREATE"
		if exists {
			verb = "ALTER"
		}
		statements = append(statements, fmt.Sprintf("%s ROLE %s LOGIN PASSWORD '%s'", verb, role, password))
	}
	exists, err := rowExists(ctx, connection, "SELECT 1 FROM pg_database WHERE datname = $1", DatabaseName)
	if err != nil {
		return err
	}
	if !exists {
		statements = append(statements, "CREATE DATABASE "+DatabaseName+" OWNER "+OwnerRole)
	}
	statements = append(statements, fmt.Sprintf("ALTER ROLE %s PASSWORD '%s'", SuperuserRole, p.passwords.Superuser))
	for _, statement := range statements {
		if _, err := connection.Exec(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

func rowExists(ctx context.Context, connection *pgx.Conn, query, argument string) (bool, error) {
	var one int
	err := connection.QueryRow(ctx, query, argument).Scan(&one)
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}
