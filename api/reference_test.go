package api_test

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"regexp"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/require"
)

func TestReference(t *testing.T) {
	t.Parallel()
	s := setup(t)

	t.Run("is the specification in JSON", func(t *testing.T) {
		t.Parallel()
		a := s.call(t, http.MethodGet, "/openapi.json", "", nil)
		require.Equal(t, http.StatusOK, a.Code)
		served, err := openapi3.NewLoader().LoadFromData(a.Body.Bytes())
		require.NoError(t, err)
		want, err := specification(t).document.MarshalJSON()
		require.NoError(t, err)
		got, err := served.MarshalJSON()
		require.NoError(t, err)
		require.JSONEq(t, string(want), string(got))
	})

	t.Run("is a page that shows all of it and runs nothing", func(t *testing.T) {
		t.Parallel()
		a := s.call(t, http.MethodGet, "/docs", "", nil)
		require.Equal(t, http.StatusOK, a.Code)
		page := a.Body.String()
		document := specification(t).document
		for path, item := range document.Paths.Map() {
			require.Contains(t, page, "<code>"+path+"</code>")
			for _, operation := range item.Operations() {
				require.Contains(t, page, `id="`+operation.OperationID+`"`)
			}
		}
		for name := range document.Components.Schemas {
			require.Contains(t, page, `id="schema-`+name+`"`)
		}
		for _, link := range regexp.MustCompile(`href="#([^"]*)"`).FindAllStringSubmatch(page, -1) {
			require.Contains(t, page, `id="`+link[1]+`"`)
		}
		require.Contains(t, page, "staff: admin, reviewer, auditor")
		require.NotContains(t, page, "<script")
		require.False(t, regexp.MustCompile(`\s(src|style|on\w+)=|@import|url\(`).MatchString(page))

		style := regexp.MustCompile(`(?s)<style>(.*?)</style>`).FindStringSubmatch(page)
		require.NotNil(t, style)
		sum := sha256.Sum256([]byte(style[1]))
		policy := a.Header().Get("Content-Security-Policy")
		require.Contains(t, policy, "default-src 'none'; style-src 'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"';")
		require.NotContains(t, policy, "unsafe")
	})

	t.Run("is there for reading only", func(t *testing.T) {
		t.Parallel()
		a := s.call(t, http.MethodPost, "/docs", "", nil)
		require.Equal(t, http.StatusMethodNotAllowed, a.Code)
		require.Equal(t, "GET, HEAD", a.Header().Get("Allow"))
		require.Equal(t, "method_not_allowed", a.code(t))
	})
}
