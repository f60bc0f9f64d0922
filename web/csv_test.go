package web_test

import (
	"encoding/csv"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/stretchr/testify/require"

	"kibali/web"
)

func TestCSV(t *testing.T) {
	t.Parallel()
	texts := map[string]string{
		"": "", "Asha": "Asha", `a "quoted", text`: `a "quoted", text`, "line\nbreak": "line\nbreak",
		"=1+1": "'=1+1", "+255712": "'+255712", "-5": "'-5", "@SUM(A1)": "'@SUM(A1)", "\t=1": "'\t=1", "\r=1": "'=1", "\n=1": "'\n=1",
		"  =1": "'  =1", "＝1": "'＝1", "a=1": "a=1", "'=1": "'=1", "é": "é",
	}
	serve := func(handler gin.HandlerFunc) *httptest.ResponseRecorder {
		engine := web.New(web.Config{Log: slog.New(slog.DiscardHandler), Access: map[string]web.Access{"GET /file": web.Anyone}}, func(e *gin.Engine) { e.GET("/file", handler) })
		recorder := httptest.NewRecorder()
		engine.ServeHTTP(recorder, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/file", http.NoBody))
		return recorder
	}
	answer := serve(func(c *gin.Context) {
		f := web.BeginCSV(c, "ledger.csv", "text", "number")
		for text := range texts {
			require.True(t, f.Row(web.Text(text), web.Number("-5")))
			f.More()
		}
		f.End()
	})
	require.Equal(t, http.StatusOK, answer.Code)
	require.Equal(t, "text/csv; charset=utf-8", answer.Header().Get("Content-Type"))
	require.Equal(t, "attachment; filename=ledger.csv", answer.Header().Get("Content-Disposition"))
	lines, err := csv.NewReader(answer.Body).ReadAll()
	require.NoError(t, err)
	require.Equal(t, []string{"text", "number"}, lines[0])
	require.Len(t, lines, len(texts)+1)
	var got, want []string
	for _, line := range lines[1:] {
		require.Equal(t, "-5", line[1], "a number stays one")
		got = append(got, line[0])
	}
	for _, safe := range texts {
		want = append(want, safe)
	}
	require.ElementsMatch(t, want, got)

	require.Panics(t, func() {
		serve(func(c *gin.Context) {
			f := web.BeginCSV(c, "ledger.csv", "text")
			f.More()
			f.Fail(errors.New("the database has gone"))
		})
	}, "a file that is not complete is broken off")
}
