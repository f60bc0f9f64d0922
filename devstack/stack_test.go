package devstack

import (
	"net"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"kibali/domain/fault"
)

const insertOne = "WITH one AS (INSERT INTO kept VALUES ('found again') RETURNING what) SELECT what FROM one"

func TestASecondStartFindsItsData(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	first, err := Start(t.Context(), testOptions(dir))
	require.NoError(t, err)
	keep(t, first)
	startWorkflow(t, first.Temporal, "case/kept")
	require.NoError(t, first.Stop())

	begin := time.Now()
	second := startStack(t, testOptions(dir))
	require.Less(t, time.Since(begin), 5*time.Second)

	require.Equal(t, "found again", query(t, second.OwnerURL(), "SELECT what FROM kept"))
	require.True(t, knowsWorkflow(t, second.Temporal, "case/kept"))
	require.Equal(t, dir, second.DataDir())
	require.Empty(t, second.Temporal.UIURL())
	require.Equal(t, 90*24*time.Hour, retention(t, second.Temporal))
}

func TestASecondStartOnTheSameFolderIsRefused(t *testing.T) {
	t.Parallel()
	stack := startStack(t, testOptions(folder(t)))

	_, err := Start(t.Context(), testOptions(stack.DataDir()))

	require.True(t, fault.Is(err, fault.Conflict), "%v", err)
	require.ErrorContains(t, err, stack.DataDir())
	require.ErrorContains(t, err, "process "+strconv.Itoa(syscall.Getpid()))
}

func TestAPortInUseIsNamed(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	port := listener.Addr().(*net.TCPAddr).Port

	for name, options := range map[string]Options{
		"PostgreSQL":      {PostgresPort: port, Headless: true},
		"Temporal":        {TemporalPort: port, Headless: true},
		"The Temporal UI": {TemporalUIPort: port},
	} {
		options.DataDir = folder(t)
		_, err := Start(t.Context(), options)
		require.True(t, fault.Is(err, fault.Conflict), "%v", err)
		require.ErrorContains(t, err, name+" cannot listen on "+listener.Addr().String())
	}
}

func TestServersComeBackWhereTheyWereAfterAKill(t *testing.T) {
	t.Parallel()
	stack := startStack(t, testOptions(folder(t)))
	keep(t, stack)
	startWorkflow(t, stack.Temporal, "case/kept")
	databaseURL, address := stack.OwnerURL(), stack.Temporal.Address()

	require.NoError(t, stack.Postgres.Kill())
	require.NoError(t, stack.Temporal.Kill())
	require.Error(t, checkListening(stack.Postgres.Port()))
	require.NoError(t, stack.Postgres.Start(t.Context()))
	require.NoError(t, stack.Temporal.Start(t.Context()))

	require.Equal(t, databaseURL, stack.OwnerURL())
	require.Equal(t, address, stack.Temporal.Address())
	require.Equal(t, "found again", query(t, databaseURL, "SELECT what FROM kept"))
	require.True(t, knowsWorkflow(t, stack.Temporal, "case/kept"))
	require.Empty(t, stack.Died(), "a kill that was asked for is no surprise")
}

func TestAServerThatDiesIsReported(t *testing.T) {
	t.Parallel()
	stack := startStack(t, testOptions(folder(t)))

	require.NoError(t, syscall.Kill(stack.Temporal.PID(), syscall.SIGKILL))
	require.ErrorContains(t, <-stack.Died(), "Temporal server ended unexpectedly (signal: killed)")
	require.NoError(t, syscall.Kill(stack.Postgres.PID(), syscall.SIGQUIT))
	require.ErrorContains(t, <-stack.Died(), "PostgreSQL ended unexpectedly")
}

func TestTheUIAnswersUnlessItIsSwitchedOff(t *testing.T) {
	t.Parallel()
	server, err := StartTemporal(t.Context(), TemporalOptions{Dir: folder(t), Namespace: "kibali", Retention: 48 * time.Hour})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Stop()) })

	require.NoError(t, checkReachable(t.Context(), server.UIURL()))
	require.Equal(t, "kibali", server.Namespace())
	require.Equal(t, 48*time.Hour, retention(t, server))
}

func keep(t *testing.T, stack *Stack) {
	t.Helper()
	execute(t, stack.OwnerURL(), "CREATE TABLE kept (what text)")
	require.Equal(t, "found again", query(t, stack.OwnerURL(), insertOne))
}

func dial(t *testing.T, server *Temporal) client.Client {
	t.Helper()
	connection, err := client.Dial(client.Options{HostPort: server.Address(), Namespace: server.Namespace(), Logger: silent{}})
	require.NoError(t, err)
	t.Cleanup(connection.Close)
	return connection
}

func startWorkflow(t *testing.T, server *Temporal, id string) {
	t.Helper()
	_, err := dial(t, server).ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: id, TaskQueue: "nobody"}, "Anything")
	require.NoError(t, err)
}

func knowsWorkflow(t *testing.T, server *Temporal, id string) bool {
	t.Helper()
	_, err := dial(t, server).DescribeWorkflowExecution(t.Context(), id, "")
	return err == nil
}

func retention(t *testing.T, server *Temporal) time.Duration {
	t.Helper()
	described, err := dial(t, server).WorkflowService().DescribeNamespace(t.Context(),
		&workflowservice.DescribeNamespaceRequest{Namespace: server.Namespace()})
	require.NoError(t, err)
	return described.GetConfig().GetWorkflowExecutionRetentionTtl().AsDuration()
}
