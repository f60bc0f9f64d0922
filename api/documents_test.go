package api_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"kibali/api"
	"kibali/documents"
	"kibali/documents/sample"
	"kibali/domain/actor"
	"kibali/web"
)

// part is one part of a form.
type part struct {
	name, fileName string
	content        []byte
}

func kind(k string) part { return part{name: "kind", content: []byte(k)} }

func file(name string, content []byte) part {
	return part{name: "file", fileName: name, content: content}
}

// upload sends a form to the documents of a registration.
func (s *stand) upload(t *testing.T, id, token string, parts ...part) answer {
	t.Helper()
	body, contentType := form(t, parts...)
	return s.uploadBody(t, id, token, contentType, bytes.NewReader(body))
}

func (s *stand) uploadBody(t *testing.T, id, token, contentType string, body io.Reader) answer {
	t.Helper()
	request := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/registrations/"+id+"/documents", body)
	request.Header.Set("Authorization", "Bearer "+token)
	request.Header.Set("Content-Type", contentType)
	return s.send(t, request)
}

func form(t *testing.T, parts ...part) (body []byte, contentType string) {
	t.Helper()
	var out bytes.Buffer
	writer := multipart.NewWriter(&out)
	for _, p := range parts {
		header := textproto.MIMEHeader{}
		disposition := fmt.Sprintf(`form-data; name="%s"`, p.name)
		if p.fileName != "" {
			disposition += fmt.Sprintf(`; filename="%s"`, p.fileName)
			header.Set("Content-Type", "application/octet-stream")
		}
		header.Set("Content-Disposition", disposition)
		w, err := writer.CreatePart(header)
		require.NoError(t, err)
		_, err = w.Write(p.content)
		require.NoError(t, err)
	}
	require.NoError(t, writer.Close())
	return out.Bytes(), writer.FormDataContentType()
}

func TestMaxUploadIsStorages(t *testing.T) {
	t.Parallel()
	require.Equal(t, documents.MaxSize, web.MaxUpload)
}

func TestUpload(t *testing.T) {
	t.Parallel()
	s := setup(t)
	pdf, jpeg := sample.PDF("Licence", "of Kilimo Bora"), sample.JPEG(640, 480, 1)

	t.Run("takes kind and file in either order, by upload token or session", func(t *testing.T) {
		t.Parallel()
		u := s.register(t)
		a := s.upload(t, u.id, u.uploadToken, kind("business_licence"), file("licence.pdf", pdf))
		require.Equal(t, http.StatusCreated, a.Code, a.Body)
		d := decode[api.DocumentAnswer](t, a).Document
		sum := sha256.Sum256(pdf)
		require.Equal(t, api.Document{
			ID: d.ID, AccountID: d.AccountID, Kind: "business_licence", FileName: "licence.pdf", ContentType: "application/pdf",
			Size: int64(len(pdf)), Sha256: hex.EncodeToString(sum[:]), ReceivedAt: d.ReceivedAt, Status: "received",
		}, d)
		require.Equal(t, u.id, d.AccountID.String())

		a = s.upload(t, u.id, u.session, file("me.jpg", jpeg), kind("director_id"))
		require.Equal(t, http.StatusCreated, a.Code, a.Body)
		require.Equal(t, "director_id", string(decode[api.DocumentAnswer](t, a).Document.Kind))

		listed := s.call(t, http.MethodGet, "/v1/accounts/"+u.id+"/documents", s.tokens[actor.Auditor], nil)
		require.Len(t, decode[api.DocumentsPage](t, listed).Items, 2)
	})

	t.Run("keeps a hostile file name for display only", func(t *testing.T) {
		t.Parallel()
		u := s.register(t)
		for sent, kept := range map[string]string{
			"../../etc/passwd":              "passwd",
			`C:\\Users\\Asha\\licence.pdf`:  "licence.pdf",
			"a\u202egnp.exe":                "agnp.exe",
			"..":                            "document",
			"<script>alert(1)</script>.pdf": "script>.pdf",
			strings.Repeat("é", 300):        strings.Repeat("é", 200),
			"leseni ya biashara.pdf":        "leseni ya biashara.pdf",
			"  ":                            "document",
		} {
			a := s.upload(t, u.id, u.session, kind("other"), file(sent, jpeg))
			require.Equal(t, http.StatusCreated, a.Code, a.Body)
			require.Equal(t, kept, decode[api.DocumentAnswer](t, a).Document.FileName)
		}
	})
}

