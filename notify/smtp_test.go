package notify

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"io"
	"net"
	"net/http/httptest"
	"net/mail"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	gomail "github.com/wneessen/go-mail"
)

// mailServer is a small submission server that misbehaves on request. Commands
// are named by their verb; "." is the end of the message and "GREETING" the
// moment after connecting.
type mailServer struct {
	replies  map[string]string // replaces the reply to a command
	drop     string            // hangs up instead of replying to this command
	hang     string            // never replies to this command
	reached  func()            // called when hang is reached
	auth     bool              // offers AUTH PLAIN LOGIN
	startTLS bool              // offers STARTTLS
	implicit bool              // speaks TLS from the first byte

	certificate tls.Certificate
	roots       *x509.CertPool
	address     *net.TCPAddr
	done        chan struct{}

	mu       sync.Mutex
	commands []string
	message  string
}

// start listens on loopback until the test ends.
func (m *mailServer) start(t *testing.T) *mailServer {
	t.Helper()
	borrowed := httptest.NewTLSServer(nil) // for its certificate, which is good for 127.0.0.1
	borrowed.Close()
	m.certificate, m.roots = borrowed.TLS.Certificates[0], x509.NewCertPool()
	m.roots.AddCert(borrowed.Certificate())
	m.done = make(chan struct{})

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	m.address = listener.Addr().(*net.TCPAddr)
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { m.serve(conn) })
		}
	})
	t.Cleanup(func() {
		close(m.done)
		_ = listener.Close()
		serving.Wait()
	})
	return m
}

// sender is a client of the server that trusts its certificate.
func (m *mailServer) sender(policy gomail.TLSPolicy, username string, timeout time.Duration) *smtpSender {
	sender := newSMTP(smtpServer{
		host: "127.0.0.1", port: m.address.Port, implicit: m.implicit, policy: policy, username: username, password: canarySecret,
	}, "no-reply@kibali.example", "Kibali", timeout)
	sender.tls.RootCAs = m.roots
	return sender
}

func (m *mailServer) seen() (commands []string, message string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]string{}, m.commands...), m.message
}

func (m *mailServer) serve(raw net.Conn) {
	conn := raw
	defer func() { _ = raw.Close() }()
	if m.implicit {
		conn = tls.Server(raw, &tls.Config{Certificates: []tls.Certificate{m.certificate}})
	}
	in := bufio.NewReader(conn)
	if !m.reply(conn, "GREETING", "220 ready") {
		return
	}
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		verb, _, _ := strings.Cut(strings.ToUpper(strings.TrimSpace(line)), " ")
		m.mu.Lock()
		m.commands = append(m.commands, strings.TrimSpace(line))
		m.mu.Unlock()
		answer := map[string]string{
			"EHLO": m.extensions(conn), "AUTH": "235 2.7.0 signed in", "STARTTLS": "220 go ahead", "DATA": "354 go ahead", "QUIT": "221 bye",
		}[verb]
		if answer == "" {
			answer = "250 2.0.0 fine"
		}
		if !m.reply(conn, verb, answer) || verb == "QUIT" {
			return
		}
		switch {
		case verb == "STARTTLS":
			conn = tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{m.certificate}})
			in = bufio.NewReader(conn)
		case verb == "DATA" && m.replies["DATA"] == "":
			if !m.receive(in) || !m.reply(conn, ".", "250 2.0.0 queued") {
				return
			}
		}
	}
}

func (m *mailServer) extensions(conn net.Conn) string {
	lines := []string{"250-mail.example"}
	if _, encrypted := conn.(*tls.Conn); m.startTLS && !encrypted {
		lines = append(lines, "250-STARTTLS")
	}
	if m.auth {
		lines = append(lines, "250-AUTH PLAIN LOGIN")
	}
	return strings.Join(append(lines, "250 ENHANCEDSTATUSCODES"), "\r\n")
}

