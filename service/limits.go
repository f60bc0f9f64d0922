package service

import (
	"context"
	"crypto/sha256"
	"fmt"
	"math"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"kibali/domain/account"
	"kibali/domain/actor"
	"kibali/domain/fault"
	"kibali/store"
)

// Rate is how often something may be done: Most times in any span of Per. The
// zero Rate is no limit.
type Rate struct {
	Most int
	Per  time.Duration
}

// Limits say how often strangers and users may try things. They hold on every
// replica, because PostgreSQL counts; when it cannot, nothing is let through.
// The zero Limits are none.
type Limits struct {
	// Login is of failures for one e-mail from one address, whether or not
	// anybody has the e-mail.
	Login Rate
	// LoginAddress is of failures from one address.
	LoginAddress Rate
	// LoginAccount is of failures for one e-mail from addresses that its account
	// has not signed in from: where its user is at home it keeps nobody out.
	LoginAccount        Rate
	ResetAddress        Rate
	RegistrationAddress Rate
	UploadAccount       Rate
	UploadAddress       Rate
	// ExportAccount is of exports of an account's data by its user.
	ExportAccount Rate
	// ProofAccount is of links and codes for one account and contact, and as many
	// to one address or phone; ProofAddress of those that are asked for from one
	// address, and as many uses of them.
	ProofAccount Rate
	ProofAddress Rate
}

// DefaultLimits are those of an installation that sets none.
func DefaultLimits() Limits {
	return Limits{
		Login:               Rate{10, 15 * time.Minute},
		LoginAddress:        Rate{100, 15 * time.Minute},
		LoginAccount:        Rate{100, time.Hour},
		ResetAddress:        Rate{60, time.Hour},
		RegistrationAddress: Rate{100, time.Hour},
		UploadAccount:       Rate{300, time.Hour},
		UploadAddress:       Rate{600, time.Hour},
		ExportAccount:       Rate{5, 24 * time.Hour},
		ProofAccount:        Rate{10, 24 * time.Hour},
		ProofAddress:        Rate{60, time.Hour},
	}
}

// Crowded returns the limits for where so many times as many people share an
// address: those of one address are as many times as high.
func (l Limits) Crowded(times int) Limits {
	for _, rate := range []*Rate{&l.LoginAddress, &l.ResetAddress, &l.RegistrationAddress, &l.UploadAddress, &l.ProofAddress} {
		rate.Most *= times
	}
	return l
}

// use is one thing that is limited: what it is, and whose it is.
type use struct {
	rate Rate
	what string
	who  []string
}

// key is what the use is counted under. It tells nothing of whose it is.
func (u use) key() []byte {
	sum := sha256.Sum256([]byte(u.what + "\x00" + strings.Join(u.who, "\x00")))
	return sum[:16]
}

// networkOf is whose address it is that a request came from, as far as it is
// counted: the network of 64 bits that one customer has in IPv6. It is invalid
// when the address is not known.
func networkOf(by actor.Actor) netip.Prefix {
	address := by.Address.Unmap()
	bits := address.BitLen()
	if address.Is6() {
		bits = 64
	}
	network, err := address.WithZone("").Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return network
}

func from(by actor.Actor) string { return networkOf(by).String() }

// knownFor is how long an address counts as one of an account's.
const knownFor = 90 * 24 * time.Hour

// known reports whether the account has signed in from where the request comes
// from. Nobody's account has not.
func (s *Service) known(ctx context.Context, by actor.Actor, accountID uuid.UUID) (bool, error) {
	network := networkOf(by)
	if !network.IsValid() {
		return false, nil
	}
	return s.reader.SignedInFrom(ctx, accountID, network, s.now().Add(-knownFor))
}

// limit counts uses, and returns fault.RateLimited with the time to wait when
// one of them has been done too often; then none is counted. An error of
// PostgreSQL is returned: what cannot be counted is not let through.
func (s *Service) limit(ctx context.Context, uses ...use) error {
	now := s.now()
	for _, u := range uses {
		if until := s.over.until(u.key(), now); !until.IsZero() {
			return s.tooMany(until)
		}
	}
	free, err := s.count(ctx, now, uses)
	if err != nil {
		return err
	}
	var until time.Time
	for _, at := range free {
		if at.After(until) {
			until = at
		}
	}
	if until.IsZero() {
		return nil
	}
	s.uncount(ctx, nil, uses, free)
	return s.tooMany(until)
}

// tooMany is the answer to what may be tried again at a time.
func (s *Service) tooMany(until time.Time) error {
	seconds := max(1, int(math.Ceil(until.Sub(s.now()).Seconds())))
	return fault.New(fault.RateLimited, "Too many attempts. Try again later.").With(fault.RetryAfter, seconds)
}

// count counts uses and returns, for each, when there may be another one: the
// zero time when it was counted or is not limited. What is over is remembered,
// so that a flood of it does not meet at one row.
func (s *Service) count(ctx context.Context, now time.Time, uses []use) ([]time.Time, error) {
	free := make([]time.Time, len(uses))
	var rates []store.Rate
	var asked []int
	for i, u := range uses {
		if u.rate.Most > 0 {
			rates, asked = append(rates, store.Rate{Key: u.key(), Most: u.rate.Most, Per: u.rate.Per}), append(asked, i)
		}
	}
	if len(rates) == 0 {
		return free, nil
	}
	at, err := s.store.TakeRates(ctx, now, rates...)
	if err != nil {
		return nil, err
	}
	for n, i := range asked {
		free[i] = at[n]
		s.over.note(rates[n].Key, at[n])
	}
	return free, nil
}

