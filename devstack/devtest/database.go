package devtest

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"kibali/devstack"
)

// Migrate brings the database at ownerURL, which is empty but for its public
// schema, to the state that a test starts from. It has to close the connections
// that it opens. It connects as the role devstack.OwnerRole and grants
// devstack.AppRole what that may do.
type Migrate func(ctx context.Context, ownerURL string) error

// Database is a database of one test. Each URL is for another role.
type Database struct {
	Name         string
	OwnerURL     string // owns the database
	AppURL       string // what serve and worker connect as
	SuperuserURL string // may do everything
}

// NewDatabase returns a database for this test alone, in the state in which
// migrate leaves an empty one, and drops it when the test is over. migrate runs
// once per test process: pass a function declared at the top level, for it is
// told from others by its code. nil gives an empty database.
//
// It makes no connection that it keeps, and the test need not close its own.
func NewDatabase(t testing.TB, migrate Migrate) Database {
	t.Helper()
	cluster := Postgres(t)
	template, err := templateFor(cluster, migrate)
	if err != nil {
		t.Fatalf("prepare the template of the test databases: %v", err)
	}
	name := fmt.Sprintf("test_%d", databaseCount.Add(1))
	if err := administer(cluster, createDatabase(cluster, name, template)); err != nil {
		t.Fatalf("make a test database: %v", err)
	}
	t.Cleanup(func() {
		if err := administer(cluster, "DROP DATABASE "+name+" WITH (FORCE)"); err != nil {
			t.Errorf("drop a test database: %v", err)
		}
	})
	return Database{
		Name: name, OwnerURL: cluster.OwnerURL(name), AppURL: cluster.AppURL(name), SuperuserURL: cluster.SuperuserURL(name),
	}
}

func createDatabase(cluster *devstack.Postgres, name, template string) string {
	statement := fmt.Sprintf("CREATE DATABASE %s TEMPLATE %s OWNER %s", name, template, devstack.OwnerRole)
	if strings.HasPrefix(cluster.Version(), "14.") {
		return statement // copies files, and knows no other way
	}
	// Measured at half the time of WAL_LOG: nothing has to reach the disk here.
	return statement + " STRATEGY FILE_COPY"
}

var databaseCount atomic.Int64

// templates holds one database per migrate function.
var templates struct {
	mu     sync.Mutex
	byCode map[uintptr]*template
}

type template struct {
	once sync.Once
	name string
	err  error
}

func templateFor(cluster *devstack.Postgres, migrate Migrate) (string, error) {
	if migrate == nil {
		return "template1", nil
	}
	templates.mu.Lock()
	if templates.byCode == nil {
		templates.byCode = map[uintptr]*template{}
	}
	code := reflect.ValueOf(migrate).Pointer()
	found := templates.byCode[code]
	if found == nil {
		found = &template{name: fmt.Sprintf("template_%d", len(templates.byCode)+1)}
		templates.byCode[code] = found
	}
	templates.mu.Unlock()
	found.once.Do(func() { found.err = found.prepare(cluster, migrate) })
	return found.name, found.err
}

func (tpl *template) prepare(cluster *devstack.Postgres, migrate Migrate) error {
	if err := administer(cluster, createDatabase(cluster, tpl.name, "template1")); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	if err := migrate(ctx, cluster.OwnerURL(tpl.name)); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	// A template that somebody is connected to cannot be cloned. Who connects to
	// it from now on is refused.
	return administer(cluster,
		"ALTER DATABASE "+tpl.name+" ALLOW_CONNECTIONS false",
		"SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = '"+tpl.name+"'",
	)
}

// administer runs statements one by one as the superuser.
func administer(cluster *devstack.Postgres, statements ...string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	connection, err := pgx.Connect(ctx, cluster.SuperuserURL(devstack.SuperuserRole))
	if err != nil {
		return err
	}
	defer connection.Close(ctx)
	for _, statement := range statements {
		if _, err := connection.Exec(ctx, statement); err != nil {
			return fmt.Errorf("%s: %w", statement, err)
		}
	}
	return nil
}
