package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"mime/multipart"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"golang.org/x/sync/errgroup"

	"kibali/documents/sample"
	"kibali/domain/account"
	"kibali/domain/cases"
	"kibali/identity"
)

// caseContender runs cases. Each of its clients has a worker.
type caseContender interface {
	name() string
	worker() (caseWorker, error)
}

// caseWorker takes one case after the other from registration to approval, and
// returns the id of its workflow, which may still be sending notices.
type caseWorker interface {
	run(ctx context.Context) (workflowID string, err error)
	close()
}

// runCases has all clients run n cases together, waits until the last of them
// has closed, which is when its last notice is sent, and returns how long all
// of it took.
func runCases(ctx context.Context, temporal client.Client, c caseContender, n int) (time.Duration, error) {
	ids := make([]string, n)
	var next atomic.Int64
	var group errgroup.Group
	start := time.Now()
	for range clients {
		worker, err := c.worker()
		if err != nil {
			return 0, err
		}
		group.Go(func() (err error) {
			defer worker.close()
			for i := int(next.Add(1)) - 1; i < n && err == nil; i = int(next.Add(1)) - 1 {
				ids[i], err = worker.run(ctx)
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return 0, fmt.Errorf("%s: %w", c.name(), err)
	}
	for _, id := range ids {
		if err := temporal.GetWorkflow(ctx, id, "").Get(ctx, nil); err != nil {
			return 0, fmt.Errorf("%s: %w", c.name(), err)
		}
	}
	return time.Since(start), nil
}

// people gives every case a person of its own.
var people = struct {
	sync.Mutex
	*population
}{population: newPopulation(1_000_000, datasetEnd)}

func nextPerson() account.Account {
	people.Lock()
	defer people.Unlock()
	return people.next()
}

const password = "twiga mrefu anakula majani"

// realCases go through Kibali's API.
type realCases struct {
	b      *caseBench
	upload bool
}

func (r *realCases) name() string { return "kibali" }

func (r *realCases) worker() (caseWorker, error) {
	return &realWorker{realCases: r, client: &httpClient{address: r.b.api}}, nil
}

type realWorker struct {
	*realCases
	client *httpClient
}

func (w *realWorker) close() { w.client.close() }

func (w *realWorker) run(ctx context.Context) (string, error) {
	person := nextPerson()
	body, err := json.Marshal(map[string]any{
		"name": person.Name, "email": person.Email, "phone": person.Phone, "password": password, "locale": person.Locale,
		"company": map[string]any{"name": person.Company.Name, "industry": person.Company.Industry, "tin": person.Company.TIN},
	})
	if err != nil {
		return "", err
	}
	answer, err := w.client.do(ctx, post(w.b.api, "/v1/registrations", "", "application/json", body))
	if err != nil {
		return "", err
	}
	var registered struct {
		Account     struct{ ID uuid.UUID } `json:"account"`
		UploadToken string                 `json:"upload_token"`
	}
	if err := json.Unmarshal(answer, &registered); err != nil {
		return "", err
	}
	id := registered.Account.ID
	if w.upload {
		if err := w.uploadTo(ctx, id, registered.UploadToken); err != nil {
			return "", err
		}
	}
	_, err = w.client.do(ctx, post(w.b.api, "/v1/accounts/"+id.String()+"/approve", w.b.token, "application/json", []byte("{}")))
	return cases.RegistrationID(id), err
}

// uploadTo hands in a document and waits until it is prepared.
func (w *realWorker) uploadTo(ctx context.Context, id uuid.UUID, token string) error {
	var form bytes.Buffer
	writer := multipart.NewWriter(&form)
	if err := writer.WriteField("kind", "business_licence"); err != nil {
		return err
	}
	part, err := writer.CreateFormFile("file", "licence.pdf")
	if err != nil {
		return err
	}
	if _, err := part.Write(sample.PDF("Business licence", "A page.")); err != nil {
		return err
	}
	if err := writer.Close(); err != nil {
		return err
	}
	path := "/v1/registrations/" + id.String() + "/documents"
	if _, err := w.client.do(ctx, post(w.b.api, path, token, writer.FormDataContentType(), form.Bytes())); err != nil {
		return err
	}
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for range 600 {
		var stage string
		if err := w.b.owner.QueryRow(ctx, `SELECT stage FROM accounts WHERE id = $1`, id).Scan(&stage); err != nil {
			return err
		}
		if stage == string(account.InReview) {
			return nil
		}
		<-tick.C
	}
	return errors.New("the document is not prepared within a minute")
}

// bareCases are started by a client that hashes one password and commits as
// many transactions as a real case does.
type bareCases struct {
	b       *caseBench
	hasher  *identity.Hasher
	commits int
}

func newBareCases(b *caseBench) (*bareCases, error) {
	hasher, err := identity.NewHasher(identity.Params, runtime.GOMAXPROCS(0))
	return &bareCases{b: b, hasher: hasher}, err
}

func (c *bareCases) name() string                { return "bare" }
func (c *bareCases) worker() (caseWorker, error) { return c, nil }
func (c *bareCases) close()                      {}

func (c *bareCases) run(ctx context.Context) (string, error) {
	hash, err := c.hasher.Hash(ctx, password)
	if err != nil {
		return "", err
	}
	for range c.commits {
		if _, err := c.b.pool.Exec(ctx, `INSERT INTO bench_commits (id, content) VALUES ($1, $2)`, uuid.Must(uuid.NewV7()), hash); err != nil {
			return "", err
		}
	}
	in := cases.RegistrationInput{
		AccountID: uuid.Must(uuid.NewV7()),
		Entry:     cases.Entry{Status: account.Pending, Stage: account.AwaitingDocuments, Since: time.Now(), RemindAt: time.Now().Add(48 * time.Hour)},
	}
	options := client.StartWorkflowOptions{
		ID: "bare/" + in.AccountID.String(), TaskQueue: bareQueue, WorkflowIDConflictPolicy: enums.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
	}
	if _, err := c.b.temporal.ExecuteWorkflow(ctx, options, bareCase, in); err != nil {
		return "", err
	}
	decision := cases.Decision{DecisionID: uuid.Must(uuid.NewV7()), Kind: account.Approve, ActorID: in.AccountID}
	handle, err := c.b.temporal.UpdateWithStartWorkflow(ctx, client.UpdateWithStartWorkflowOptions{
		StartWorkflowOperation: c.b.temporal.NewWithStartWorkflowOperation(options, bareCase, in),
		UpdateOptions: client.UpdateWorkflowOptions{
			UpdateID: decision.DecisionID.String(), WorkflowID: options.ID, UpdateName: cases.Decide, Args: []any{decision},
			WaitForStage: client.WorkflowUpdateStageCompleted,
		},
	})
	if err != nil {
		return "", err
	}
	return options.ID, handle.Get(ctx, nil)
}
