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

// SendPage answers with a page of ours. Its scripts, styles, pictures and forms
// are those of this site; nothing stands inline, and no other page frames it.
// It is told to this site alone where a reader comes from: without that, some
// browsers send forms without an origin. A page at a SecretAddress is told of to
// nobody.
func SendPage(c *gin.Context, status int, body []byte) {
	header := c.Writer.Header()
	header["Content-Security-Policy"], header["Referrer-Policy"] = valuePagePolicy, valueSameOrigin
	if stateOf(c).secret {
		header["Referrer-Policy"] = valueNoReferrer
	}
	Send(c, status, "text/html; charset=utf-8", body)
}

// SecretAddress says that the address of the request is a secret, such as that
// of a mailed link: whatever the page that answers it leads to is not told it.
func SecretAddress(c *gin.Context) { stateOf(c).secret = true }

// The headers of every answer, unless its handler says otherwise: nothing in
// it is for a browser to run, guess at, frame, keep, share with the windows of
// others or tell others about.
const (
	strictPolicy = "default-src 'none'; frame-ancestors 'none'"
	pagePolicy   = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; " +
		"connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
	noStore = "no-store"
	// staySecure is for this host alone: what is beside it is not ours to say.
	staySecure   = "max-age=31536000"
	noPermission = "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), magnetometer=(), " +
		"microphone=(), midi=(), payment=(), usb=()"
	sameOrigin = "same-origin"
)

var (
	valueNoSniff    = []string{"nosniff"}
	valueNoReferrer = []string{"no-referrer"}
	valuePolicy     = []string{strictPolicy}
	valuePagePolicy = []string{pagePolicy}
	valueNoStore    = []string{noStore}
	valueSecure     = []string{staySecure}
	valuePermission = []string{noPermission}
	valueSameOrigin = []string{sameOrigin}
)

func secure(h http.Header, site *Site) {
	h["X-Content-Type-Options"] = valueNoSniff
	h["Referrer-Policy"] = valueNoReferrer
	h["Content-Security-Policy"] = valuePolicy
	h["Cache-Control"] = valueNoStore
	h["Permissions-Policy"] = valuePermission
	h["Cross-Origin-Opener-Policy"] = valueSameOrigin
	h["Cross-Origin-Resource-Policy"] = valueSameOrigin
	if site != nil && site.tls {
		h["Strict-Transport-Security"] = valueSecure
	}
}
