package portal

import (
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"kibali/console/page"
	"kibali/domain/fault"
	"kibali/store"
	"kibali/web"
)

// keysView is what the page of API keys shows.
type keysView struct {
	Form *page.Form
	Keys []store.APIKey
	// Made is the key that was made now, and Secret the whole of it, which is
	// shown this once; nil and "" otherwise.
	Made   *store.APIKey
	Secret string
	// Again says that the form was sent a second time: its key is there, and
	// cannot be shown again.
	Again bool
}

// keys shows the API keys of the account.
func (s *server) keys(c *gin.Context) {
	s.showKeys(c, http.StatusOK, keysView{Form: newKeyForm()})
}

// newKeyForm returns an empty form for a key. The key's id stands in it, so that
// a form that is sent twice makes one key.
func newKeyForm() *page.Form { return page.NewForm("id", uuid.Must(uuid.NewV7()).String()) }

func (s *server) showKeys(c *gin.Context, status int, view keysView) {
	var err error
	if view.Keys, err = s.reader.APIKeys(c.Request.Context(), readerOf(c).Account.ID); err != nil {
		web.Fail(c, err)
		return
	}
	s.face.Render(c, status, "keys", view)
}

// createKey makes a key and shows it, this once.
func (s *server) createKey(c *gin.Context) {
	form, err := page.ReadForm(c)
	if err != nil {
		web.Fail(c, err)
		return
	}
	id, err := uuid.Parse(form.Value("id"))
	if err != nil {
		web.Fail(c, fault.New(fault.Malformed, "The form is not complete."))
		return
	}
	made, secret, err := s.service.CreateAPIKey(c.Request.Context(), web.CallerOf(c).Actor, id, form.Value("name"))
	switch {
	case err == nil:
		s.showKeys(c, http.StatusOK, keysView{Form: newKeyForm(), Made: &made, Secret: secret})
	case fault.Is(err, fault.KeyReused):
		s.showKeys(c, http.StatusConflict, keysView{Form: newKeyForm(), Again: true})
	case fault.Is(err, fault.Conflict):
		form.Refused(fault.InvalidFields(fault.Field{Field: "name", Code: "too_many_keys", Detail: fault.As(err).Message}))
		s.showKeys(c, http.StatusUnprocessableEntity, keysView{Form: form})
	case form.Refused(err):
		s.showKeys(c, http.StatusUnprocessableEntity, keysView{Form: form})
	default:
		web.Fail(c, err)
	}
}

// askToRevoke asks whether to end a key, and says what that does.
func (s *server) askToRevoke(c *gin.Context) {
	key, err := s.keyOf(c)
	if err != nil {
		web.Fail(c, err)
		return
	}
	s.face.Render(c, http.StatusOK, "revoke", key)
}

// revokeKey ends a key. Ending one that has ended is no error.
func (s *server) revokeKey(c *gin.Context) {
	id, err := uuid.Parse(c.Param("id"))
	if err != nil {
		web.NotFound(c)
		return
	}
	err = s.service.RevokeAPIKey(c.Request.Context(), web.CallerOf(c).Actor, id)
	if err != nil && !fault.Is(err, fault.NotFound) {
		web.Fail(c, err)
		return
	}
	s.face.Tell(c, "notice.key_revoked")
	page.See(c, keysPath)
}

// keyOf returns the key of the account that the path names.
func (s *server) keyOf(c *gin.Context) (store.APIKey, error) {
	keys, err := s.reader.APIKeys(c.Request.Context(), readerOf(c).Account.ID)
	if err != nil {
		return store.APIKey{}, err
	}
	for _, key := range keys {
		if key.ID.String() == c.Param("id") {
			return key, nil
		}
	}
	return store.APIKey{}, fault.New(fault.NotFound, "There is no such API key.")
}
