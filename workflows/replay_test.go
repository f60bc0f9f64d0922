package workflows_test

import (
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	kibaliworker "kibali/worker"
)

// histories are those that are kept, so that none goes unnoticed. Each is what a
// case of some earlier build did. Every build must be able to go on from any point
// of it, so each must replay. A file is never changed or deleted.
//
// A change that running cases would notice goes behind workflow.GetVersion and
// adds the histories of its paths: give the paths in worker/histories_test.go
// names that say what is new about them, add the names here, and run
//
//	go test ./worker -run TestHistories -record
var histories = []string{
	"registration-approved", "registration-rejected", "registration-with-document", "registration-changes-resubmitted",
	"registration-expired", "registration-overdue", "registration-after-rejection", "registration-late-duplicate",
	"registration-overdue-reopened", "registration-changes-after-documents",
	"suspension-until", "suspension-lifted", "suspension-end-moved", "suspension-appeal-granted", "suspension-appeal-dismissed",
	"closure", "erasure", "erasure-lapsed",
	"top-up-posted", "top-up-countersigned", "top-up-declined", "top-up-lapsed", "top-up-late-duplicate", "top-up-bulk",
	"password-reset-used", "password-reset-expired", "password-reset-unknown", "password-reset-forced",
	"notification", "contact-proof", "contact-changed", "message-sent", "message-unknown",
}

func TestEveryHistoryReplays(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join("testdata", "histories", "*.json"))
	require.NoError(t, err)
	var kept []string
	for _, file := range files {
		kept = append(kept, strings.TrimSuffix(filepath.Base(file), ".json"))
	}
	require.ElementsMatch(t, histories, kept)
	for i, file := range files {
		t.Run(kept[i], func(t *testing.T) {
			t.Parallel()
			require.NoError(t, newReplayer().ReplayWorkflowHistoryFromJSONFile(quiet(), file))
		})
	}
}

func TestEveryTypeOfCaseHasAHistoryThatReplays(t *testing.T) {
	t.Parallel()
	kept := map[string]bool{}
	for _, name := range histories {
		file, err := os.Open(filepath.Join("testdata", "histories", name+".json"))
		require.NoError(t, err)
		history, err := client.HistoryFromJSON(file, client.HistoryJSONOptions{LastEventID: 1})
		require.NoError(t, err)
		require.NoError(t, file.Close())
		kept[history.GetEvents()[0].GetWorkflowExecutionStartedEventAttributes().GetWorkflowType().GetName()] = true
	}
	var types registeredTypes
	kibaliworker.Register(&types)
	require.NotEmpty(t, types.names)
	require.ElementsMatch(t, types.names, slices.Collect(maps.Keys(kept)))
}

// registeredTypes notes the names under which workflows are registered.
type registeredTypes struct {
	worker.WorkflowRegistry
	names []string
}

func (r *registeredTypes) RegisterWorkflowWithOptions(_ any, options workflow.RegisterOptions) {
	r.names = append(r.names, options.Name)
}

func TestAHistoryThatWasTamperedWithDoesNotReplay(t *testing.T) {
	t.Parallel()
	original, err := os.ReadFile(filepath.Join("testdata", "histories", "registration-approved.json"))
	require.NoError(t, err)
	changed := strings.Replace(string(original), `"name": "ApplyDecision"`, `"name": "ForgetDecision"`, 1)
	require.NotEqual(t, string(original), changed)
	file := filepath.Join(t.TempDir(), "changed.json")
	require.NoError(t, os.WriteFile(file, []byte(changed), 0o600))
	require.Error(t, newReplayer().ReplayWorkflowHistoryFromJSONFile(quiet(), file))
}

func newReplayer() worker.WorkflowReplayer {
	replayer := worker.NewWorkflowReplayer()
	kibaliworker.Register(replayer)
	return replayer
}

func quiet() log.Logger {
	return log.NewStructuredLogger(slog.New(slog.DiscardHandler))
}
