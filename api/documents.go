package api

import (
	"encoding/base64"
	"encoding/hex"
	"net/http"

	"github.com/gin-gonic/gin"

	"kibali/service"
	"kibali/store"
	"kibali/web"
)

// UploadDocument serves POST /v1/registrations/{id}/documents.
func (s *server) UploadDocument(c *gin.Context, id AccountID) {
	web.ForFile(c)
	form, err := web.ReadUploadForm(c)
	if err != nil {
		web.Fail(c, err)
		return
	}
	document, err := s.service.Upload(c.Request.Context(), web.CallerOf(c).Actor, id, service.Upload{
		FileName: form.FileName(), Body: form, Kind: form.Kind,
	})
	if err != nil {
		web.Fail(c, err)
		return
	}
	web.JSON(c, http.StatusCreated, DocumentAnswer{Document: documentJSON(document)})
}

// ListDocuments serves GET /v1/accounts/{id}/documents.
func (s *server) ListDocuments(c *gin.Context, id AccountID) {
	documents, err := s.reader.Documents(c.Request.Context(), id)
	if err == nil && len(documents) == 0 {
		_, err = s.reader.Account(c.Request.Context(), id)
	}
	if err != nil {
		web.Fail(c, err)
		return
	}
	body := DocumentsPage{Items: make([]Document, len(documents))}
	for i, d := range documents {
		body.Items[i] = documentJSON(d)
	}
	web.JSON(c, http.StatusOK, body)
}

// GetDocumentContent serves GET /v1/accounts/{id}/documents/{doc}/content.
func (s *server) GetDocumentContent(c *gin.Context, id AccountID, doc DocumentID) {
	document, content, err := s.service.OpenDocument(c.Request.Context(), web.CallerOf(c).Actor, id, doc)
	if err != nil {
		web.Fail(c, err)
		return
	}
	defer content.Close()
	c.Header("Repr-Digest", "sha-256=:"+base64.StdEncoding.EncodeToString(document.SHA256)+":")
	web.SendFile(c, web.File{ContentType: document.ContentType, Size: document.Size, Name: document.FileName}, content)
}

// GetDocumentPage serves GET /v1/accounts/{id}/documents/{doc}/pages/{n}.
func (s *server) GetDocumentPage(c *gin.Context, id AccountID, doc DocumentID, n int) {
	page, content, err := s.service.OpenPage(c.Request.Context(), web.CallerOf(c).Actor, id, doc, n)
	if err != nil {
		web.Fail(c, err)
		return
	}
	defer content.Close()
	web.SendFile(c, web.File{ContentType: page.ContentType, Size: page.Size}, content)
}

func documentJSON(d store.Document) Document {
	return Document{
		ID: d.ID, AccountID: d.AccountID, Kind: DocumentKind(d.Kind), FileName: d.FileName,
		ContentType: DocumentContentType(d.ContentType), Size: d.Size, Sha256: hex.EncodeToString(d.SHA256),
		ReceivedAt: d.ReceivedAt.UTC(), Status: DocumentStatus(d.Status), Refusal: unlessEmpty(d.Refusal), Pages: d.Pages,
		DeletedAt: utc(d.DiscardedAt), DeletedFor: unlessEmpty(DocumentDeletedFor(d.DiscardedFor)),
	}
}
