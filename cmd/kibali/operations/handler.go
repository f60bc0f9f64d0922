package operations

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Handler answers /healthz, /readyz and /metrics.
//
// /healthz is 200 as long as the process runs. /readyz is 200 when it is ready,
// and 503 when something essential is away or it is stopping; the body is a
// Readiness. /metrics is Prometheus' text.
func Handler(health *Health, metrics *Metrics) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", health.serveLive)
	mux.HandleFunc("GET /readyz", health.serveReady)
	mux.Handle("GET /metrics", promhttp.HandlerFor(metrics.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4}))
	return mux
}
