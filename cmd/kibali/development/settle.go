package development

import (
	"context"
	"errors"
	"time"

	"kibali/cmd/kibali/demo"
	"kibali/service"
	"kibali/store"
)

// demoFile is there when the demo data is complete. It is made once; what is
// done to it afterwards stays.
const demoFile = "demo.json"

// demoState is what demoFile holds.
type demoState struct {
	Accounts int `json:"accounts"`
}

// settle records what a new data folder begins with: staff, policy, demo data.
func (s *system) settle(ctx context.Context) error {
	people, err := ensurePeople(ctx, s.process.Store, s.process.Hasher, s.keys)
	if err != nil {
		return err
	}
	if s.Demo && !s.folder.exists(demoFile) {
		if err := ensurePolicy(ctx, s.process.Store, demoPolicy(), "Demo data: its applications do not expire."); err != nil {
			return err
		}
		colleague, err := ensureColleague(ctx, s.process.Store)
		if err != nil {
			return err
		}
		uses := store.NewUses(s.process.Store)
		err = demo.Load(ctx, demo.Config{
			Service: s.patientService(), Reader: s.process.Store.Reader(), Staff: people, Password: s.keys.DemoPassword, Progress: s.say,
			Colleague: colleague, Uses: uses,
		})
		if err := errors.Join(err, uses.Flush(ctx)); err != nil {
			return err
		}
		if err := s.folder.write(demoFile, demoState{Accounts: demo.Size()}); err != nil {
			return err
		}
	}
	return ensurePolicy(ctx, s.process.Store, ownPolicy(), "Development: SMS at any hour.")
}

// patientService waits for cases as long as it takes: nobody waits for an answer
// while the demo data is made.
func (s *system) patientService() *service.Service {
	return service.New(service.Config{
		Store: s.process.Store, Temporal: s.process.Temporal, Documents: s.process.Documents, Hasher: s.process.Hasher, Log: s.log,
		Answer: demoPatience, Reach: demoPatience,
	})
}

const demoPatience = time.Minute

// demoLogin returns a user of the demo data, or nil when there is none.
func (s *system) demoLogin() *demoLogin {
	if !s.folder.exists(demoFile) {
		return nil
	}
	return &demoLogin{Email: demo.KnownUser(), Password: s.keys.DemoPassword}
}
