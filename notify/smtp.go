package notify

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	netmail "net/mail"
	"net/textproto"
	"strings"
	"time"

	"github.com/wneessen/go-mail"
	"github.com/wneessen/go-mail/smtp"
)

const smtpProvider = "smtp"

// smtpSender sends e-mail to a submission server, over one connection each. The
// Message-ID is made of the notice's id, so that a receiving system which has
// the message already can drop a second copy.
type smtpSender struct {
	server   smtpServer
	from     string
	fromName string
	timeout  time.Duration
	tls      *tls.Config
}

// smtpServer says where the server is and how to talk to it.
type smtpServer struct {
	host     string
	port     int
	implicit bool           // TLS from the first byte (smtps)
	policy   mail.TLSPolicy // of STARTTLS, when not implicit
	username string         // "" for no authentication
	password string
}

func newSMTP(server smtpServer, from, fromName string, timeout time.Duration) *smtpSender {
	if timeout <= 0 {
		timeout = defaultTimeout
	}
	return &smtpSender{
		server:   server,
		from:     from,
		fromName: fromName,
		timeout:  timeout,
		tls:      &tls.Config{ServerName: server.host, MinVersion: tls.VersionTLS12},
	}
}

// SendEmail implements EmailSender.
func (s *smtpSender) SendEmail(ctx context.Context, email Email) (Receipt, error) {
	if err := email.check(smtpProvider); err != nil {
		return Receipt{}, err
	}
	message := s.message(email)
	bounded, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	client, connection, failure := s.connect(ctx, bounded)
	if failure != nil {
		return Receipt{}, failure
	}
	if err := client.SendWithSMTPClient(connection, message); err != nil && !message.IsDelivered() {
		// Not QUIT: it would end a half-written message as if it were whole.
		_ = connection.Close()
		return Receipt{}, smtpRefusal(ctx, err)
	}
	_ = client.CloseWithSMTPClient(connection) // the message has been accepted, whatever the goodbye
	return Receipt{Provider: smtpProvider, MessageID: message.GetMessageID()}, nil
}

// Check implements EmailSender: it connects, signs in and sends a NOOP.
func (s *smtpSender) Check(ctx context.Context) error {
	bounded, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	client, connection, failure := s.connect(ctx, bounded)
	if failure != nil {
		return failure
	}
	if err := connection.Noop(); err != nil {
		_ = connection.Close()
		return smtpDialFailure(ctx, err)
	}
	_ = client.CloseWithSMTPClient(connection)
	return nil
}

// connect opens a connection that ends with bounded, encrypts it as configured
// and signs in.
func (s *smtpSender) connect(ctx, bounded context.Context) (*mail.Client, *smtp.Client, *Error) {
	options := []mail.Option{
		mail.WithPort(s.server.port),
		mail.WithTimeout(s.timeout),
		mail.WithTLSPolicy(s.server.policy),
		mail.WithTLSConfig(s.tls),
		mail.WithDialContextFunc(s.dial(bounded)),
	}
	if s.server.implicit {
		options = append(options, mail.WithSSL())
	}
	if s.server.username != "" {
		options = append(options,
			mail.WithUsername(s.server.username),
			mail.WithPassword(s.server.password),
			mail.WithOpportunisticSMTPAuth(mail.SMTPAuthSCRAMSHA256, mail.SMTPAuthPlain, mail.SMTPAuthLogin, mail.SMTPAuthCramMD5),
		)
	}
	client, err := mail.NewClient(s.server.host, options...)
	if err != nil {
		return nil, nil, misconfigured(smtpProvider, "invalid_url", 0)
	}
	connection, err := client.DialToSMTPClientWithContext(bounded)
	if err != nil {
		return nil, nil, smtpDialFailure(ctx, err)
	}
	return client, connection, nil
}

// dial makes connections that close when the send's context ends, so that one
// deadline covers the whole conversation, and that stop reading from a server
// which never stops talking.
func (s *smtpSender) dial(bounded context.Context) mail.DialContextFunc {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		raw, err := (&net.Dialer{}).DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		conn := &boundedConn{Conn: raw, reader: io.LimitReader(raw, 4*maxAnswer)}
		conn.stop = context.AfterFunc(bounded, func() { _ = raw.Close() })
		if !s.server.implicit {
			return conn, nil
		}
		encrypted := tls.Client(conn, s.tls)
		if err := encrypted.HandshakeContext(ctx); err != nil {
			_ = conn.Close()
			return nil, err
		}
		return encrypted, nil
	}
}

