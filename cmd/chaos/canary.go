package main

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"sync/atomic"

	"kibali/documents/sample"
	"kibali/domain/account"
)

// canaries makes applicants whose every personal field carries a mark that
// stands nowhere else, so that a search for the marks finds each place where
// personal data went.
type canaries struct {
	word   string // in names, e-mails, addresses, file names, reasons, notes
	secret string // in passwords and keys
	phone  int    // five digits that begin the national numbers
	tin    int    // five digits that begin the tax numbers
	made   atomic.Int64

	reached atomic.Int64 // recipients of messages
}

func newCanaries(random *rand.Rand) *canaries {
	return &canaries{
		word: "kanari" + letters(random, 7), secret: "siri" + letters(random, 9),
		phone: 75400 + random.IntN(100), tin: 31000 + random.IntN(1000),
	}
}

func letters(random *rand.Rand, n int) string {
	text := make([]byte, n)
	for i := range text {
		text[i] = 'a' + byte(random.IntN(26))
	}
	return string(text)
}

// applicant is a company that registers.
type applicant struct {
	number                 int64
	email, password, phone string
	company                map[string]any
	word                   string
}

// maxApplicants is how many phone numbers a run has.
const maxApplicants = 10_000

func (c *canaries) applicant() applicant {
	n := c.made.Add(1) % maxApplicants
	phone := fmt.Sprintf("%d%04d", c.phone, n)
	if n%2 == 0 {
		phone = "+255" + phone
	} else {
		phone = "0" + phone
	}
	industries := account.Industries()
	return applicant{
		number: n, word: c.word, phone: phone,
		email:    fmt.Sprintf("%s.%d@%s.co.tz", c.word, n, c.word),
		password: fmt.Sprintf("%s mlima na ziwa %d", c.secret, n),
		company: map[string]any{
			"name": fmt.Sprintf("%s Traders %d Ltd", c.word, n), "industry": industries[int(n)%len(industries)],
			"registration_number": fmt.Sprintf("%s-%d", c.word, n), "tin": fmt.Sprintf("%d%04d", c.tin, n),
			"website": fmt.Sprintf("https://www.%s.example/%d", c.word, n), "address": fmt.Sprintf("Plot %d, %s Street\nDar es Salaam", n, c.word),
		},
	}
}

// recipient is the phone of somebody who gets messages.
func (c *canaries) recipient() string {
	return fmt.Sprintf("+255%d%04d", c.phone, c.reached.Add(1)%maxApplicants)
}

// form is the body of the applicant's registration.
func (a applicant) form() map[string]any {
	locales := account.Locales()
	return map[string]any{
		"name": a.word + " Mushi", "email": a.email, "phone": a.phone, "password": a.password,
		"locale": locales[int(a.number)%len(locales)], "company": a.company,
	}
}

// corrected is the body of the applicant's resubmission.
func (a applicant) corrected() map[string]any {
	return map[string]any{"name": a.word + " Mushi-Swai", "company": a.company}
}

// paper is a document to hand in: mostly photos, because certificates take
// longer to draw.
func (a applicant) paper(photo bool) (kind, name string, content []byte) {
	if photo {
		return "director_id", a.word + "-id.jpg", sample.JPEG(200, 140, a.number)
	}
	return "tin_certificate", a.word + " certificate.pdf", sample.PDF("Certificate of "+a.word, a.email, a.phone)
}

// traces matches what must stand nowhere outside of PostgreSQL and the
// documents: the marks, the phones and tax numbers in any notation that has
// their digits side by side, and tokens.
func (c *canaries) traces() *regexp.Regexp {
	return regexp.MustCompile(fmt.Sprintf(
		`(?i)%s|%s|(^|[^0-9])(255|0)%d[0-9]{4}([^0-9]|$)|["'\s(=/]%d[0-9]{4}([^0-9]|$)|kb[a-z]_[a-z0-9_-]{16}`,
		c.word, c.secret, c.phone, c.tin))
}
