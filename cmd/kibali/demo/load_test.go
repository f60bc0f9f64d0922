package demo

import (
	"context"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"kibali/cmd/kibali/process"
	"kibali/cmd/kibali/staff"
	"kibali/devstack/devtest"
	"kibali/domain/actor"
	"kibali/domain/cases"
	"kibali/domain/ledger"
	"kibali/identity"
	"kibali/migrations"
	"kibali/notify"
	"kibali/service"
	"kibali/store"
	"kibali/worker"
)

func TestMain(m *testing.M) { devtest.Main(m) }

// setup runs a worker on an empty installation with staff.
func setup(t *testing.T) (Config, *store.Reader) {
	t.Helper()
	database, temporal := devtest.NewDatabase(t, migrations.Migrate), devtest.Temporal(t, cases.SearchAttributes())
	pool, err := pgxpool.ParseConfig(database.AppURL)
	require.NoError(t, err)
	p, err := process.New(t.Context(), process.Blueprint{
		Pool: pool, Temporal: client.Options{HostPort: temporal.Address, Namespace: temporal.Namespace},
		Documents: "file://" + devtest.Folder(t), Hashes: 2, Version: "test", Log: slog.New(slog.DiscardHandler),
	})
	require.NoError(t, err)
	t.Cleanup(p.Close)
	inbox, err := notify.OpenInbox(filepath.Join(t.TempDir(), "inbox.jsonl"))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, inbox.Close()) })

	people := map[actor.Role]actor.Actor{}
	for _, role := range []actor.Role{actor.Admin, actor.Reviewer, actor.Finance} {
		member, err := service.NewStaff(string(role)+"@kibali.example", "Neema Mushi", string(role))
		require.NoError(t, err)
		_, token := identity.NewToken(identity.StaffToken)
		require.NoError(t, staff.Add(t.Context(), p.Store, member, "", token, "test"))
		people[role] = actor.Actor{Kind: actor.Staff, ID: member.ID, Role: role}
	}

	working, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() {
		ended <- p.Work(working, process.Work{BuildID: "test", Email: inbox, SMS: inbox, Platform: "Kibali", BaseURL: "http://127.0.0.1"})
	}()
	t.Cleanup(func() {
		stop()
		require.NoError(t, <-ended)
	})
	deploying, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	require.NoError(t, worker.Deploy(deploying, p.Temporal, "test"))
	return Config{
		Service: p.Service, Reader: p.Store.Reader(), Staff: people, Password: "EFGHIJ-KLMNOP-QRSTUV-WXYZ23", Progress: t.Logf,
		Colleague: people[actor.Finance], Uses: store.NewUses(p.Store),
	}, p.Store.Reader()
}

