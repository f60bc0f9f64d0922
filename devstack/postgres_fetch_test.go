package devstack

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// archive is a tar.xz with bin/postgres, a script that says it is version 17.5,
// and bin/initdb.
const archive = `
/Td6WFoAAATm1rRGAgAhARwAAAAQz1jM4Cf/AKxdADEaShsJm84iHsbLRwPoGC75j1TR0bLwgHrZQaQXpLOPo2yURRrCcwVmenvM
JfTsQ8/TPPwvQ1TYUc1ZLZZYcIumDb0xPEEnzlwHVWXX+pB5v/8pyUMwZp/sqnvFaZt41XZPMgowLdKNZdw8brN3vZJkiJmKpXQq
JKCxbk7+z7EY0C0ziRlOWtLBxme5G0MenNH/iAI/A8/SNxPGL2oix0nJE1P948sze2LB0QAAuwCrZpG46bwAAcgBgFAAAD/5a4Kx
xGf7AgAAAAAEWVo=`

// repository is a Maven repository that has the archive for every platform.
func repository(t *testing.T) (url string, downloads *atomic.Int32) {
	t.Helper()
	content, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(archive, "\n", ""))
	require.NoError(t, err)
	var jar bytes.Buffer
	writer := zip.NewWriter(&jar)
	entry, err := writer.Create("postgres.txz")
	require.NoError(t, err)
	_, err = entry.Write(content)
	require.NoError(t, err)
	require.NoError(t, writer.Close())
	sum := sha256.Sum256(jar.Bytes())

	downloads = &atomic.Int32{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer := jar.Bytes()
		if strings.HasSuffix(r.URL.Path, ".sha256") {
			answer = []byte(hex.EncodeToString(sum[:]))
		} else {
			downloads.Add(1)
		}
		_, _ = w.Write(answer)
	}))
	t.Cleanup(server.Close)
	return server.URL, downloads
}

func TestPostgresIsFetchedOnce(t *testing.T) {
	t.Parallel()
	url, downloads := repository(t)
	cache := t.TempDir()
	for range 2 {
		fetched, err := postgresSource{url, fetchLimit}.fetch(t.Context(), cache, quiet)
		require.NoError(t, err)
		require.Equal(t, "17.5", fetched.version)
		require.True(t, strings.HasPrefix(fetched.dir, cache))
	}
	require.EqualValues(t, 1, downloads.Load())
}

func TestAFetchThatFailsSaysWhatToInstall(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(server.Close)
	p := &Postgres{source: postgresSource{server.URL, fetchLimit}, cache: t.TempDir(), progress: quiet}

	_, err := p.findPostgres(t.Context())
	require.ErrorContains(t, err, "no PostgreSQL programs are installed")
	require.ErrorContains(t, err, "apt-get install postgresql")

	p.source = postgresSource{"http://" + silentServer(t), 100 * time.Millisecond}
	_, err = p.findPostgres(t.Context())
	require.ErrorContains(t, err, "nothing was received for 100ms")
	require.ErrorContains(t, err, "apt-get install postgresql")
}

func TestAFetchThatIsCutShortFails(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = w.Write([]byte("the beginning"))
	}))
	t.Cleanup(server.Close)
	var received atomic.Int64
	ctx, fail := context.WithCancelCause(t.Context())
	relay, err := startRelay(ctx, server.URL, &received, fail)
	require.NoError(t, err)
	t.Cleanup(relay.close)

	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, relay.url, nil)
	require.NoError(t, err)
	response, err := (&http.Client{Timeout: time.Minute}).Do(request)
	if err == nil {
		_, err = io.ReadAll(response.Body)
		require.NoError(t, response.Body.Close())
	}
	require.Error(t, err)
	require.ErrorIs(t, context.Cause(ctx), io.ErrUnexpectedEOF)
	require.EqualValues(t, len("the beginning"), received.Load())

	_, err = postgresSource{server.URL, fetchLimit}.fetch(t.Context(), t.TempDir(), quiet)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
}

func TestAFetchCanBeCancelled(t *testing.T) {
	t.Parallel()
	asked, release := make(chan struct{}), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		close(asked)
		<-release
	}))
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(release) })
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	go func() {
		<-asked
		cancel()
	}()

	_, err := postgresSource{server.URL, fetchLimit}.fetch(ctx, t.TempDir(), quiet)
	require.ErrorIs(t, err, context.Canceled)
}