// boundedConn reads a limited number of bytes and ends with a context.
type boundedConn struct {
	net.Conn
	reader io.Reader
	stop   func() bool
}

func (c *boundedConn) Read(p []byte) (int, error) { return c.reader.Read(p) }

func (c *boundedConn) Close() error {
	c.stop()
	return c.Conn.Close()
}

func (s *smtpSender) message(email Email) *mail.Msg {
	message := mail.NewMsg(mail.WithNoDefaultUserAgent())
	// Addresses as values, never as text to be parsed: a name may hold quotes.
	message.FromMailAddress(&netmail.Address{Name: s.fromName, Address: s.from})
	message.ToMailAddress(&netmail.Address{Name: oneLine(email.ToName), Address: email.To})
	_, domain, _ := strings.Cut(s.from, "@")
	message.SetMessageIDWithValue(email.ID + "@" + domain)
	message.SetDate()
	message.Subject(oneLine(email.Subject))
	message.SetGenHeader("Auto-Submitted", "auto-generated")
	message.SetBodyString(mail.TypeTextPlain, email.Text)
	if email.HTML != "" {
		message.AddAlternativeString(mail.TypeTextHTML, email.HTML)
	}
	return message
}

// smtpDialFailure classifies a failure before any message was offered. A reply
// of 5xx here is about us: our address, our password, our lack of encryption.
func smtpDialFailure(ctx context.Context, err error) *Error {
	if reply, ok := errors.AsType[*textproto.Error](err); ok && reply.Code >= 400 {
		if reply.Code < 500 {
			return &Error{Kind: Temporary, Provider: smtpProvider, Status: reply.Code}
		}
		return misconfigured(smtpProvider, "", reply.Code)
	}
	if untrusted(err) {
		return misconfigured(smtpProvider, "tls", 0)
	}
	if failure, ok := smtpBroken(ctx, err); ok {
		return failure
	}
	// What remains is the client's own refusal to go on: no STARTTLS, no
	// mechanism to sign in with, a password that it will not send in the clear.
	return misconfigured(smtpProvider, "not_supported", 0)
}

// smtpBroken recognises a conversation that ended or made no sense, as opposed
// to one that ended in a refusal.
func smtpBroken(ctx context.Context, err error) (*Error, bool) {
	failure := &Error{Kind: Temporary, Provider: smtpProvider, Code: "unreachable", cause: contextCause(ctx)}
	network, isNetwork := errors.AsType[net.Error](err)
	_, isGarbage := errors.AsType[textproto.ProtocolError](err)
	switch {
	case failure.cause != nil:
		failure.Code = "interrupted"
	case errors.Is(err, net.ErrClosed), errors.Is(err, context.DeadlineExceeded), isNetwork && network.Timeout():
		failure.Code = "timeout"
	case isGarbage:
		failure.Code = "malformed_answer"
	case isNetwork, errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
	default:
		return nil, false
	}
	return failure, true
}

// smtpRefusal classifies a failure to deliver by the stage that it happened in.
func smtpRefusal(ctx context.Context, err error) *Error {
	refused, ok := errors.AsType[*mail.SendError](err)
	if !ok {
		return &Error{Kind: Unknown, Provider: smtpProvider, Code: "unexpected_answer", cause: contextCause(ctx)}
	}
	status, code := refused.ErrorCode(), refused.EnhancedStatusCode()
	failure := &Error{Kind: Permanent, Provider: smtpProvider, Code: code, Status: status}
	switch {
	case status == 0 && refused.Reason == mail.ErrSMTPDataClose:
		// The whole message went out and no reply came back.
		failure.Kind, failure.Code, failure.cause = Unknown, "connection_lost", contextCause(ctx)
	case status == 0:
		failure.Kind, failure.Code, failure.cause = Temporary, "connection_lost", contextCause(ctx)
	case status < 500:
		failure.Kind = Temporary
	case refused.Reason == mail.ErrSMTPMailFrom, status == 530, status == 535,
		refused.Reason == mail.ErrSMTPRcptTo && strings.HasPrefix(code, "5.7."):
		// Our sender is refused, we are not signed in, or may not relay.
		return misconfigured(smtpProvider, code, status)
	}
	return failure
}
