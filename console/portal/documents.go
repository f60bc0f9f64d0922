package portal

import (
	"io"
	"net/http"

	"github.com/gin-gonic/gin"

	"kibali/console/page"
	"kibali/domain/account"
	"kibali/domain/fault"
	"kibali/service"
	"kibali/store"
	"kibali/web"
)

// documentsView is what the page of documents shows.
type documentsView struct {
	Form      *page.Form
	Documents []store.Document
	Kinds     []kind
	// First says that this is the second step of a registration, and no addition
	// to an application that was looked at already.
	First  bool
	Reason *reason // what is to be changed; nil when nothing is
	Limit  int64   // bytes
}

// kind is a kind of document, and whether there is one.
type kind struct {
	Name account.DocumentKind
	Have bool
}

// documents shows the documents of an application and how to add one.
func (s *server) documents(c *gin.Context) {
	s.showDocuments(c, http.StatusOK, page.NewForm())
}

func (s *server) showDocuments(c *gin.Context, status int, form *page.Form) {
	reader := readerOf(c)
	if reader.Account.Status != account.Pending {
		page.See(c, statusPath)
		return
	}
	documents, err := s.reader.Documents(c.Request.Context(), reader.Account.ID)
	if err != nil {
		web.Fail(c, err)
		return
	}
	view := documentsView{
		Form: form, Documents: documents, Kinds: kindsOf(documents), First: reader.Account.DecidedBy == nil,
		Reason: reasonOf(reader.Account.Reason), Limit: web.MaxUpload,
	}
	s.face.Render(c, status, "documents", view)
}

// kindsOf returns every kind of document, and of which there is one that can be
// read.
func kindsOf(documents []store.Document) []kind {
	var kinds []kind
	for _, name := range account.DocumentKinds() {
		k := kind{Name: name}
		for _, d := range documents {
			k.Have = k.Have || d.Kind == string(name) && d.Status != store.DocumentRefused
		}
		kinds = append(kinds, k)
	}
	return kinds
}

// Chosen returns the kind that the form stands at: the one that was chosen, or
// else the first one that is missing.
func (v documentsView) Chosen() account.DocumentKind {
	if chosen := v.Form.Value("kind"); chosen != "" {
		return account.DocumentKind(chosen)
	}
	for _, k := range v.Kinds {
		if !k.Have {
			return k.Name
		}
	}
	return account.OtherDocument
}

// upload takes a document.
func (s *server) upload(c *gin.Context) {
	web.ForFile(c)
	body := c.Request.Body
	form, err := web.ReadUploadForm(c)
	if err == nil {
		_, err = s.service.Upload(c.Request.Context(), web.CallerOf(c).Actor, web.CallerOf(c).ID, service.Upload{
			FileName: form.FileName(), Body: form, Kind: form.Kind,
		})
	}
	if err == nil {
		s.face.Tell(c, "notice.document_received")
		page.See(c, documentsPath)
		return
	}
	// A browser that is still sending shows nothing of an answer that comes
	// before it has finished.
	_, _ = io.CopyN(io.Discard, body, maxDrained)
	kind := ""
	if form != nil {
		kind, _ = form.Kind() // what the form says of it, if it came so far
	}
	s.refuseUpload(c, kind, err)
}

// maxDrained is how much of a file that is refused is read to its end, in bytes.
const maxDrained = 8 * web.MaxUpload

// refuseUpload says beside its field what is wrong with an upload of a kind.
func (s *server) refuseUpload(c *gin.Context, kind string, err error) {
	refused := fault.As(err)
	if refused == nil {
		web.Fail(c, err)
		return
	}
	fields := refused.Fields
	switch refused.Code {
	case fault.Invalid, fault.UnsupportedMediaType:
	case fault.TooLarge:
		fields = []fault.Field{{Field: "file", Code: "too_large", Detail: refused.Message}}
	case fault.Conflict:
		fields = []fault.Field{{Field: "file", Code: "too_many", Detail: refused.Message}}
	default:
		web.Fail(c, err)
		return
	}
	form := page.NewForm("kind", kind)
	form.Refused(fault.InvalidFields(fields...))
	s.showDocuments(c, http.StatusUnprocessableEntity, form)
}