// reply answers a command, or fails to, and reports whether the conversation
// goes on.
func (m *mailServer) reply(conn net.Conn, verb, usual string) bool {
	switch verb {
	case m.drop:
		return false
	case m.hang:
		if m.reached != nil {
			m.reached()
		}
		<-m.done
		return false
	}
	if own := m.replies[verb]; own != "" {
		usual = own
	}
	_, err := io.WriteString(conn, usual+"\r\n")
	return err == nil
}

func (m *mailServer) receive(in *bufio.Reader) bool {
	var message strings.Builder
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return false
		}
		if line == ".\r\n" {
			m.mu.Lock()
			m.message = message.String()
			m.mu.Unlock()
			return true
		}
		message.WriteString(line)
	}
}

func TestSMTP(t *testing.T) {
	t.Parallel()
	t.Run("delivers a message whose Message-ID is made of the notice id", func(t *testing.T) {
		t.Parallel()
		server := (&mailServer{}).start(t)
		sender := server.sender(gomail.NoTLS, "", 0)
		receipt, err := sender.SendEmail(t.Context(), canaryMail)
		require.NoError(t, err)
		require.Equal(t, Receipt{Provider: "smtp", MessageID: "<" + canaryMail.ID + "@kibali.example>"}, receipt)
		commands, text := server.seen()
		require.Contains(t, commands, "MAIL FROM:<no-reply@kibali.example>")
		require.Contains(t, commands, "RCPT TO:<"+canaryEmail+">")
		message, err := mail.ReadMessage(strings.NewReader(text))
		require.NoError(t, err)
		require.Equal(t, "<"+canaryMail.ID+"@kibali.example>", message.Header.Get("Message-ID"))
		require.Equal(t, "auto-generated", message.Header.Get("Auto-Submitted"))
		require.Contains(t, message.Header.Get("Content-Type"), "multipart/alternative")
		again, err := sender.SendEmail(t.Context(), canaryMail)
		require.NoError(t, err)
		require.Equal(t, receipt, again, "a retry carries the same Message-ID")
	})
	t.Run("lets no name or subject add a header", func(t *testing.T) {
		t.Parallel()
		server := (&mailServer{}).start(t)
		hostile := canaryMail
		hostile.ToName, hostile.Subject = "Eve\r\nBcc: eve@example.com", "Hello\r\nX-Evil: yes\n\nbody"
		_, err := server.sender(gomail.NoTLS, "", 0).SendEmail(t.Context(), hostile)
		require.NoError(t, err)
		_, text := server.seen()
		message, err := mail.ReadMessage(strings.NewReader(text))
		require.NoError(t, err)
		require.Empty(t, message.Header.Get("Bcc"))
		require.Empty(t, message.Header.Get("X-Evil"))
		require.Equal(t, "Hello X-Evil: yes body", message.Header.Get("Subject"))
	})
	t.Run("lets no name add a recipient", func(t *testing.T) {
		t.Parallel()
		for _, hostile := range []string{`Juma "JJ" Mushi`, `x" <eve@example.com>, "y`, `back\slash`, "Ñandú, Łukasz; 山田", "a@b <c>"} {
			server := (&mailServer{}).start(t)
			email := canaryMail
			email.ToName = hostile
			_, err := server.sender(gomail.NoTLS, "", 0).SendEmail(t.Context(), email)
			require.NoError(t, err)
			commands, text := server.seen()
			require.Contains(t, commands, "RCPT TO:<"+canaryEmail+">")
			require.NotContains(t, strings.Join(commands, "\n"), "eve@")
			message, err := mail.ReadMessage(strings.NewReader(text))
			require.NoError(t, err)
			to, err := message.Header.AddressList("To")
			require.NoError(t, err)
			require.Equal(t, []*mail.Address{{Name: hostile, Address: canaryEmail}}, to)
		}
	})
	t.Run("encrypts with STARTTLS before it signs in", func(t *testing.T) {
		t.Parallel()
		server := (&mailServer{startTLS: true, auth: true}).start(t)
		sender := server.sender(gomail.TLSMandatory, "kibali", 0)
		_, err := sender.SendEmail(t.Context(), canaryMail)
		require.NoError(t, err)
		commands, _ := server.seen()
		credentials := base64.StdEncoding.EncodeToString([]byte("\x00kibali\x00" + canarySecret))
		require.Equal(t, "STARTTLS", commands[1])
		require.Contains(t, commands, "AUTH PLAIN "+credentials)
	})
	t.Run("speaks TLS from the first byte to smtps", func(t *testing.T) {
		t.Parallel()
		server := (&mailServer{implicit: true, auth: true}).start(t)
		_, err := server.sender(gomail.TLSMandatory, "kibali", 0).SendEmail(t.Context(), canaryMail)
		require.NoError(t, err)
		_, text := server.seen()
		require.Contains(t, text, canaryText)
	})
	t.Run("counts a message as sent when only the goodbye fails", func(t *testing.T) {
		t.Parallel()
		for _, verb := range []string{"RSET", "QUIT"} {
			server := (&mailServer{drop: verb}).start(t)
			_, err := server.sender(gomail.NoTLS, "", 0).SendEmail(t.Context(), canaryMail)
			require.NoError(t, err)
		}
	})
	t.Run("is checked by signing in", func(t *testing.T) {
		t.Parallel()
		server := (&mailServer{startTLS: true, auth: true}).start(t)
		require.NoError(t, server.sender(gomail.TLSMandatory, "kibali", 0).Check(t.Context()))
		commands, message := server.seen()
		require.Contains(t, commands, "NOOP")
		require.Empty(t, message)
	})
}

