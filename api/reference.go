package api

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"sync"

	"github.com/gin-gonic/gin"

	"kibali/web"
)

//go:embed openapi.json.gz
var packedSpecification []byte

// specification is openapi.yaml in JSON, its members in the same order.
var specification = sync.OnceValues(func() ([]byte, error) {
	unpacked, err := gzip.NewReader(bytes.NewReader(packedSpecification))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(unpacked)
})

// GetSpecification serves GET /openapi.json.
func (s *server) GetSpecification(c *gin.Context) {
	body, err := specification()
	if err != nil {
		web.Fail(c, fmt.Errorf("read the specification: %w", err))
		return
	}
	c.Header("Cache-Control", "no-cache")
	web.Send(c, http.StatusOK, "application/json", body)
}

var referencePage = sync.OnceValues(func() ([]byte, error) {
	body, err := specification()
	if err != nil {
		return nil, err
	}
	return renderReference(body)
})

// referencePolicy lets the page use its one inline style sheet and nothing
// else.
var referencePolicy = sync.OnceValue(func() string {
	sum := sha256.Sum256([]byte(referenceStyle))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
		"'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
})

// GetReference serves GET /docs.
func (s *server) GetReference(c *gin.Context) {
	page, err := referencePage()
	if err != nil {
		web.Fail(c, fmt.Errorf("render the reference: %w", err))
		return
	}
	c.Header("Content-Security-Policy", referencePolicy())
	c.Header("Cache-Control", "no-cache")
	web.Send(c, http.StatusOK, "text/html; charset=utf-8", page)
}
