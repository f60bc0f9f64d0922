package page

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"kibali/domain/fault"
	"kibali/web"
)

// Problem is what the page of an error shows.
type Problem struct {
	Status int
	Code   fault.Code
	// Message says more than the text of the code, in English.
	Message string
	Fields  []fault.Field
	// Current is what a conflict says of the present state; nil without.
	Current any
}

// Problem answers with the page that an error becomes: what happened, what to
// do about it and the request's id. It is for web.Config.Page.
func (f *Face) Problem(c *gin.Context, status int, refused *fault.Error) {
	body, err := f.execute(c, "problem", Problem{
		Status: status, Code: refused.Code, Message: refused.Message, Fields: refused.Fields, Current: refused.Details["current"],
	})
	if err != nil {
		// The page of errors is what cannot be rendered: say it without.
		body = []byte(http.StatusText(status) + "\n" + refused.Message + "\n" + web.RequestID(c) + "\n")
		web.Send(c, status, "text/plain; charset=utf-8", body)
		return
	}
	header := c.Writer.Header()
	// In place of a part of a page it is told above it.
	header.Set("HX-Retarget", "#problem")
	header.Set("HX-Reswap", "innerHTML")
	header.Set("HX-Reselect", "#problem-page")
	web.SendPage(c, status, body)
}
