package web_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/stretchr/testify/require"

	"kibali/web"
)

func TestServer_bounds_every_step_of_a_request(t *testing.T) {
	t.Parallel()
	server := web.Server("127.0.0.1:0", http.NotFoundHandler())
	require.Positive(t, server.ReadHeaderTimeout)
	require.Greater(t, server.ReadTimeout, server.ReadHeaderTimeout)
	require.Positive(t, server.IdleTimeout)
	require.Greater(t, web.WorkTimeout, 10*time.Second, "a request may wait that long for its password to be hashed")
	require.Greater(t, server.WriteTimeout, web.WorkTimeout, "an answer that work ran out of time can still be sent")
	require.Less(t, server.MaxHeaderBytes, http.DefaultMaxHeaderBytes)
}

// hurried starts a server that waits for a request for a moment only.
func hurried(t *testing.T, handler gin.HandlerFunc) (address string) {
	t.Helper()
	server := httptest.NewUnstartedServer(newEngine(t, handler))
	server.Config.ReadTimeout = 100 * time.Millisecond
	server.Start()
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

// begin sends the head of a request with a body of ten bytes, and one of them.
func begin(t *testing.T, address string) net.Conn {
	t.Helper()
	connection, err := new(net.Dialer).DialContext(t.Context(), "tcp", address)
	require.NoError(t, err)
	t.Cleanup(func() { _ = connection.Close() })
	_, err = fmt.Fprintf(connection, "POST /thing HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n{")
	require.NoError(t, err)
	return connection
}

func TestDecode_does_not_wait_for_a_slow_client(t *testing.T) {
	t.Parallel()
	connection := begin(t, hurried(t, func(c *gin.Context) {
		var body order
		web.Fail(c, web.Decode(c, &body))
	}))
	response, err := http.ReadResponse(bufio.NewReader(connection), nil)
	require.NoError(t, err)
	defer response.Body.Close()
	require.Equal(t, http.StatusBadRequest, response.StatusCode)
	require.True(t, response.Close)
}

func TestForFile_waits_for_a_slow_line(t *testing.T) {
	t.Parallel()
	late := make(chan struct{})
	connection := begin(t, hurried(t, func(c *gin.Context) {
		began := time.Now()
		web.ForFile(c)
		deadline, ok := c.Request.Context().Deadline()
		<-time.After(200 * time.Millisecond) // beyond what other requests are given
		close(late)
		body, err := io.ReadAll(c.Request.Body)
		web.JSON(c, http.StatusOK, []bool{err == nil, len(body) == 10, ok && deadline.Sub(began) > web.WorkTimeout})
	}))
	<-late
	_, err := io.WriteString(connection, "123456789")
	require.NoError(t, err)
	response, err := http.ReadResponse(bufio.NewReader(connection), nil)
	require.NoError(t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.JSONEq(t, `[true, true, true]`, string(body))
}

func TestServer_lets_nobody_take_their_time(t *testing.T) {
	t.Parallel()
	serve := func(t *testing.T, change func(*http.Server)) string {
		t.Helper()
		listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
		require.NoError(t, err)
		server := web.Server(listener.Addr().String(), newEngine(t, func(c *gin.Context) { web.JSON(c, http.StatusOK, 1) }))
		change(server)
		done := make(chan struct{})
		go func() {
			defer close(done)
			_ = server.Serve(listener)
		}()
		t.Cleanup(func() {
			server.Close()
			<-done
		})
		return listener.Addr().String()
	}
	dial := func(t *testing.T, address, text string) net.Conn {
		t.Helper()
		connection, err := new(net.Dialer).DialContext(t.Context(), "tcp", address)
		require.NoError(t, err)
		t.Cleanup(func() { _ = connection.Close() })
		require.NoError(t, connection.SetDeadline(time.Now().Add(20*time.Second)))
		_, err = io.WriteString(connection, text)
		require.NoError(t, err)
		return connection
	}

	t.Run("with the head of a request", func(t *testing.T) {
		t.Parallel()
		address := serve(t, func(s *http.Server) { s.ReadHeaderTimeout = 100 * time.Millisecond })
		connection := dial(t, address, "GET /thing/1 HTTP/1.1\r\nHost: a\r\nX-Slow: ")
		answer, err := io.ReadAll(connection)
		require.NoError(t, err, "the connection is closed, not kept")
		require.NotContains(t, string(answer), "200 OK")
	})
	t.Run("between requests", func(t *testing.T) {
		t.Parallel()
		address := serve(t, func(s *http.Server) { s.IdleTimeout = 100 * time.Millisecond })
		connection := dial(t, address, "GET /thing/1 HTTP/1.1\r\nHost: a\r\n\r\n")
		answer, err := io.ReadAll(connection)
		require.NoError(t, err)
		require.Contains(t, string(answer), "200 OK")
	})
	t.Run("with a head that does not end", func(t *testing.T) {
		t.Parallel()
		address := serve(t, func(*http.Server) {})
		connection := dial(t, address, "GET /thing/1 HTTP/1.1\r\nHost: a\r\nX-Long: "+strings.Repeat("a", 2*web.MaxHeaderBytes))
		answer, err := http.ReadResponse(bufio.NewReader(connection), nil)
		require.NoError(t, err)
		defer answer.Body.Close()
		require.Equal(t, http.StatusRequestHeaderFieldsTooLarge, answer.StatusCode)
	})
}