func TestUpload_refuses_what_is_no_such_form_and_stores_nothing(t *testing.T) {
	t.Parallel()
	s := setup(t)
	u := s.register(t)
	jpeg := sample.JPEG(320, 240, 1)
	for name, c := range map[string]struct {
		parts  []part
		status int
		fields map[string]string
	}{
		"no parts":                       {nil, 422, map[string]string{"file": "required", "kind": "required"}},
		"no file":                        {[]part{kind("other")}, 422, map[string]string{"file": "required"}},
		"no kind":                        {[]part{file("a.jpg", jpeg)}, 422, map[string]string{"kind": "required"}},
		"an unknown kind":                {[]part{kind("selfie"), file("a.jpg", jpeg)}, 422, map[string]string{"kind": "invalid"}},
		"an unknown kind after the file": {[]part{file("a.jpg", jpeg), kind("selfie")}, 422, map[string]string{"kind": "invalid"}},
		"an empty kind":                  {[]part{kind(""), file("a.jpg", jpeg)}, 422, map[string]string{"kind": "required"}},
		"a very long kind":               {[]part{kind(strings.Repeat("x", 1<<20)), file("a.jpg", jpeg)}, 422, map[string]string{"kind": "invalid"}},
		"two kinds":                      {[]part{kind("other"), kind("other"), file("a.jpg", jpeg)}, 400, map[string]string{"kind": "duplicate_field"}},
		"two kinds around the file":      {[]part{kind("other"), file("a.jpg", jpeg), kind("other")}, 400, map[string]string{"kind": "duplicate_field"}},
		"two files":                      {[]part{kind("other"), file("a.jpg", jpeg), file("b.jpg", jpeg)}, 400, map[string]string{"file": "duplicate_field"}},
		"another part":                   {[]part{kind("other"), {name: "account_id", content: []byte("x")}, file("a.jpg", jpeg)}, 400, map[string]string{}},
		"another part last":              {[]part{kind("other"), file("a.jpg", jpeg), {name: "x"}}, 400, map[string]string{}},
		"a part in capitals":             {[]part{{name: "Kind", content: []byte("other")}, file("a.jpg", jpeg)}, 400, map[string]string{}},
		"an empty file":                  {[]part{kind("other"), file("a.jpg", nil)}, 422, map[string]string{"file": "empty"}},
		"a field left empty":             {[]part{kind("other"), file("", nil)}, 422, map[string]string{"file": "required"}},
		"a web page":                     {[]part{kind("other"), file("a.jpg", []byte("<html><script>alert(1)</script>"))}, 415, map[string]string{"file": "unsupported_type"}},
		"half a picture":                 {[]part{kind("other"), file("a.jpg", jpeg[:len(jpeg)/8])}, 422, map[string]string{"file": "damaged"}},
		"a file too large":               {[]part{kind("other"), file("a.jpg", append(bytes.Clone(jpeg), make([]byte, documents.MaxSize)...))}, 413, map[string]string{"file": "too_large"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := s.upload(t, u.id, u.session, c.parts...)
			require.Equal(t, c.status, a.Code, a.Body)
			require.Equal(t, c.fields, a.fields(t))
		})
	}
	t.Run("a body that is none", func(t *testing.T) {
		t.Parallel()
		body, contentType := form(t, kind("other"), file("a.jpg", jpeg))
		for _, sent := range []struct {
			contentType string
			body        io.Reader
		}{
			{"application/json", strings.NewReader("{}")},
			{"multipart/form-data", bytes.NewReader(body)},
			{strings.Replace(contentType, "form-data", "mixed", 1), bytes.NewReader(body)},
			{contentType, io.MultiReader(bytes.NewReader(body), strings.NewReader("and more"))},
			{contentType, io.MultiReader(bytes.NewReader(body), bytes.NewReader(body))},
			{contentType, io.MultiReader(bytes.NewReader(body), bytes.NewReader(body[len(body)-30:]))},
			{"multipart/form-data; boundary=other", bytes.NewReader(body)},
			{contentType, strings.NewReader("")},
			{contentType, bytes.NewReader(body[:len(body)-40])},
			{contentType, bytes.NewReader(body[:len(body)-10])},
		} {
			a := s.uploadBody(t, u.id, u.session, sent.contentType, sent.body)
			require.Equal(t, http.StatusBadRequest, a.Code, a.Body)
		}
	})
	t.Run("a body that says of itself what it is not", func(t *testing.T) {
		t.Parallel()
		body, contentType := form(t, kind("other"), file("a.jpg", jpeg))
		for name, value := range map[string]string{"Content-Encoding": "gzip", "Content-Type": "application/json"} {
			request := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/registrations/"+u.id+"/documents", bytes.NewReader(body))
			request.Header.Set("Authorization", "Bearer "+u.session)
			request.Header.Set("Content-Type", contentType)
			request.Header.Add(name, value)
			a := s.send(t, request)
			require.Equal(t, http.StatusBadRequest, a.Code, a.Body)
		}
	})
	t.Run("a body beyond every limit", func(t *testing.T) {
		t.Parallel()
		a := s.upload(t, u.id, u.session, kind("other"), part{name: "file", fileName: "a.jpg", content: make([]byte, 2*documents.MaxSize)})
		require.Contains(t, []int{413, 415}, a.Code)
	})
	t.Run("a body that breaks off", func(t *testing.T) {
		t.Parallel()
		body, contentType := form(t, kind("other"), file("a.jpg", jpeg))
		request := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/registrations/"+u.id+"/documents",
			io.MultiReader(bytes.NewReader(body[:len(body)/2]), iotest.ErrReader(io.ErrUnexpectedEOF)))
		request.Header.Set("Authorization", "Bearer "+u.session)
		request.Header.Set("Content-Type", contentType)
		recorder := httptest.NewRecorder()
		s.handler.ServeHTTP(recorder, request)
		require.Equal(t, http.StatusBadRequest, recorder.Code, recorder.Body)
	})
	t.Cleanup(func() { // after the parallel subtests
		var rows int
		require.NoError(t, s.owner.QueryRow(context.Background(), `SELECT count(*) FROM documents`).Scan(&rows))
		require.Zero(t, rows)
		require.Zero(t, s.storedFiles(t))
	})
}