func TestLoadThatWasCutShortIsContinuedWithoutDuplicates(t *testing.T) {
	t.Parallel()
	c, reader := setup(t)
	chosen := []company{
		{"Kahawa Ltd", "agriculture", "Asha Juma", "Moshi", "Street 1", "sw", awaitingDocuments},
		{"Chai Ltd", "agriculture", "Bakari Juma", "Moshi", "Street 2", "en", inReview},
		{"Sukari Ltd", "agriculture", "Chausiku Juma", "Moshi", "Street 3", "sw", changesRequested},
		{"Maziwa Ltd", "agriculture", "Dalila Juma", "Moshi", "Street 4", "en", activeAfterChanges},
		{"Asali Ltd", "agriculture", "Eshe Juma", "Moshi", "Street 5", "sw", activeAfterRejection},
		{"Unga Ltd", "agriculture", "Faraji Juma", "Moshi", "Street 6", "en", suspendedUntil},
		{"Mchele Ltd", "agriculture", "Goma Juma", "Moshi", "Street 7", "sw", rejectedTwice},
		{"Ndizi Ltd", "agriculture", "Hasani Juma", "Moshi", "Street 8", "en", closedRejected},
		{"Nazi Ltd", "agriculture", "Imani Juma", "Moshi", "Street 9", "en", activeAgain},
		{"Viungo Ltd", "agriculture", "Jamila Juma", "Moshi", "Street 10", "en", shopkeeper},
		{"Mizigo Ltd", "transport", "Kassim Juma", "Moshi", "Street 11", "sw", carrier},
		{"Bahati Ltd", "other", "Latifa Juma", "Moshi", "Street 12", "sw", suspendedPromoter},
	}

	// Cut short twice, while accounts are under way.
	for _, enough := range []func(store.Counts) bool{
		func(n store.Counts) bool { return n.All >= 3 },
		func(n store.Counts) bool { return n.Active+n.Suspended+n.Rejected >= 2 },
	} {
		ctx, cut := context.WithCancel(t.Context())
		defer cut()
		go func() {
			_ = until(ctx, "never", func() (bool, error) {
				list, err := reader.Accounts(ctx, store.AccountsQuery{Sort: store.SortRegistered, Limit: 1})
				return err == nil && enough(list.Counts), err
			})
			cut()
		}()
		require.ErrorIs(t, load(ctx, c, chosen), context.Canceled)
	}
	require.NoError(t, load(t.Context(), c, chosen))

	counts := func() (decisions, documents int) {
		list, err := reader.Accounts(t.Context(), store.AccountsQuery{Sort: store.SortRegistered, Limit: 100})
		require.NoError(t, err)
		require.Len(t, list.Items, len(chosen))
		for _, view := range list.Items {
			present, err := reader.Documents(t.Context(), view.ID)
			require.NoError(t, err)
			documents += len(present)
			decisions += decisionsOf(t, reader, view.ID)
		}
		return decisions, documents
	}
	wantedDecisions, wantedDocuments := 0, 0
	for _, company := range chosen {
		login, err := reader.LoginByEmail(t.Context(), company.email())
		require.NoError(t, err)
		view, err := reader.Account(t.Context(), login.AccountID)
		require.NoError(t, err)
		require.Equal(t, company.story.outcome(), view.State(), company.name)
		for _, step := range company.story {
			if step.decision != nil {
				wantedDecisions++
			}
			if step.document != "" {
				wantedDocuments++
			}
		}
	}
	decisions, documents := counts()
	require.Equal(t, wantedDecisions, decisions)
	require.Equal(t, wantedDocuments, documents)

	require.NoError(t, load(t.Context(), c, chosen), "once more changes nothing")
	decisions, documents = counts()
	require.Equal(t, wantedDecisions, decisions)
	require.Equal(t, wantedDocuments, documents)

	for company, credits := range map[int]ledger.Balance{
		5:  {Held: 4_000},
		9:  {Available: 5_000 - 120 - 3 - 45 - 1 + bonus},
		10: {Available: 8_000 - 640 - 2 + bonus},
		11: {Held: 7_500 - 1_020},
	} {
		login, err := reader.LoginByEmail(t.Context(), chosen[company].email())
		require.NoError(t, err)
		balance, err := reader.Balance(t.Context(), login.AccountID)
		require.NoError(t, err)
		require.Equal(t, credits, balance, chosen[company].name)
	}
	unsigned, _, err := reader.TopUps(t.Context(), store.TopUpsQuery{State: store.StateUnsigned, Limit: 10})
	require.NoError(t, err)
	require.Len(t, unsigned, 1)
	require.Greater(t, time.Until(*unsigned[0].LapsesAt), 24*time.Hour)
}

func decisionsOf(t *testing.T, reader *store.Reader, id uuid.UUID) int {
	t.Helper()
	items, _, err := reader.Timeline(t.Context(), id, 100, nil)
	require.NoError(t, err)
	n := 0
	for _, item := range items {
		if item.DecisionID != nil && strings.HasSuffix(item.Action, ".requested") && item.Action != "top_up.requested" {
			n++
		}
	}
	return n
}
