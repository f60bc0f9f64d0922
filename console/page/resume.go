package page

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/gin-gonic/gin"
)

// Kept is a form that was sent when its sender's session had ended. It stands
// in the page to sign in and comes back with it, so that nothing typed is lost.
type Kept struct {
	Path string
	Body string // as a browser encodes it, without secrets
}

// The fields in which a page to sign in keeps a form.
const (
	keptPath = "resume_path"
	keptBody = "resume_body"
)

// Keep returns the form that the request sent, nil when that cannot be read.
func Keep(c *gin.Context) *Kept {
	form, err := ReadLongForm(c)
	if err != nil {
		return nil
	}
	return &Kept{Path: c.Request.URL.RequestURI(), Body: withoutSecrets(form.All()).Encode()}
}

// KeptIn reads the form that a page to sign in has kept, if its address is
// below root; nil when there is none.
func KeptIn(form *Form, root string) *Kept {
	path := Local(form.Value(keptPath), root, "")
	if path == "" {
		return nil
	}
	return &Kept{Path: path, Body: form.Value(keptBody)}
}

// Fields are the fields of the kept form.
func (k Kept) Fields() url.Values {
	values, err := url.ParseQuery(k.Body)
	if err != nil {
		return nil
	}
	return values
}

// withoutSecrets drops what must not stand in a page.
func withoutSecrets(values url.Values) url.Values {
	kept := url.Values{}
	for name, of := range values {
		if !isSecret(name) {
			kept[name] = of
		}
	}
	return kept
}

// isSecret reports whether a field holds a secret, by its name. What the policy
// says of passwords is none.
func isSecret(name string) bool {
	if name == "reason_code" || strings.HasPrefix(name, "passwords.") {
		return false
	}
	return strings.Contains(name, "password") || strings.Contains(name, "secret") || strings.Contains(name, "code")
}

// ReaderAt returns the address of the page that a reader is on, "" when the
// request does not tell.
func ReaderAt(c *gin.Context) string {
	if current := c.GetHeader("HX-Current-URL"); current != "" {
		if parsed, err := url.Parse(current); err == nil {
			return parsed.RequestURI()
		}
	}
	if c.Request.Method == http.MethodGet {
		return c.Request.URL.RequestURI()
	}
	return ""
}