// uncount forgets all that was counted of one key, when there is one, and takes
// back those of the uses that were counted. What cannot be taken back now is over
// by itself later.
func (s *Service) uncount(ctx context.Context, forget []byte, uses []use, free []time.Time) {
	var back [][]byte
	for i, u := range uses {
		if u.rate.Most > 0 && free[i].IsZero() {
			back = append(back, u.key())
		}
	}
	if forget == nil && len(back) == 0 {
		return
	}
	ctx, cancel := detached(ctx, s.reach)
	defer cancel()
	if err := s.store.GiveBackRates(ctx, forget, back...); err != nil {
		s.log.Warn("uses were not taken back", "cause", fmt.Sprintf("%T", err))
	}
}

// attempt is somebody who tries to prove who they are. It counts as a failure
// until it has succeeded.
type attempt struct {
	// failure is for one e-mail from one address, address from there for any.
	failure, address use
	// strange is for one e-mail from anywhere. Beyond it those are let in who are
	// where the account was signed in from before, of which known is asked then.
	strange use
	known   func(ctx context.Context) (bool, error)
	counted []time.Time // of uses: zero where it was
}

func newAttempt(l Limits, by actor.Actor, what, email string) *attempt {
	if address, field := account.ParseEmail(email); field == nil {
		email = address
	}
	return &attempt{
		failure: use{l.Login, what, []string{email, from(by)}},
		address: use{l.LoginAddress, what + " from", []string{from(by)}},
		strange: use{l.LoginAccount, what + " for", []string{email}},
	}
}

func (a *attempt) uses() []use { return []use{a.failure, a.address, a.strange} }

// begin returns fault.RateLimited when there were too many failures.
func (a *attempt) begin(ctx context.Context, s *Service) error {
	now := s.now()
	for _, u := range []use{a.failure, a.address} {
		if until := s.over.until(u.key(), now); !until.IsZero() {
			return s.tooMany(until)
		}
	}
	var err error
	if a.counted, err = s.count(ctx, now, a.uses()); err != nil {
		return err
	}
	until := a.counted[0]
	if a.counted[1].After(until) {
		until = a.counted[1]
	}
	if until.IsZero() && !a.counted[2].IsZero() {
		known, err := a.known(ctx)
		if err != nil {
			return err
		}
		if !known {
			until = a.counted[2]
		}
	}
	if until.IsZero() {
		return nil
	}
	s.uncount(ctx, nil, a.uses(), a.counted)
	return s.tooMany(until)
}

// succeed forgets the failures for the e-mail from the address, and takes back
// what this attempt has counted elsewhere.
func (a *attempt) succeed(ctx context.Context, s *Service) {
	if a.failure.rate.Most == 0 && a.address.rate.Most == 0 && a.strange.rate.Most == 0 {
		return
	}
	s.over.forget(a.failure.key())
	s.uncount(ctx, a.failure.key(), a.uses()[1:], a.counted[1:])
}

// forgiveAccount forgets the failures of strangers for the e-mail of an account,
// whose user has just proved to have its mailbox.
func (s *Service) forgiveAccount(ctx context.Context, accountID uuid.UUID) {
	view, err := s.reader.Account(ctx, accountID)
	if err != nil {
		return // they are over by themselves
	}
	s.forgive(ctx, view.Email)
}

func (s *Service) forgive(ctx context.Context, email string) {
	u := use{s.limits.LoginAccount, whatLogin + " for", []string{email}}
	if u.rate.Most == 0 {
		return
	}
	s.over.forget(u.key())
	s.uncount(ctx, u.key(), nil, nil)
}

// What attempts and uses are counted as.
const (
	whatLogin         = "login"
	whatStaffLogin    = "staff login"
	whatStaffSignOn   = "staff sign-on"
	whatPassword      = "password"
	whatStaffPassword = "staff password"
	whatReset         = "reset"
	whatResetUse      = "reset use"
	whatRegistration  = "registration"
	whatUpload        = "upload"
	whatProof         = "proof"
	whatProofUse      = "proof use"
)

// uploads are the uses of one upload.
func (s *Service) uploads(by actor.Actor, accountID uuid.UUID) []use {
	return []use{
		{s.limits.UploadAccount, whatUpload + " for", []string{accountID.String()}},
		{s.limits.UploadAddress, whatUpload + " from", []string{from(by)}},
	}
}

// sendings are the uses of one link or code that is sent.
func (s *Service) sendings(by actor.Actor, p store.ContactProof) []use {
	contact := string(p.Contact)
	return []use{
		{s.limits.ProofAccount, whatProof + " for", []string{contact, p.AccountID.String()}},
		{s.limits.ProofAccount, whatProof + " to", []string{contact, p.Value}},
		{s.limits.ProofAddress, whatProof + " from", []string{from(by)}},
	}
}

// over remembers until when keys are over their limit, or something else of them
// holds.
type over struct {
	mu   sync.Mutex
	keys map[string]time.Time
}

// mostOver bounds what is remembered: the rest is asked for.
const mostOver = 10_000

func (o *over) until(key []byte, now time.Time) time.Time {
	o.mu.Lock()
	defer o.mu.Unlock()
	at, ok := o.keys[string(key)]
	if ok && !at.After(now) {
		delete(o.keys, string(key))
		return time.Time{}
	}
	return at
}

func (o *over) note(key []byte, until time.Time) {
	if until.IsZero() {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.keys == nil || len(o.keys) >= mostOver {
		o.keys = map[string]time.Time{}
	}
	o.keys[string(key)] = until
}

func (o *over) forget(key []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.keys, string(key))
}
