package console

import (
	"crypto/sha256"
	"fmt"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"kibali/console/page"
	"kibali/domain/account"
	"kibali/domain/actor"
	"kibali/domain/fault"
	"kibali/store"
	"kibali/web"
)

// posted is a handler of a form about what the path names by its id.
func posted(do func(c *gin.Context, id uuid.UUID, form *page.Form)) gin.HandlerFunc {
	return func(c *gin.Context) {
		id, err := idOf(c, "id")
		if err != nil {
			web.Fail(c, err)
			return
		}
		form, err := page.ReadForm(c)
		if err != nil {
			web.Fail(c, err)
			return
		}
		do(c, id, form)
	}
}

// formKey makes what a form asks for happen once, by the form's token. content
// is all that it asks for.
func formKey(c *gin.Context, form *page.Form, route string, content ...string) (*store.IdempotencyKey, error) {
	token, err := tokenOf(form)
	if err != nil {
		return nil, err
	}
	return keyOf(web.CallerOf(c).Actor, route, token, content...), nil
}

// tokenOf returns the token by which a form is told from its like.
func tokenOf(form *page.Form) (string, error) {
	token, err := uuid.Parse(form.Value("token"))
	if err != nil {
		return "", fault.New(fault.Malformed, "The form is not complete.")
	}
	return token.String(), nil
}

// keyOf is the key of what a caller asks for with a token.
func keyOf(caller actor.Actor, route, token string, content ...string) *store.IdempotencyKey {
	return &store.IdempotencyKey{
		Scope: string(caller.Kind) + ":" + caller.ID.String(), Route: "console " + route, Key: token, Fingerprint: fingerprint(content...),
	}
}

// fingerprint tells texts from all others.
func fingerprint(texts ...string) [sha256.Size]byte {
	return sha256.Sum256(fmt.Appendf(nil, "%q", texts))
}

// allWrong returns what errs say of fields as one error, so that each is told
// beside its field; another kind of error counts alone. It is nil for none.
func allWrong(errs ...error) error {
	var fields []fault.Field
	for _, err := range errs {
		if err == nil {
			continue
		}
		f := fault.As(err)
		if f == nil || f.Code != fault.Invalid || len(f.Fields) == 0 {
			return err
		}
		fields = append(fields, f.Fields...)
	}
	return fault.InvalidFields(fields...)
}

// checkNote returns fault.Invalid for a note that cannot be kept.
func checkNote(note string) error {
	if _, bad := account.ParseNote(note); bad != nil {
		return fault.InvalidFields(*bad)
	}
	return nil
}

// checkReason returns fault.Invalid for a reason and a note that no decision of
// the kind can have.
func checkReason(v verb, reason account.Reason) error {
	if !v.Reasoned {
		return checkNote(reason.Note)
	}
	_, err := reason.Normalise(v.Action)
	return err
}
