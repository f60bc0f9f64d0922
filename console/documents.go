package console

import (
	"strconv"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"kibali/domain/actor"
	"kibali/store"
	"kibali/web"
)

// documentView is a document with the images of its pages.
type documentView struct {
	store.Document
	Images []pageImage
}

// pageImage is where the image of a page is, and its size in pixels.
type pageImage struct {
	Number        int
	Address       string
	Width, Height int
}

// Path is where the document is.
func (d documentView) Path() string {
	return accountPath(d.AccountID) + "/documents/" + d.ID.String()
}

// documentsFor returns an account's documents, those of the newest application
// first, to those who may see them.
func (s *server) documentsFor(c *gin.Context, id uuid.UUID) ([]documentView, error) {
	if !web.CallerOf(c).May(actor.ReadDocuments) {
		return nil, nil
	}
	documents, err := s.reader.Documents(c.Request.Context(), id)
	if err != nil {
		return nil, err
	}
	pages, err := s.reader.AccountPages(c.Request.Context(), id)
	if err != nil {
		return nil, err
	}
	views := make([]documentView, len(documents))
	for i, d := range documents {
		views[i].Document = d
		for _, p := range pages {
			if p.DocumentID == d.ID {
				views[i].Images = append(views[i].Images, pageImage{
					Number: p.Number, Address: views[i].Path() + "/pages/" + strconv.Itoa(p.Number), Width: p.Width, Height: p.Height,
				})
			}
		}
	}
	return views, nil
}

// pageOfDocument sends the image of a page.
func (s *server) pageOfDocument(c *gin.Context) {
	account, document, err := documentOf(c)
	if err != nil {
		web.Fail(c, err)
		return
	}
	number, err := strconv.Atoi(c.Param("n"))
	if err != nil || number < 1 || number > 10_000 {
		web.NotFound(c)
		return
	}
	p, body, err := s.service.OpenPage(c.Request.Context(), web.CallerOf(c).Actor, account, document, number)
	if err != nil {
		web.Fail(c, err)
		return
	}
	defer body.Close()
	web.SendFile(c, web.File{ContentType: p.ContentType, Size: p.Size}, body)
}

// originalOfDocument sends a document as it was handed in, to be kept and not
// shown.
func (s *server) originalOfDocument(c *gin.Context) {
	account, document, err := documentOf(c)
	if err != nil {
		web.Fail(c, err)
		return
	}
	d, body, err := s.service.OpenDocument(c.Request.Context(), web.CallerOf(c).Actor, account, document)
	if err != nil {
		web.Fail(c, err)
		return
	}
	defer body.Close()
	web.SendFile(c, web.File{ContentType: d.ContentType, Size: d.Size, Name: nameOf(d)}, body)
}

// nameOf is what a document is called when it is kept: after what it is, not by
// what a stranger called it.
func nameOf(d store.Document) string {
	extension := map[string]string{"application/pdf": ".pdf", "image/jpeg": ".jpg", "image/png": ".png", "image/webp": ".webp"}[d.ContentType]
	return d.Kind + "-" + d.ID.String()[:8] + extension
}

func documentOf(c *gin.Context) (account, document uuid.UUID, err error) {
	if account, err = idOf(c, "id"); err == nil {
		document, err = idOf(c, "doc")
	}
	return account, document, err
}
