package process

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"kibali/api"
	"kibali/console"
	"kibali/console/page"
	"kibali/console/portal"
	"kibali/notify"
	"kibali/service"
	"kibali/store"
	"kibali/web"
)

// Front is how a process meets the outside.
type Front struct {
	Proxies      web.Proxies
	Site         *web.Site
	SecondFactor bool                  // required of staff who sign in
	Reports      *notify.TwilioReports // of SMS; nil for a provider that does not sign them
	// TemporalUI is where Temporal shows its workflows; "" for no links there.
	TemporalUI string
}

// Web returns the handler of everything that people and programs reach over
// HTTP: the API and the pages. The process must have a secret key. It is called
// once.
func (p *Process) Web(f Front) (http.Handler, error) {
	cursors, err := web.NewCursors(p.secretKey)
	if err != nil {
		return nil, err
	}
	uses := p.keepUses()
	programs := api.Handler(api.Config{
		Service: p.Service, Reader: p.Store.Reader(), Cursors: cursors, Log: p.Log,
		Proxies: f.Proxies, Site: f.Site, SecondFactor: f.SecondFactor, Uses: uses,
		Reports: readReports(f.Reports), Reported: p.Metrics.Recipients,
		TemporalUI: p.namespaceIn(f.TemporalUI), Observe: p.Metrics.Request,
	})
	assets, err := page.NewAssets(console.Static(), portal.Static())
	if err != nil {
		return nil, err
	}
	staff, err := console.Handler(console.Config{
		Service: p.Service, Reader: p.Store.Reader(), Cursors: cursors, Assets: assets, Log: p.Log,
		Proxies: f.Proxies, Site: f.Site, SecondFactor: f.SecondFactor, Uses: uses,
		TemporalUI: p.namespaceIn(f.TemporalUI), Observe: p.Metrics.Request,
	})
	if err != nil {
		return nil, err
	}
	users, err := portal.Handler(portal.Config{
		Service: p.Service, Reader: p.Store.Reader(), Assets: assets, Log: p.Log,
		Proxies: f.Proxies, Site: f.Site, Platform: p.platform, Uses: uses, Observe: p.Metrics.Request,
	})
	if err != nil {
		return nil, err
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch path := r.URL.Path; {
		case below(path, console.Root) || below(path, "/static"):
			staff.ServeHTTP(w, r)
		case portal.Owns(path) || !api.Owns(path) && strings.Contains(r.Header.Get("Accept"), "text/html"):
			users.ServeHTTP(w, r)
		default:
			programs.ServeHTTP(w, r)
		}
	}), nil
}

// readReports returns how the API reads what the provider of SMS reports.
func readReports(from *notify.TwilioReports) api.ReadReport {
	if from == nil {
		return nil
	}
	return func(query, signature string, body []byte) (service.DeliveryReport, error) {
		report, err := from.Read(query, signature, body, time.Now())
		if err != nil {
			return service.DeliveryReport{}, err
		}
		return service.DeliveryReport{
			ID: report.ID, Provider: report.Provider, ProviderMessageID: report.MessageID, Status: report.Status, Failure: report.Failure(),
		}, nil
	}
}

// namespaceIn returns where the Temporal UI shows our namespace.
func (p *Process) namespaceIn(ui string) string {
	if ui == "" {
		return ""
	}
	return strings.TrimRight(ui, "/") + "/namespaces/" + url.PathEscape(p.namespace)
}

func below(path, root string) bool { return path == root || strings.HasPrefix(path, root+"/") }

// keepUses starts to write down when credentials are used, until Close.
func (p *Process) keepUses() *store.Uses {
	uses := store.NewUses(p.Store)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		uses.Run(ctx, func(err error) { p.Log.Warn("last uses are not written down", "cause", web.Describe(err)) })
	}()
	p.stopUses = func() {
		stop()
		<-ended
	}
	return uses
}
