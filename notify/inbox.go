package notify

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"sync"
	"time"
)

const inboxProvider = "inbox"

// Item is one message that the inbox captured. An SMS has neither subject nor
// HTML.
type Item struct {
	Channel   Channel   `json:"channel"`
	To        string    `json:"to"`
	Subject   string    `json:"subject"`
	Text      string    `json:"text"`
	HTML      string    `json:"html"`
	CreatedAt time.Time `json:"created_at"`
}

// Inbox takes every e-mail and SMS in place of a provider and keeps them in a
// file, for development. Each message is captured once, whatever the number of
// attempts: the first with its channel and id is kept. It is safe for
// concurrent use by one process.
type Inbox struct {
	mu    sync.Mutex
	file  *os.File
	size  int64 // bytes of whole lines in the file
	items []Item
	seen  map[string]bool
	now   func() time.Time
}

var (
	_ EmailSender = (*Inbox)(nil)
	_ SMSSender   = (*Inbox)(nil)
)

// inboxLine is an item as the file holds it, one JSON object a line.
type inboxLine struct {
	ID string `json:"id"`
	Item
}

// OpenInbox opens the inbox kept in the file at path, which it makes when there
// is none. A last line that a crash left unfinished is dropped; any other line
// that cannot be read is an error that names it.
func OpenInbox(path string) (*Inbox, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the inbox: %w", err)
	}
	inbox := &Inbox{file: file, seen: map[string]bool{}, now: time.Now}
	if err := inbox.load(); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return inbox, nil
}

// load reads every whole line and cuts the file after the last of them.
func (b *Inbox) load() error {
	reader := bufio.NewReader(b.file)
	for number := 1; ; number++ {
		line, err := reader.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			break // what follows the last line break was never finished
		}
		if err != nil {
			return fmt.Errorf("read the inbox: %w", err)
		}
		var read inboxLine
		if err := json.Unmarshal(line, &read); err != nil {
			return fmt.Errorf("line %d of the inbox is not a message: %w", number, err)
		}
		b.size += int64(len(line))
		b.keep(read)
	}
	if err := b.file.Truncate(b.size); err != nil {
		return fmt.Errorf("repair the inbox: %w", err)
	}
	return nil
}

// SendEmail implements EmailSender.
func (b *Inbox) SendEmail(_ context.Context, email Email) (Receipt, error) {
	if err := email.check(inboxProvider); err != nil {
		return Receipt{}, err
	}
	return b.capture(email.ID, Item{Channel: ChannelEmail, To: email.To, Subject: email.Subject, Text: email.Text, HTML: email.HTML})
}

// SendSMS implements SMSSender.
func (b *Inbox) SendSMS(_ context.Context, sms SMS) (Receipt, error) {
	if err := sms.check(inboxProvider); err != nil {
		return Receipt{}, err
	}
	return b.capture(sms.ID, Item{Channel: ChannelSMS, To: sms.To, Text: sms.Text})
}

// Check implements EmailSender and SMSSender: the file must still be there.
func (b *Inbox) Check(context.Context) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, err := b.file.Stat(); err != nil {
		return misconfigured(inboxProvider, "file", 0)
	}
	return nil
}

// List returns all items, newest first.
func (b *Inbox) List() []Item {
	b.mu.Lock()
	items := append([]Item{}, b.items...)
	b.mu.Unlock()
	slices.Reverse(items)
	return items
}

// ServeHTTP answers GET with List as a JSON array.
func (b *Inbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, http.StatusText(http.StatusMethodNotAllowed), http.StatusMethodNotAllowed)
		return
	}
	var body bytes.Buffer
	if err := encode(&body, b.List()); err != nil {
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_, _ = body.WriteTo(w) // the reader has gone
}

// Close closes the file. Messages sent afterwards are refused as temporary.
func (b *Inbox) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.file.Close()
}

// capture writes the item to the file before it is listed. A write that fails
// half-way is cut off again, so that the next line starts on its own.
func (b *Inbox) capture(id string, item Item) (Receipt, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	receipt := Receipt{Provider: inboxProvider, MessageID: id}
	if b.seen[inboxKey(item.Channel, id)] {
		return receipt, nil
	}
	item.CreatedAt = b.now().UTC()
	captured := inboxLine{ID: id, Item: item}
	var line bytes.Buffer
	if err := encode(&line, captured); err != nil {
		return Receipt{}, permanent(inboxProvider, "invalid_message")
	}
	if _, err := b.file.WriteAt(line.Bytes(), b.size); err != nil {
		// A cut that fails leaves a torn end, which the next write covers.
		_ = b.file.Truncate(b.size)
		return Receipt{}, &Error{Kind: Temporary, Provider: inboxProvider, Code: "file"}
	}
	b.size += int64(line.Len())
	b.keep(captured)
	return receipt, nil
}

func (b *Inbox) keep(line inboxLine) {
	key := inboxKey(line.Channel, line.ID)
	if b.seen[key] {
		return
	}
	b.seen[key] = true
	b.items = append(b.items, line.Item)
}

func inboxKey(channel Channel, id string) string { return string(channel) + "/" + id }

// encode writes value as one line of JSON in which links stay readable.
func encode(w io.Writer, value any) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(value)
}
