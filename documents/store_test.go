package documents

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"kibali/documents/sample"
	"kibali/domain/fault"
)

func TestOpenMakesAPrivateFolderForFiles(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "documents")
	store, err := Open(t.Context(), "file://"+folder)
	require.NoError(t, err)
	defer func() { require.NoError(t, store.Close()) }()
	require.NoError(t, store.Check(t.Context()))
	info, err := os.Stat(folder)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o700), info.Mode().Perm())
	require.Empty(t, filesIn(t, folder), "the check leaves nothing")

	received, err := store.Receive(t.Context(), bytes.NewReader(sampleJPEG()))
	require.NoError(t, err)
	require.Equal(t, []string{filepath.Join(folder, received.Key)}, filesIn(t, folder), "one file without companions")
	require.NoError(t, store.Delete(t.Context(), received.Key, received.Key))
	require.Empty(t, filesIn(t, folder))
}

func TestOpenRefusesWhatIsNotStorageWithoutRepeatingIt(t *testing.T) {
	t.Parallel()
	for _, location := range []string{"", "ftp://host/x", "s3://\x7fsecret", "file:///x?unknown=1"} {
		_, err := Open(t.Context(), location)
		require.Error(t, err, location)
		require.NotContains(t, err.Error(), "secret")
	}
}

func TestCheckReportsStorageThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "documents")
	store, err := Open(t.Context(), "file://"+folder)
	require.NoError(t, err)
	defer func() { require.NoError(t, store.Close()) }()
	require.NoError(t, os.RemoveAll(folder))
	require.NoError(t, os.WriteFile(folder, []byte("not a folder"), 0o600))
	require.ErrorContains(t, store.Check(t.Context()), "write to document storage")
}

func TestStoreOpensOnlyWhatTheKeyIsFor(t *testing.T) {
	t.Parallel()
	store := setup(t)
	received, err := store.Receive(t.Context(), bytes.NewReader(sampleJPEG()))
	require.NoError(t, err)
	for _, key := range []string{
		"", "originals/", "originals/00/missing", "pages/00/missing/1", "pages/../" + received.Key, "../etc/passwd", "/etc/passwd", "pages//1",
	} {
		_, _, err := store.Page(t.Context(), key)
		require.Equal(t, fault.NotFound, fault.CodeOf(err), "page %q: %v", key, err)
		_, _, err = store.Original(t.Context(), key)
		require.Equal(t, fault.NotFound, fault.CodeOf(err), "original %q: %v", key, err)
	}
	_, _, err = store.Page(t.Context(), received.Key)
	require.Equal(t, fault.NotFound, fault.CodeOf(err), "an original is never served as a page")
}

// objectServer speaks as much of S3 as the driver needs for objects of one part.
type objectServer struct {
	mutex   sync.Mutex
	objects map[string][]byte
	refuse  bool
}

func (s *objectServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if err != nil || s.refuse {
		w.WriteHeader(http.StatusForbidden)
		return
	}
	switch r.Method {
	case http.MethodPut:
		s.objects[r.URL.Path] = unchunked(body, r.Header.Get("X-Amz-Content-Sha256"))
	case http.MethodGet, http.MethodHead:
		object, ok := s.objects[r.URL.Path]
		if !ok {
			w.WriteHeader(http.StatusNotFound)
			_, _ = io.WriteString(w, "<Error><Code>NoSuchKey</Code></Error>")
			return
		}
		_, _ = w.Write(object)
	case http.MethodDelete:
		delete(s.objects, r.URL.Path)
		w.WriteHeader(http.StatusNoContent)
	}
}

// unchunked removes the framing that the client adds when it signs or checks a
// body while it sends it.
func unchunked(body []byte, mode string) []byte {
	if !strings.HasPrefix(mode, "STREAMING-") {
		return body
	}
	var out []byte
	for {
		line, rest, _ := bytes.Cut(body, []byte("\r\n"))
		size, _, _ := strings.Cut(string(line), ";")
		n := 0
		for _, c := range []byte(size) {
			n = n<<4 | int(hexValue(c))
		}
		if n == 0 || n > len(rest) {
			return out
		}
		out, body = append(out, rest[:n]...), rest[n+2:]
	}
}

func TestStoreKeepsFilesInAnS3CompatibleServer(t *testing.T) {
	server := &objectServer{objects: map[string][]byte{}}
	endpoint := httptest.NewServer(server)
	defer endpoint.Close()
	t.Setenv("AWS_ACCESS_KEY_ID", "test")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "test")
	store, err := Open(t.Context(), "s3://kyc?region=us-east-1&use_path_style=true&endpoint="+endpoint.URL)
	require.NoError(t, err)
	defer func() { require.NoError(t, store.Close()) }()
	require.NoError(t, store.Check(t.Context()))
	require.Empty(t, server.objects)

	want := sample.PDF("TIN certificate")
	received, err := store.Receive(t.Context(), bytes.NewReader(want))
	require.NoError(t, err)
	require.Equal(t, want, server.objects["/kyc/"+received.Key])
	content, _, err := store.Original(t.Context(), received.Key)
	require.NoError(t, err)
	got, err := io.ReadAll(content)
	require.NoError(t, err)
	require.NoError(t, content.Close())
	require.Equal(t, want, got)
	require.NoError(t, store.Delete(t.Context(), received.Key))
	_, _, err = store.Original(t.Context(), received.Key)
	require.Equal(t, fault.NotFound, fault.CodeOf(err))

	server.mutex.Lock()
	server.refuse = true
	server.mutex.Unlock()
	_, err = store.Receive(t.Context(), bytes.NewReader(want))
	require.Error(t, err)
	require.Nil(t, fault.As(err), "storage that refuses is not the applicant's fault")
	require.Error(t, store.Check(context.WithoutCancel(t.Context())))
	require.Empty(t, server.objects)
}