func TestSMTPFailures(t *testing.T) {
	t.Parallel()
	echo := " 255712345678 " + canaryEmail + " " + canaryText + " " + canarySecret
	for name, test := range map[string]struct {
		server *mailServer
		kind   ErrorKind
		status int
		code   string
	}{
		"retries when the server is busy":                       {&mailServer{replies: map[string]string{"GREETING": "421 busy" + echo}}, Temporary, 421, ""},
		"retries slowly when the server will not talk to us":    {&mailServer{replies: map[string]string{"GREETING": "554 no" + echo}}, Misconfigured, 554, ""},
		"retries when the greeting makes no sense":              {&mailServer{replies: map[string]string{"GREETING": "HTTP/1.1 200" + echo}}, Temporary, 0, "malformed_answer"},
		"retries slowly when our sender is refused":             {&mailServer{replies: map[string]string{"MAIL": "550 5.7.1 no" + echo}}, Misconfigured, 550, "5.7.1"},
		"retries when our sender is refused for now":            {&mailServer{replies: map[string]string{"MAIL": "451 4.3.0 later" + echo}}, Temporary, 451, "4.3.0"},
		"gives up on a recipient that does not exist":           {&mailServer{replies: map[string]string{"RCPT": "550 5.1.1 unknown" + echo}}, Permanent, 550, "5.1.1"},
		"retries when the recipient is greylisted":              {&mailServer{replies: map[string]string{"RCPT": "450 4.2.0 greylisted" + echo}}, Temporary, 450, "4.2.0"},
		"retries slowly when we may not relay":                  {&mailServer{replies: map[string]string{"RCPT": "554 5.7.1 relay denied" + echo}}, Misconfigured, 554, "5.7.1"},
		"retries slowly when we should have signed in":          {&mailServer{replies: map[string]string{"MAIL": "530 5.7.0 sign in" + echo}}, Misconfigured, 530, "5.7.0"},
		"gives up on a content that is refused":                 {&mailServer{replies: map[string]string{".": "554 5.6.0 refused" + echo}}, Permanent, 554, "5.6.0"},
		"retries when the content cannot be stored":             {&mailServer{replies: map[string]string{".": "452 4.3.1 full" + echo}}, Temporary, 452, "4.3.1"},
		"retries when the connection is lost before the end":    {&mailServer{drop: "DATA"}, Temporary, 0, "connection_lost"},
		"says unknown when it is lost after the whole message":  {&mailServer{drop: "."}, Unknown, 0, "connection_lost"},
		"retries when the server hangs before the message":      {&mailServer{hang: "RCPT"}, Temporary, 0, "connection_lost"},
		"says unknown when the server hangs after the message":  {&mailServer{hang: "."}, Unknown, 0, "connection_lost"},
		"retries when the server never greets":                  {&mailServer{hang: "GREETING"}, Temporary, 0, "timeout"},
		"stops reading from a server that never stops talking":  {&mailServer{replies: map[string]string{"GREETING": strings.Repeat("220-welcome\r\n", 40_000) + "220 ready"}}, Temporary, 0, "unreachable"},
		"stops reading a single line that does not end in time": {&mailServer{replies: map[string]string{"GREETING": "220 " + strings.Repeat("x", 8*maxAnswer)}}, Temporary, 0, "unreachable"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			timeout := time.Duration(0)
			if test.server.hang != "" {
				timeout = 200 * time.Millisecond
			}
			sender := test.server.start(t).sender(gomail.NoTLS, "", timeout)
			_, err := sender.SendEmail(t.Context(), canaryMail)
			failure := requireFailure(t, err, test.kind)
			require.Equal(t, test.status, failure.Status)
			require.Equal(t, test.code, failure.Code)
		})
	}
	t.Run("retries slowly when the password is refused", func(t *testing.T) {
		t.Parallel()
		server := (&mailServer{startTLS: true, auth: true, replies: map[string]string{"AUTH": "535 5.7.8 wrong" + echo}}).start(t)
		sender := server.sender(gomail.TLSMandatory, "kibali", 0)
		_, err := sender.SendEmail(t.Context(), canaryMail)
		require.Equal(t, 535, requireFailure(t, err, Misconfigured).Status)
		requireFailure(t, sender.Check(t.Context()), Misconfigured)
	})
	t.Run("sends nothing when STARTTLS is mandatory and not offered", func(t *testing.T) {
		t.Parallel()
		server := (&mailServer{auth: true}).start(t)
		_, err := server.sender(gomail.TLSMandatory, "kibali", 0).SendEmail(t.Context(), canaryMail)
		require.Equal(t, "not_supported", requireFailure(t, err, Misconfigured).Code)
		commands, _ := server.seen()
		require.Len(t, commands, 1, "nothing after EHLO")
	})
	for _, implicit := range []bool{true, false} {
		t.Run("refuses a certificate that it does not trust, implicit "+strconv.FormatBool(implicit), func(t *testing.T) {
			t.Parallel()
			server := (&mailServer{implicit: implicit, startTLS: !implicit}).start(t)
			sender := server.sender(gomail.TLSMandatory, "", 0)
			sender.tls.RootCAs = x509.NewCertPool()
			_, err := sender.SendEmail(t.Context(), canaryMail)
			require.Equal(t, "tls", requireFailure(t, err, Misconfigured).Code)
		})
	}
	t.Run("stops when the caller gives up", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		server := (&mailServer{hang: ".", reached: cancel}).start(t)
		_, err := server.sender(gomail.NoTLS, "", time.Minute).SendEmail(ctx, canaryMail)
		requireFailure(t, err, Unknown)
		require.ErrorIs(t, err, context.Canceled)
	})
	t.Run("retries when nobody listens", func(t *testing.T) {
		t.Parallel()
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		port := listener.Addr().(*net.TCPAddr).Port
		require.NoError(t, listener.Close())
		_, err = newSMTP(smtpServer{host: "127.0.0.1", port: port}, "a@kibali.example", "", 0).SendEmail(t.Context(), canaryMail)
		require.Equal(t, "unreachable", requireFailure(t, err, Temporary).Code)
	})
}
