package process

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os/exec"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	temporallog "go.temporal.io/sdk/log"

	"kibali/cmd/kibali/operations"
	"kibali/documents"
	"kibali/identity"
	"kibali/letters"
	"kibali/migrations"
	"kibali/service"
	"kibali/sso"
	"kibali/store"
)

// Blueprint says what a process is made of. Every field is required, but for
// Heads, and for Hashing, Limits, BaseURL and SSO, which serve alone needs.
type Blueprint struct {
	Pool      *pgxpool.Config
	Temporal  client.Options
	Documents string // the URL of the storage
	Heads     string // the URL of the storage of sealed chains' heads; "" for that of documents
	Hashes    int    // how many passwords are hashed at a time
	// Hashing makes the process that hashes them; nil for this one.
	Hashing   func() *exec.Cmd
	Version   string // of this build
	Log       *slog.Logger
	SecretKey []byte // the same in every process
	Platform  string // the name that pages bear, authenticator apps show and notices are signed with
	BaseURL   string // where links in notices lead
	Limits    service.Limits
	SSO       *sso.Config // the identity provider of staff; nil for none
}

// Process is the parts that every process has.
type Process struct {
	Log       *slog.Logger
	Metrics   *operations.Metrics
	Store     *store.Store
	Temporal  client.Client
	Documents *documents.Store
	Hasher    *identity.Hasher
	Service   *service.Service
	heads     *documents.Store // nil for Documents
	secretKey []byte
	platform  string
	namespace string // of Temporal
	// stopUses writes down what was used last; nil without an API.
	stopUses func()
}

// New makes the parts. It touches neither PostgreSQL nor Temporal, so a process
// starts while they are away. Close releases them.
func New(ctx context.Context, b Blueprint) (_ *Process, err error) {
	p := &Process{Log: b.Log, secretKey: b.SecretKey, platform: b.Platform, namespace: b.Temporal.Namespace}
	defer func() {
		if err != nil {
			p.Close()
		}
	}()
	if p.Metrics, err = operations.NewMetrics(b.Version); err != nil {
		return nil, err
	}
	if b.Hashing == nil {
		p.Hasher, err = identity.NewHasher(identity.Params, b.Hashes)
	} else {
		p.Hasher, err = identity.NewHasherBeside(identity.Params, b.Hashes, b.Hashing)
	}
	if err != nil {
		return nil, err
	}
	factors, results, links, err := secretsOf(b)
	if err != nil {
		return nil, err
	}
	var provider *sso.Provider
	if b.SSO != nil {
		if provider, err = sso.New(*b.SSO); err != nil {
			return nil, err
		}
	}
	if p.Store, err = store.OpenConfig(ctx, b.Pool); err != nil {
		return nil, err
	}
	p.Metrics.Pool(p.Store.Pool())
	if p.Documents, err = documents.Open(ctx, b.Documents); err != nil {
		return nil, err
	}
	if b.Heads != "" {
		if p.heads, err = documents.Open(ctx, b.Heads); err != nil {
			return nil, err
		}
	}
	b.Temporal.Logger = temporallog.NewStructuredLogger(b.Log.With("component", "temporal"))
	b.Temporal.MetricsHandler = p.Metrics.Temporal()
	if p.Temporal, err = client.NewLazyClient(b.Temporal); err != nil {
		return nil, fmt.Errorf("make a client of Temporal: %w", err)
	}
	p.Service = service.New(service.Config{
		Letters: letters.Sender{Platform: b.Platform, BaseURL: b.BaseURL},
		Store:   p.Store, Temporal: p.Temporal, Documents: p.Documents, Hasher: p.Hasher, Factors: factors, Results: results, Links: links,
		SSO: provider, Limits: b.Limits, Log: b.Log, Heads: p.heads, Sealed: p.Metrics.Sealed,
	})
	return p, nil
}

// Close releases the parts, once nothing uses them.
func (p *Process) Close() {
	if p.stopUses != nil {
		p.stopUses()
	}
	if p.Hasher != nil {
		p.Hasher.Close()
	}
	if p.Temporal != nil {
		p.Temporal.Close()
	}
	for _, storage := range []*documents.Store{p.Documents, p.heads} {
		if storage == nil {
			continue
		}
		if err := storage.Close(); err != nil {
			p.Log.Warn("close document storage", "cause", err.Error())
		}
	}
	if p.Store != nil {
		p.Store.Close()
	}
}

// secretsOf makes what is sealed under the secret key, if there is one.
func secretsOf(b Blueprint) (factors *identity.Factors, results *identity.Sealer, links *identity.Links, err error) {
	if len(b.SecretKey) == 0 {
		return nil, nil, nil, nil
	}
	if factors, err = identity.NewFactors(b.SecretKey, b.Platform); err != nil {
		return nil, nil, nil, err
	}
	if links, err = identity.NewLinks(b.SecretKey); err != nil {
		return nil, nil, nil, err
	}
	results, err = identity.NewSealer(b.SecretKey, "kept answers")
	return factors, results, links, err
}

// DatabaseProbe asks whether PostgreSQL answers and has the schema that this
// build knows.
func (p *Process) DatabaseProbe() operations.Probe {
	return operations.Probe{Name: "database", Essential: true, Check: func(ctx context.Context) error {
		return migrations.Check(ctx, p.Store.Pool())
	}}
}

// TemporalProbe asks whether Temporal answers. Without it serve still takes
// registrations, documents and decisions, while a worker can do nothing.
func (p *Process) TemporalProbe(essential bool) operations.Probe {
	return operations.Probe{Name: "temporal", Essential: essential, Keep: time.Second, Check: p.reachTemporal}
}

// DocumentsProbe asks whether the storage of documents takes, gives and deletes
// a file. Without it everything but documents goes on.
func (p *Process) DocumentsProbe() operations.Probe {
	return operations.Probe{Name: "documents", Keep: 15 * time.Second, Check: p.Documents.Check}
}

func (p *Process) reachTemporal(ctx context.Context) error {
	_, err := p.Temporal.WorkflowService().GetSystemInfo(ctx, &workflowservice.GetSystemInfoRequest{})
	return err
}

// errAway is what is said of a dependency that does not answer in time.
var errAway = errors.New("no answer in time")
