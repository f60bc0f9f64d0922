package web

import (
	"github.com/gin-gonic/gin"

	"kibali/domain/fault"
)

const (
	idempotencyHeader = "Idempotency-Key"
	maxIdempotencyKey = 255
)

// IdempotencyKey returns the request's Idempotency-Key, "" when it has none.
// It returns fault.Malformed, naming the header, for anything but one value of
// 1 to 255 visible ASCII characters.
func IdempotencyKey(c *gin.Context) (string, error) {
	values, given := c.Request.Header[idempotencyHeader]
	if !given {
		return "", nil
	}
	if len(values) == 1 && soundKey(values[0]) {
		return values[0], nil
	}
	e := fault.New(fault.Malformed, "The header Idempotency-Key cannot be read.")
	e.Fields = []fault.Field{{Field: idempotencyHeader, Code: codeInvalid, Detail: "Must be 1 to 255 visible ASCII characters, once."}}
	return "", e
}

// RequiredIdempotencyKey is IdempotencyKey where a request must have one:
// without, it is fault.Malformed too.
func RequiredIdempotencyKey(c *gin.Context) (string, error) {
	key, err := IdempotencyKey(c)
	if err == nil && key == "" {
		e := fault.New(fault.Malformed, "The header Idempotency-Key is missing.")
		e.Fields = []fault.Field{{Field: idempotencyHeader, Code: codeRequired, Detail: "Must be given: 1 to 255 visible ASCII characters."}}
		return "", e
	}
	return key, err
}

func soundKey(key string) bool {
	if key == "" || len(key) > maxIdempotencyKey {
		return false
	}
	for i := range len(key) {
		if key[i] < '!' || key[i] > '~' {
			return false
		}
	}
	return true
}
