package web

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"

	"github.com/gin-gonic/gin"
)

// JSON answers with a body that encodes to JSON.
func JSON(c *gin.Context, status int, body any) {
	encoded, err := json.Marshal(body)
	if err != nil {
		Fail(c, fmt.Errorf("encode the answer: %w", err))
		return
	}
	Send(c, status, "application/json", encoded)
}

// Send answers with bytes as they are.
func Send(c *gin.Context, status int, contentType string, body []byte) {
	header := c.Writer.Header()
	header["Content-Type"] = []string{contentType}
	header["Content-Length"] = []string{strconv.Itoa(len(body))}
	c.Writer.WriteHeader(status)
	if _, err := c.Writer.Write(body); err != nil {
		stateOf(c).gone = true
	}
}

// The headers of every answer, unless its handler says otherwise: nothing in
// it is for a browser to run, guess at, frame, keep or tell others about.
const (
	strictPolicy = "default-src 'none'; frame-ancestors 'none'"
	noStore      = "no-store"
)

var (
	valueNoSniff    = []string{"nosniff"}
	valueNoReferrer = []string{"no-referrer"}
	valuePolicy     = []string{strictPolicy}
	valueNoStore    = []string{noStore}
)

func secure(h http.Header) {
	h["X-Content-Type-Options"] = valueNoSniff
	h["Referrer-Policy"] = valueNoReferrer
	h["Content-Security-Policy"] = valuePolicy
	h["Cache-Control"] = valueNoStore
}
