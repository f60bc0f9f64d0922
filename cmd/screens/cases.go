package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/chromedp/chromedp"
)

// reading is how the Temporal UI is set up for reading cases, as it keeps it in
// the browser: the search attributes as columns, no list of saved queries, and a
// history whole and from its beginning. %q is the namespace.
const reading = `
	localStorage.setItem("namespace-workflow-table-columns", JSON.stringify({
		[%q]: ["Workflow ID", "CaseStatus", "Industry", "Deadline"].map(label => ({label, pinned: false})),
	}));
	localStorage.setItem("savedQueryNavOpen", "false");
	localStorage.setItem("eventFilterSort", '"ascending"');
	localStorage.setItem("minimizeEventView", "false")`

// shown is true when a text stands in the list of cases or in a timeline.
const shown = `document.fonts.status === "loaded" && [...document.querySelectorAll("td, svg text")].some(e => e.textContent.includes(%q))`

// toTimeline scrolls to the timeline of a case.
const toTimeline = `
	const heading = [...document.querySelectorAll("h2")].find(h => h.textContent === "Event History");
	heading.style.scrollMarginTop = "56px";
	heading.scrollIntoView()`

// caseSubjects returns cases as the Temporal UI shows them: those that are open,
// one that led to an approval and took the most steps, and a suspension that
// will end by itself.
func (c *camera) caseSubjects(ctx context.Context) ([]subject, error) {
	if c.on.DemoUser.Email == "" {
		return nil, nil // there are staff only
	}
	approved, err := c.longestApproval(ctx)
	if err != nil {
		return nil, err
	}
	suspended, err := c.endingSuspension(ctx)
	if err != nil {
		return nil, err
	}
	anonymous, err := c.withoutPersonalData(ctx)
	if err != nil {
		return nil, err
	}
	cases := "/namespaces/" + url.PathEscape(c.on.TemporalNamespace) + "/workflows"
	ready := func(text string) []chromedp.Action[chromedp.Void] {
		return []chromedp.Action[chromedp.Void]{
			do(fmt.Sprintf(reading, c.on.TemporalNamespace)), chromedp.Reload(), until(fmt.Sprintf(shown, text)), anonymous,
		}
	}
	return []subject{
		{name: "case-list", path: cases + "?query=" + url.QueryEscape(`ExecutionStatus="Running"`), temporal: true, out: true, steps: ready("pending")},
		{name: "case-registration", path: cases + "/" + url.PathEscape(approved), temporal: true, out: true,
			steps: append(ready("sms: approved"), do(toTimeline))},
		{name: "case-suspension", path: cases + "/" + url.PathEscape(suspended), temporal: true, out: true, steps: ready("end of suspension")},
	}, nil
}

// longestApproval returns the id of the approved registration with the longest
// history.
func (c *camera) longestApproval(ctx context.Context) (string, error) {
	var found struct {
		Executions []struct {
			Execution     struct{ WorkflowID string }
			HistoryLength string
		}
	}
	query := url.QueryEscape(`WorkflowType="Registration" AND CaseStatus="approved" AND ExecutionStatus="Completed"`)
	address := c.on.TemporalUIURL + "/api/v1/namespaces/" + url.PathEscape(c.on.TemporalNamespace) + "/workflows?query=" + query
	if err := c.fetch(ctx, address, "", &found); err != nil {
		return "", err
	}
	id, longest := "", 0
	for _, e := range found.Executions {
		length, err := strconv.Atoi(e.HistoryLength)
		if err != nil {
			return "", fmt.Errorf("the length of a history: %w", err)
		}
		if length > longest {
			id, longest = e.Execution.WorkflowID, length
		}
	}
	if id == "" {
		return "", fmt.Errorf("there is no approved registration")
	}
	return id, nil
}

// endingSuspension returns the id of the case of a suspension that has an end.
func (c *camera) endingSuspension(ctx context.Context) (string, error) {
	var suspended struct {
		Items []struct {
			ID         string
			Suspension struct{ Until *time.Time }
		}
	}
	if err := c.get(ctx, "/v1/accounts?status=suspended&limit=100", &suspended); err != nil {
		return "", err
	}
	for _, a := range suspended.Items {
		if a.Suspension.Until != nil {
			return "suspension/" + a.ID, nil
		}
	}
	return "", fmt.Errorf("there is no suspension with an end")
}

// withoutPersonalData fails when the page says who an account belongs to: a
// picture of it would show that the cases hold what they must not.
func (c *camera) withoutPersonalData(ctx context.Context) (chromedp.Action[chromedp.Void], error) {
	var all struct {
		Items []struct {
			Name, Email, Phone string
			Company            struct{ Name string }
		}
	}
	if err := c.get(ctx, "/v1/accounts?limit=100", &all); err != nil {
		return nil, err
	}
	var personal []string
	for _, a := range all.Items {
		personal = append(personal, a.Name, a.Email, a.Phone, a.Company.Name)
	}
	personal = slices.DeleteFunc(personal, func(word string) bool { return word == "" })
	words, err := json.Marshal(personal)
	if err != nil {
		return nil, err
	}
	expression := fmt.Sprintf(`%s.filter(word => document.documentElement.textContent.includes(word))`, words)
	return chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		seen, err := chromedp.Run(ctx, chromedp.Evaluate[[]string](expression))
		if err == nil && len(seen) > 0 {
			err = fmt.Errorf("personal data: %q", seen)
		}
		return err
	}), nil
}
