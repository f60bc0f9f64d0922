package portal

import (
	"io"
	"net/http"
	"strconv"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"kibali/console/page"
	"kibali/domain/fault"
	"kibali/store"
	"kibali/web"
)

// maxPiece is the size in bytes of the largest part of a file that comes in
// parts: some seconds of a slow line.
const maxPiece = 128 << 10

// uploadStanding is how an upload stands, for the script that sends it.
type uploadStanding struct {
	ID       uuid.UUID `json:"id"`
	Received int64     `json:"received"`
}

func tellStanding(c *gin.Context, status int, u store.PartialUpload) {
	web.JSON(c, status, uploadStanding{u.ID, u.Received})
}

// beginUpload begins an upload in parts, which a browser with a script makes of
// a file: a line that breaks costs one part and not all of it.
func (s *server) beginUpload(c *gin.Context) {
	form, err := page.ReadForm(c)
	if err != nil {
		web.Fail(c, err)
		return
	}
	size, err := strconv.ParseInt(form.Value("size"), 10, 64)
	if err != nil {
		web.Fail(c, fault.New(fault.Malformed, "The form is not complete."))
		return
	}
	caller := web.CallerOf(c)
	begun, err := s.service.BeginUpload(c.Request.Context(), caller.Actor, caller.ID, size)
	if err != nil {
		web.Fail(c, err)
		return
	}
	tellStanding(c, http.StatusCreated, begun)
}

// uploadStands tells how much of an upload has arrived.
func (s *server) uploadStands(c *gin.Context) {
	caller := web.CallerOf(c)
	id, err := uploadOf(c)
	if err != nil {
		web.Fail(c, err)
		return
	}
	u, err := s.service.PartialUpload(c.Request.Context(), caller.Actor, caller.ID, id)
	if err != nil {
		web.Fail(c, err)
		return
	}
	tellStanding(c, http.StatusOK, u)
}

// continueUpload takes the next part, and tells how much has arrived. Of one
// that is not the next it takes nothing.
func (s *server) continueUpload(c *gin.Context) {
	web.ForFile(c)
	id, err := uploadOf(c)
	if err != nil {
		web.Fail(c, err)
		return
	}
	at, err := strconv.ParseInt(c.Query("at"), 10, 64)
	if err != nil {
		web.Fail(c, fault.New(fault.Malformed, "The place of the part is missing."))
		return
	}
	part, err := io.ReadAll(http.MaxBytesReader(c.Writer, c.Request.Body, maxPiece))
	if err != nil {
		web.Fail(c, web.BodyFault(c, err))
		return
	}
	caller := web.CallerOf(c)
	u, err := s.service.ContinueUpload(c.Request.Context(), caller.Actor, caller.ID, id, at, part)
	switch {
	case err != nil:
		web.Fail(c, err)
	case u.Received != at+int64(len(part)):
		tellStanding(c, http.StatusConflict, u)
	default:
		tellStanding(c, http.StatusOK, u)
	}
}

// finishUpload makes a document of what has arrived.
func (s *server) finishUpload(c *gin.Context) {
	web.ForFile(c)
	id, err := uploadOf(c)
	if err != nil {
		web.Fail(c, err)
		return
	}
	form, err := page.ReadForm(c)
	if err != nil {
		web.Fail(c, err)
		return
	}
	caller := web.CallerOf(c)
	_, err = s.service.FinishUpload(c.Request.Context(), caller.Actor, caller.ID, id, form.Value("kind"), web.FileName(form.Value("name")))
	if err != nil {
		s.refuseUpload(c, form.Value("kind"), err)
		return
	}
	s.face.Tell(c, "notice.document_received")
	page.See(c, documentsPath)
}

func uploadOf(c *gin.Context) (uuid.UUID, error) {
	id, err := uuid.Parse(c.Param("id"))
	if err != nil {
		return uuid.Nil, fault.New(fault.NotFound, "There is no such upload.")
	}
	return id, nil
}
