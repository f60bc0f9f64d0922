package service

import (
	"context"
	"time"

	"kibali/domain/account"
	"kibali/domain/actor"
	"kibali/domain/cases"
	"kibali/domain/fault"
	"kibali/identity"
	"kibali/store"
)

// uploadTokenLife is how long an applicant may add documents without a session.
const uploadTokenLife = 30 * 24 * time.Hour

// Registered is a new account and the token that adds documents to it.
type Registered struct {
	Account     account.Account
	UploadToken string
}

// Register records a company's first application and opens its case. It
// returns fault.Invalid with every bad field, or fault.Taken when the e-mail
// or the phone belongs to another account. It succeeds without Temporal: the
// case is then opened by the sweep.
func (s *Service) Register(ctx context.Context, by actor.Actor, app account.Application, password string) (Registered, error) {
	if err := s.limit(ctx, use{s.limits.RegistrationAddress, whatRegistration, []string{from(by)}}); err != nil {
		return Registered{}, err
	}
	p, version, err := s.reader.Policy(ctx)
	if err != nil {
		return Registered{}, err
	}
	app, err = validRegistration(app, password, p.Passwords.User)
	if err != nil {
		return Registered{}, err
	}
	hash, err := s.hasher.Hash(ctx, password)
	if err != nil {
		return Registered{}, err
	}
	now := s.now()
	remind, end, err := p.Deadlines(account.Registered.Stage, now)
	if err != nil {
		return Registered{}, err
	}
	a := account.Account{
		ID: newID(), Name: app.Name, Email: app.Email, Phone: app.Phone, Locale: app.Locale, Company: app.Company,
		Status: account.Registered.Status, Stage: account.Registered.Stage, StageSince: now,
		RemindAt: remind, DeadlineAt: end, RegisteredAt: now,
	}
	application := store.Application{
		ID: newID(), AccountID: a.ID, PolicyVersion: version,
		Name: a.Name, Locale: a.Locale, Company: a.Company, SubmittedAt: now,
	}
	token, tokenHash := identity.NewToken(identity.UploadToken)
	notices := receivedNotices(a, application)
	if by.Kind == "" {
		by.Kind = actor.Account
	}
	by.ID = a.ID
	err = s.store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		return tx.InsertRegistration(ctx, store.Registration{
			Account: a, LoginID: newID(), PasswordHash: hash, Application: application,
			Upload: store.Session{
				ID: newID(), AccountID: a.ID, Purpose: store.PurposeUpload, Hash: tokenHash,
				CreatedAt: now, Idle: uploadTokenLife, ExpiresAt: now.Add(uploadTokenLife), Address: addressOf(by),
			},
			// The e-mail that the application has arrived has the link.
			EmailProof: store.ContactProof{ID: newID(), AccountID: a.ID, Contact: account.ContactEmail, Value: a.Email, RequestedAt: now},
			Notices:    notices,
			Event: store.Event{
				At: now, Actor: by, Action: "register", Subject: "account", SubjectID: a.ID.String(), AccountID: &a.ID,
				After: map[string]any{"status": a.Status, "stage": a.Stage, "application_id": application.ID, "policy_version": version},
			},
		})
	})
	if fault.Is(err, fault.Taken) {
		err = s.allTaken(ctx, a, err)
	}
	if err != nil {
		return Registered{}, err
	}
	if err := s.openRegistration(ctx, a, application, notices); err != nil {
		s.unreached(cases.RegistrationID(a.ID), err)
	}
	return Registered{Account: a, UploadToken: token}, nil
}

func validRegistration(app account.Application, password string, least int) (account.Application, error) {
	normal, err := app.Normalise()
	var fields []fault.Field
	if err != nil {
		refused := fault.As(err)
		if refused == nil {
			return account.Application{}, err
		}
		fields = refused.Fields
	}
	if field := identity.CheckPassword(password, least, ownData(app.Name, app.Email, app.Phone, app.Company)...); field != nil {
		fields = append(fields, *field)
	}
	return normal, fault.InvalidFields(fields...)
}

// allTaken adds the other contact to a refusal, when that is in use as well: the
// database stops at the first one that it finds.
func (s *Service) allTaken(ctx context.Context, a account.Account, refusal error) error {
	taken, err := s.reader.TakenContacts(ctx, a.Email, a.Phone)
	refused := fault.As(refusal)
	if err != nil || len(taken) <= len(refused.Fields) {
		return refusal // which names one of them
	}
	refused.Fields = taken
	return refused
}

func receivedNotices(a account.Account, application store.Application) []store.Notice {
	var notices []store.Notice
	for _, channel := range []string{store.Email, store.SMS} {
		notices = append(notices, store.Notice{
			ID: newID(), Key: "application_received/" + application.ID.String() + "/" + channel,
			AccountID: a.ID, Kind: "application_received", Channel: channel, CreatedAt: a.RegisteredAt,
		})
	}
	return notices
}

// Resubmit records a corrected application, after a rejection or when changes
// were asked for, and tells the case. applied says whether the case has taken
// it up; if not, it will. It returns fault.Conflict when the account's state
// does not permit it or a resubmission waits already.
func (s *Service) Resubmit(ctx context.Context, by actor.Actor, r account.Resubmission) (view store.AccountView, applied bool, err error) {
	if err := itself(by); err != nil {
		return store.AccountView{}, false, err
	}
	if r, err = r.Normalise(); err != nil {
		return store.AccountView{}, false, err
	}
	now := s.now()
	application := store.Application{ID: newID(), AccountID: by.ID, Name: r.Name, Company: r.Company, SubmittedAt: now}
	var a account.Account
	err = s.store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		if a, err = tx.LockAccount(ctx, by.ID); err != nil {
			return err
		}
		if _, _, err := account.Next(a.Status, a.Stage, account.Resubmit); err != nil {
			return s.withCurrent(ctx, tx.Reader(), a, err)
		}
		if a.Stage == account.InReview && !a.ChangesAsked() {
			return s.withCurrent(ctx, tx.Reader(), a,
				fault.New(fault.Conflict, "The application is being reviewed; it may be corrected when changes are asked for."))
		}
		if a.ContactReleased {
			return s.withCurrent(ctx, tx.Reader(), a,
				fault.New(fault.Conflict, "This application has expired and gave its e-mail and phone back: register again."))
		}
		if _, application.PolicyVersion, err = tx.Reader().Policy(ctx); err != nil {
			return err
		}
		if err := tx.AcceptFirstApplication(ctx, a.ID, now); err != nil {
			return err
		}
		application.Locale = a.Locale
		if r.Locale != "" {
			application.Locale = r.Locale
		}
		if err := tx.InsertApplication(ctx, application); err != nil {
			return err
		}
		return tx.AppendEvent(ctx, store.Event{
			At: now, Actor: by, Action: "resubmit.requested", Subject: "account", SubjectID: a.ID.String(), AccountID: &a.ID,
			After: map[string]any{"application_id": application.ID},
		})
	})
	if isAny(err, store.ErrSubmissionWaits) {
		err = s.withCurrent(ctx, s.reader, a, fault.New(fault.Conflict, "A corrected application is being taken up already."))
	}
	if err != nil {
		return store.AccountView{}, false, err
	}
	applied = s.tellResubmission(ctx, application)
	view, err = s.reader.Account(ctx, by.ID)
	return view, applied, err
}
