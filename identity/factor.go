package identity

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"
)

// Factors makes and checks second factors: time-based one-time codes after RFC
// 6238, as authenticator apps have them.
type Factors struct {
	sealer *Sealer
	issuer string
}

// What every authenticator app understands: SHA-1, 6 digits, 30 seconds. A code
// counts for a step on either side, for clocks that differ.
const (
	factorStep   = 30
	factorSkew   = 1
	factorSecret = 20 // bytes
)

// NewFactors returns Factors that keep secrets sealed under the installation's
// secret key. issuer is the name that an app shows.
func NewFactors(key []byte, issuer string) (*Factors, error) {
	sealer, err := NewSealer(key, "staff second factor")
	if err != nil {
		return nil, err
	}
	return &Factors{sealer: sealer, issuer: issuer}, nil
}

// NewFactor is a second factor that its owner has yet to confirm.
type NewFactor struct {
	// Secret is for typing into an app, URL for a QR code. Both are shown once.
	Secret string
	URL    string
	// Sealed is what is kept.
	Sealed []byte
}

var base32Text = base32.StdEncoding.WithPadding(base32.NoPadding)

// New makes a second factor for the owner with an id, whom an app shows as
// label.
func (f *Factors) New(owner, label string) NewFactor {
	raw := make([]byte, factorSecret)
	rand.Read(raw) // never fails: the runtime aborts without randomness
	secret := base32Text.EncodeToString(raw)
	query := url.Values{"secret": {secret}, "issuer": {f.issuer}, "algorithm": {"SHA1"}, "digits": {"6"}, "period": {fmt.Sprint(factorStep)}}
	address := url.URL{
		Scheme: "otpauth", Host: "totp", Path: "/" + f.issuer + ":" + label,
		RawQuery: strings.ReplaceAll(query.Encode(), "+", "%20"), // as apps read it
	}
	return NewFactor{Secret: secret, URL: address.String(), Sealed: f.sealer.Seal([]byte(secret), owner)}
}

// Check returns the time step that a code is of, or false when it is of none
// near now. Whoever accepts it refuses a step that is not after the last one
// accepted, so that a code works once.
func (f *Factors) Check(owner string, sealed []byte, code string, now time.Time) (step int64, ok bool, err error) {
	secret, err := f.sealer.Open(sealed, owner)
	if err != nil {
		return 0, false, fmt.Errorf("open a second factor: %w", err)
	}
	present := now.Unix() / factorStep
	for step = present - factorSkew; step <= present+factorSkew; step++ {
		// The error is that the code has another length, which is not right either.
		right, _ := hotp.ValidateCustom(code, uint64(step), string(secret), hotp.ValidateOpts{Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1})
		if right {
			return step, true, nil
		}
	}
	return 0, false, nil
}

const recoveryCodes = 10

// NewRecoveryCodes returns codes that stand in for a second factor once each,
// and the hashes that are stored in their place. A plain SHA-256 suffices: a
// code is 80 random bits.
func NewRecoveryCodes() (codes []string, hashes [][]byte) {
	for range recoveryCodes {
		raw := make([]byte, 10)
		rand.Read(raw) // never fails: the runtime aborts without randomness
		text := strings.ToLower(base32Text.EncodeToString(raw))
		code := text[:4] + "-" + text[4:8] + "-" + text[8:12] + "-" + text[12:]
		codes, hashes = append(codes, code), append(hashes, HashRecoveryCode(code))
	}
	return codes, hashes
}

// HashRecoveryCode returns what is stored of a recovery code, however it is
// typed: case, spaces and hyphens do not matter.
func HashRecoveryCode(code string) []byte {
	code = strings.Map(func(r rune) rune {
		if r == '-' || r == ' ' {
			return -1
		}
		return r
	}, strings.ToLower(code))
	hash := sha256.Sum256([]byte("recovery code " + code))
	return hash[:]
}