func TestDocumentContent_is_the_sealed_original_and_never_shown(t *testing.T) {
	t.Parallel()
	s := setup(t)
	u, other := s.register(t), s.register(t)
	pdf := sample.PDF("Licence")
	a := s.upload(t, u.id, u.uploadToken, kind("other"), file(`le\"seni.pdf`, pdf))
	require.Equal(t, http.StatusCreated, a.Code, a.Body)
	document := decode[api.DocumentAnswer](t, a).Document.ID.String()
	before := s.audited(t, "document.downloaded")

	a = s.call(t, http.MethodGet, "/v1/accounts/"+u.id+"/documents/"+document+"/content", s.tokens[actor.Reviewer], nil)
	require.Equal(t, http.StatusOK, a.Code, a.Body)
	require.Equal(t, pdf, a.Body.Bytes())
	require.Equal(t, "application/pdf", a.Header().Get("Content-Type"))
	require.True(t, strings.HasPrefix(a.Header().Get("Content-Disposition"), "attachment;"))
	require.Contains(t, a.Header().Get("Content-Security-Policy"), "sandbox")
	require.Contains(t, a.Header().Get("Cache-Control"), "no-store")
	require.Contains(t, a.Header().Get("Repr-Digest"), "sha-256=:")
	require.Equal(t, before+1, s.audited(t, "document.downloaded"))

	for _, target := range []string{
		"/v1/accounts/" + other.id + "/documents/" + document + "/content",
		"/v1/accounts/" + u.id + "/documents/" + u.id + "/content",
		"/v1/accounts/" + u.id + "/documents/" + document + "/pages/1",
		"/v1/accounts/" + u.id + "/documents/" + document + "/pages/0",
		"/v1/accounts/" + u.id + "/documents/" + document + "/pages/-1",
		"/v1/accounts/" + u.id + "/documents/" + document + "/pages/one",
		"/v1/accounts/" + u.id + "/documents/" + document + "/pages/99999999999999999999",
		"/v1/accounts/" + u.id + "/documents/x/content",
		"/v1/accounts/00000000-0000-0000-0000-000000000000/documents",
	} {
		a := s.call(t, http.MethodGet, target, s.tokens[actor.Reviewer], nil)
		require.Equal(t, http.StatusNotFound, a.Code, target)
	}
}

func (s *stand) audited(t *testing.T, action string) int {
	t.Helper()
	var n int
	require.NoError(t, s.owner.QueryRow(t.Context(), `SELECT count(*) FROM audit_events WHERE action = $1`, action).Scan(&n))
	return n
}
