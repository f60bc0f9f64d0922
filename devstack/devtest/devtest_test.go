package devtest_test

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"kibali/devstack/devtest"
)

func TestMain(m *testing.M) { devtest.Main(m) }

var migrations int

func migrate(ctx context.Context, ownerURL string) error {
	migrations++
	connection, err := pgx.Connect(ctx, ownerURL)
	if err != nil {
		return err
	}
	// The connection is left open on purpose: the template has to be cloned all
	// the same.
	_, err = connection.Exec(ctx, `
		CREATE EXTENSION pg_trgm;
		CREATE TABLE thing (id bigint PRIMARY KEY);
		GRANT SELECT, INSERT ON thing TO kibali_app`)
	return err
}

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	connection, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	return connection
}

func TestEachTestHasAMigratedDatabaseOfItsOwn(t *testing.T) {
	t.Parallel()
	one, two := devtest.NewDatabase(t, migrate), devtest.NewDatabase(t, migrate)

	_, err := connect(t, one.AppURL).Exec(t.Context(), "INSERT INTO thing VALUES (1)")
	require.NoError(t, err)

	var count int
	require.NoError(t, connect(t, two.AppURL).QueryRow(t.Context(), "SELECT count(*) FROM thing").Scan(&count))
	require.Zero(t, count)
	require.Equal(t, 1, migrations)
}

func TestTheApplicationRoleMayDoWhatMigrationsGrant(t *testing.T) {
	t.Parallel()
	database := devtest.NewDatabase(t, migrate)

	_, err := connect(t, database.AppURL).Exec(t.Context(), "DELETE FROM thing")
	require.ErrorContains(t, err, "permission denied")
	_, err = connect(t, database.AppURL).Exec(t.Context(), "CREATE TABLE mine (id int)")
	require.ErrorContains(t, err, "permission denied")
	_, err = connect(t, database.OwnerURL).Exec(t.Context(), "DELETE FROM thing")
	require.NoError(t, err)
}

func TestADatabaseIsDroppedWhenItsTestIsOver(t *testing.T) {
	t.Parallel()
	var url string
	t.Run("a test", func(t *testing.T) {
		database := devtest.NewDatabase(t, nil)
		url = database.OwnerURL
		connect(t, url) // still open when the database is dropped
	})

	_, err := pgx.Connect(t.Context(), url)
	require.ErrorContains(t, err, "does not exist")
}

func TestEachTestHasANamespaceOfItsOwn(t *testing.T) {
	t.Parallel()
	attributes := map[string]string{"Color": "Keyword", "Due": "Datetime"}
	one, two := devtest.Temporal(t, attributes), devtest.Temporal(t, attributes)
	color := temporal.NewSearchAttributeKeyKeyword("Color")

	for _, server := range []devtest.TemporalServer{one, two} {
		w := worker.New(server.Client, "same-queue", worker.Options{})
		w.RegisterWorkflowWithOptions(func(workflow.Context) (string, error) { return server.Namespace, nil },
			workflow.RegisterOptions{Name: "WhereAmI"})
		require.NoError(t, w.Start())
		t.Cleanup(w.Stop)
	}
	for _, server := range []devtest.TemporalServer{one, two} {
		run, err := server.Client.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{
			ID: "same-id", TaskQueue: "same-queue",
			TypedSearchAttributes: temporal.NewSearchAttributes(color.ValueSet("green")),
		}, "WhereAmI")
		require.NoError(t, err)
		var answer string
		require.NoError(t, run.Get(t.Context(), &answer))
		require.Equal(t, server.Namespace, answer)
	}
	require.Eventually(t, func() bool {
		listed, err := one.Client.ListWorkflow(t.Context(), &workflowservice.ListWorkflowExecutionsRequest{
			Namespace: one.Namespace, Query: "Color = 'green'",
		})
		return err == nil && len(listed.GetExecutions()) == 1
	}, 10*time.Second, 20*time.Millisecond)
}
