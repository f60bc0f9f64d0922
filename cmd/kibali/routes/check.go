package routes

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/google/uuid"

	"kibali/web"
)

// Holder is somebody who asks, with a credential of a running Kibali.
type Holder struct {
	Name  web.Holder
	Token string // "" for none
}

// difference is a status that is not the declared one.
const difference = "!"

// Check asks a running Kibali at a base URL for every route as every holder, and
// writes what each got. It returns how many of the answers are not what is
// declared. It changes nothing: ids are such that nobody has, and what it sends
// is refused by whoever reads it.
//
// A page is asked for by those alone who have no cookie, since a session would
// have to begin.
func Check(ctx context.Context, out io.Writer, base string, routes []Route, holders []Holder) (differences int, err error) {
	client := &http.Client{
		Timeout:       30 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprint(table, "method\troute\twho")
	for _, h := range holders {
		fmt.Fprintf(table, "\t%s", h.Name)
	}
	fmt.Fprintln(table)
	for _, r := range routes {
		fmt.Fprintf(table, "%s\t%s\t%s", r.Method, r.Path, r.Access)
		for _, h := range holders {
			if r.Page && h.Token != "" {
				fmt.Fprint(table, "\t")
				continue
			}
			got, err := ask(ctx, client, base, r, h)
			if err != nil {
				return differences, err
			}
			expected, met := r.expect(h.Name, got)
			fmt.Fprintf(table, "\t%d", got)
			if !met {
				differences++
				fmt.Fprintf(table, "%s %s expected", difference, expected)
			}
		}
		fmt.Fprintln(table)
	}
	if err := table.Flush(); err != nil {
		return differences, fmt.Errorf("print the table: %w", err)
	}
	return differences, nil
}

// expect says which status a holder must get, and whether this is one.
func (r Route) expect(h web.Holder, got int) (expected string, met bool) {
	switch {
	case r.Access.ForAnyone():
		return "no failure", got < 500
	case r.Access.AdmitsHolder(h, false) && !r.Page:
		return "not 401, 403", got < 500 && got != http.StatusUnauthorized && got != http.StatusForbidden
	case r.Page:
		// To sign in; and what a page asks by itself is told nothing, and not to ask again.
		return "303, 401 or 204", got == http.StatusSeeOther || got == http.StatusUnauthorized || got == http.StatusNoContent
	}
	refusal := r.Access.Refusal(h)
	return fmt.Sprint(refusal), got == refusal
}

// ask asks for a route once and returns the status of the answer.
func ask(ctx context.Context, client *http.Client, base string, r Route, h Holder) (int, error) {
	method := r.Method
	if method == "*" {
		method = http.MethodGet
	}
	body := io.Reader(http.NoBody)
	if !slices.Contains([]string{http.MethodGet, http.MethodHead, http.MethodDelete}, method) {
		body = strings.NewReader("[]") // JSON, but of nothing that is taken
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // the rest of a file, or of a stream, is of no interest
	request, err := http.NewRequestWithContext(ctx, method, base+filled(r.Path), body)
	if err != nil {
		return 0, fmt.Errorf("ask for %s %s: %w", r.Method, r.Path, err)
	}
	request.Header.Set("Content-Type", "application/json")
	if r.Page {
		request.Header.Set("Accept", "text/html")
	}
	if h.Token != "" {
		request.Header.Set("Authorization", "Bearer "+h.Token)
	}
	answer, err := client.Do(request)
	if err != nil {
		return 0, fmt.Errorf("ask for %s %s: %w", r.Method, r.Path, err)
	}
	defer answer.Body.Close()
	return answer.StatusCode, nil
}

// filled returns the path with a value for each of its parameters that nothing
// has.
func filled(path string) string {
	parts := strings.Split(path, "/")
	for i, part := range parts {
		switch {
		case part == ":n":
			parts[i] = "1"
		case strings.HasPrefix(part, ":"):
			parts[i] = uuid.NewString()
		case strings.HasPrefix(part, "*"):
			parts[i] = "none"
		}
	}
	return strings.Join(parts, "/")
}
