package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/history/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/worker"

	kibaliworker "kibali/worker"
)

// readHistories reads the history of every run of every case: nothing personal
// may stand in it, no workflow task may have failed on it, and this build must
// be able to replay it. It reads /metrics of every process as well, while they
// run.
func (r *run) readHistories(ctx context.Context) error {
	replayer := worker.NewWorkflowReplayer()
	kibaliworker.Register(replayer)
	traces := r.canaries.traces()
	runs, events := 0, 0
	var page []byte
	for {
		list, err := r.temporal.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{Query: "", PageSize: 500, NextPageToken: page})
		if err != nil {
			return fmt.Errorf("list the cases: %w", err)
		}
		for _, execution := range list.GetExecutions() {
			listed, err := execution.Marshal()
			if err != nil {
				return err
			}
			id := execution.GetExecution().GetWorkflowId()
			r.search(traces, "the list of cases", id, listed)
			if !isCase(id) {
				continue // Temporal's own
			}
			n, err := r.readHistory(ctx, replayer, traces, id, execution.GetExecution().GetRunId())
			if err != nil {
				return err
			}
			runs, events = runs+1, events+n
		}
		if page = list.GetNextPageToken(); len(page) == 0 {
			break
		}
	}
	r.report.fact("%d histories with %d events were searched and replayed", runs, events)
	return r.readMetrics(ctx, traces)
}

func isCase(id string) bool {
	kind, _, found := strings.Cut(id, "/")
	return found && slices.Contains([]string{"registration", "suspension", "closure", "top-up", "message"}, kind)
}

func (r *run) readHistory(ctx context.Context, replayer worker.WorkflowReplayer, traces *regexp.Regexp, id, runID string) (int, error) {
	var whole history.History
	events := r.temporal.GetWorkflowHistory(ctx, id, runID, false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		event, err := events.Next()
		if err != nil {
			return 0, fmt.Errorf("read the history of %s: %w", id, err)
		}
		// The binary form holds texts as they are, payloads included.
		binary, err := event.Marshal()
		if err != nil {
			return 0, err
		}
		r.search(traces, "a history", fmt.Sprintf("%s, event %d, %s", id, event.GetEventId(), event.GetEventType()), binary)
		if failed := event.GetWorkflowTaskFailedEventAttributes(); failed != nil &&
			failed.GetCause() != enums.WORKFLOW_TASK_FAILED_CAUSE_FORCE_CLOSE_COMMAND {
			r.failedTask(id, failed)
		}
		whole.Events = append(whole.Events, event)
	}
	if err := replayer.ReplayWorkflowHistory(quiet(), &whole); err != nil {
		r.report.breach("P19", "history does not replay", "%s: %v", id, err)
	}
	return len(whole.Events), nil
}

// failedTask reports a workflow task that failed on our code. A task that ended
// because of what came meanwhile, or because Temporal died while its history
// was read, is done again, which is no failure.
func (r *run) failedTask(id string, failed *history.WorkflowTaskFailedEventAttributes) {
	if strings.Contains(failed.GetFailure().GetMessage(), "premature end of stream") {
		r.report.count("workflow tasks done again: history cut short", 1)
		return
	}
	switch failed.GetCause() {
	case enums.WORKFLOW_TASK_FAILED_CAUSE_NON_DETERMINISTIC_ERROR, enums.WORKFLOW_TASK_FAILED_CAUSE_WORKFLOW_WORKER_UNHANDLED_FAILURE:
		r.report.breach("P19", "workflow task failed", "%s: %s: %s", id, failed.GetCause(), failed.GetFailure().GetMessage())
	default:
		r.report.count("workflow tasks done again: "+failed.GetCause().String(), 1)
	}
}

func (r *run) readMetrics(ctx context.Context, traces *regexp.Regexp) error {
	reader := &http.Client{Timeout: 10 * time.Second}
	for _, c := range r.processes() {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+c.operations+"/metrics", http.NoBody)
		if err != nil {
			return err
		}
		response, err := reader.Do(request)
		if err != nil {
			return fmt.Errorf("read the metrics of %s: %w", c.name, err)
		}
		body, err := io.ReadAll(response.Body)
		if err = errors.Join(err, response.Body.Close()); err != nil {
			return fmt.Errorf("read the metrics of %s: %w", c.name, err)
		}
		if response.StatusCode != http.StatusOK || len(body) == 0 {
			r.report.breach("P9", "no metrics", "%s: status %d", c.name, response.StatusCode)
		}
		r.search(traces, "metrics", c.name, body)
	}
	return nil
}

// search reports a trace. What is found is shown: it is made up.
func (r *run) search(traces *regexp.Regexp, where, which string, content []byte) {
	if at := traces.FindIndex(content); at != nil {
		r.report.breach("P9", "personal data in "+where, "%s: %q", which, content[max(0, at[0]-60):min(len(content), at[1]+60)])
	}
}

// findTraces searches the logs of every process, after their end. What the
// logs say of errors is counted on the way.
func (r *run) findTraces(context.Context) error {
	traces := r.canaries.traces()
	logs := []string{r.stack.Temporal.LogFile(), r.stack.Postgres.LogFile()}
	for _, c := range r.processes() {
		logs = append(logs, c.logFile)
	}
	lines := 0
	for _, path := range logs {
		n, err := r.searchLog(traces, path)
		if err != nil {
			return err
		}
		lines += n
	}
	r.report.fact("%d lines of logs were searched", lines)
	return nil
}

var panics = regexp.MustCompile(`"msg":"(panic|An activity panicked\.)"|^panic: |^fatal error: `)

func (r *run) searchLog(traces *regexp.Regexp, path string) (lines int, err error) {
	log, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer log.Close()
	name := filepath.Base(path)
	scanner := bufio.NewScanner(log)
	scanner.Buffer(nil, 4<<20)
	for scanner.Scan() {
		lines++
		r.search(traces, "a log", fmt.Sprintf("%s:%d", name, lines), scanner.Bytes())
		if panics.Match(scanner.Bytes()) {
			r.report.breach("P1", "panic", "%s:%d: %.300s", name, lines, scanner.Text())
		}
	}
	return lines, scanner.Err()
}
