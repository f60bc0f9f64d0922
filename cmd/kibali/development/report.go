package development

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"kibali/domain/actor"
)

// reportFile is the file of the data folder that says where everything is.
const reportFile = "dev.json"

// report is what reportFile holds. Its members are a contract: they change
// only by addition.
type report struct {
	URL               string      `json:"url"`
	TemporalUIURL     string      `json:"temporal_ui_url"`
	TemporalAddress   string      `json:"temporal_address"`
	TemporalNamespace string      `json:"temporal_namespace"`
	TemporalCLI       string      `json:"temporal_cli"`
	DatabaseURL       string      `json:"database_url"` // for the owner of the schema
	InboxURL          string      `json:"inbox_url"`
	OperationsURL     string      `json:"operations_url"`
	Staff             []staffKeys `json:"staff"`
	ServiceToken      string      `json:"service_token"`
	DemoUser          *demoLogin  `json:"demo_user,omitempty"` // nil without demo accounts, all of which have this password
	PID               int         `json:"pid"`
	Version           string      `json:"version"`
}

// demoLogin is a user of the demo data.
type demoLogin struct {
	Email    string `json:"email"`
	Password string `json:"password"`
}

// print tells a person where everything is and what to try first.
func (r report) print(out io.Writer, f *folder) {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "\n  Portal\t%s  (where customers register and log in)\n", r.URL)
	fmt.Fprintf(table, "  Console\t%s/console  (for staff, with the e-mails and passwords below)\n", r.URL)
	fmt.Fprintf(table, "  API\t%s/v1  (described at %s/docs)\n", r.URL, r.URL)
	fmt.Fprintf(table, "  Inbox\t%s  (every e-mail and SMS; SMS come at any hour)\n", r.InboxURL)
	fmt.Fprintf(table, "  Temporal UI\t%s\n", r.TemporalUIURL)
	fmt.Fprintf(table, "  Health, metrics\t%s/readyz, /metrics\n", r.OperationsURL)
	fmt.Fprintf(table, "  Everything else\t%s  (PostgreSQL, tokens); the log is %s\n\n", f.file(reportFile), f.file(logFile))
	fmt.Fprintf(table, "  Staff\tE-mail\tPassword\tToken\n")
	for _, who := range r.Staff {
		fmt.Fprintf(table, "  %s\t%s\t%s\t%s\n", who.Role, who.Email, who.Password, who.Token)
	}
	if demo := r.DemoUser; demo != nil {
		fmt.Fprintf(table, "\n  Demo user\t%s\t%s  (every demo user has this password)\n", demo.Email, demo.Password)
	}
	_ = table.Flush() // a terminal that has gone is nobody's loss
	for _, who := range r.Staff {
		if who.Role == actor.Reviewer {
			fmt.Fprintf(out, "\n  Try:  curl -s -H 'Authorization: Bearer %s' '%s/v1/accounts?status=pending&limit=3'\n", who.Token, r.URL)
		}
	}
	fmt.Fprintln(out, "\n"+strings.Repeat(" ", 2)+"Ctrl-C stops it; the next start finds its data again.")
}
