package workflows_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"kibali/domain/cases"
	"kibali/workflows"
)

// Each file in testdata/histories is what a case of some earlier build did.
// Every build must be able to go on from any point of it, so each must replay.
// A file is never changed or deleted.
//
// A change that running cases would notice goes behind workflow.GetVersion and
// adds the histories of its paths: give the paths in worker/histories_test.go
// names that say what is new about them, and run
//
//	go test ./worker -run TestHistories -record
func TestEveryHistoryReplays(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join("testdata", "histories", "*.json"))
	require.NoError(t, err)
	for _, want := range []string{"registration-approved", "registration-rejected", "registration-with-document",
		"registration-changes-resubmitted", "registration-expired", "registration-overdue", "registration-after-rejection",
		"registration-late-duplicate", "registration-overdue-reopened", "registration-changes-after-documents", "suspension-until", "suspension-lifted", "suspension-end-moved", "closure", "message-sent", "message-unknown",
		"top-up-posted", "top-up-countersigned", "top-up-declined", "top-up-lapsed", "top-up-late-duplicate", "top-up-bulk",
		"password-reset-used", "password-reset-expired", "password-reset-unknown", "password-reset-forced", "notification", "contact-proof", "contact-changed",
		"suspension-appeal-granted", "suspension-appeal-dismissed"} {
		require.Contains(t, files, filepath.Join("testdata", "histories", want+".json"))
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".json"), func(t *testing.T) {
			t.Parallel()
			require.NoError(t, newReplayer().ReplayWorkflowHistoryFromJSONFile(quiet(), file))
		})
	}
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
	replayer.RegisterWorkflowWithOptions(workflows.Registration, workflow.RegisterOptions{Name: cases.Registration})
	replayer.RegisterWorkflowWithOptions(workflows.Suspension, workflow.RegisterOptions{Name: cases.Suspension})
	replayer.RegisterWorkflowWithOptions(workflows.Closure, workflow.RegisterOptions{Name: cases.Closure})
	replayer.RegisterWorkflowWithOptions(workflows.Message, workflow.RegisterOptions{Name: cases.Message})
	replayer.RegisterWorkflowWithOptions(workflows.TopUp, workflow.RegisterOptions{Name: cases.TopUp})
	replayer.RegisterWorkflowWithOptions(workflows.PasswordReset, workflow.RegisterOptions{Name: cases.PasswordReset})
	replayer.RegisterWorkflowWithOptions(workflows.Notification, workflow.RegisterOptions{Name: cases.Notification})
	replayer.RegisterWorkflowWithOptions(workflows.Erasure, workflow.RegisterOptions{Name: cases.Erasure})
	return replayer
}

func quiet() log.Logger {
	return log.NewStructuredLogger(slog.New(slog.DiscardHandler))
}
