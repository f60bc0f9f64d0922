package operations

import (
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	otelprometheus "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/opentelemetry"
)

// Metrics are what a process counts.
type Metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	outcomes *prometheus.CounterVec
	seals    *prometheus.GaugeVec
	sealed   *prometheus.GaugeVec
	heads    *prometheus.GaugeVec
	temporal client.MetricsHandler
}

// NewMetrics returns the metrics of a process of the given build: the Go
// runtime's, the process's, Temporal's SDK's and, once Request is called, those
// of HTTP.
func NewMetrics(version string) (*Metrics, error) {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "kibali_http_requests_total", Help: "HTTP requests answered.",
		}, []string{"method", "route", "status"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "kibali_http_request_duration_seconds", Help: "How long HTTP requests took.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
		}, []string{"method", "route"}),
	}
	m.outcomes = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "kibali_message_recipients_total",
		Help: "Recipients of messages of which something was learnt: sent, delivered, failed, unknown, unknown_refunded, late (sent after all, and refunded before).",
	}, []string{"outcome"})
	m.seals = newChainGauge("kibali_seal_number", "The newest seal of the ledger or of the audit trail that this process knows.")
	m.sealed = newChainGauge("kibali_sealed_timestamp_seconds", "When it was made.")
	m.heads = newChainGauge("kibali_head_published_timestamp_seconds", "When this process last published the head of a chain.")
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "kibali_build_info", Help: "1, with the build as a label.", ConstLabels: prometheus.Labels{"version": version},
	})
	build.Set(1)
	m.registry.MustRegister(m.requests, m.duration, m.outcomes, m.seals, m.sealed, m.heads, build,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	exporter, err := otelprometheus.New(
		otelprometheus.WithRegisterer(m.registry), otelprometheus.WithoutScopeInfo(), otelprometheus.WithoutTargetInfo())
	if err != nil {
		return nil, fmt.Errorf("export Temporal's metrics: %w", err)
	}
	m.temporal = opentelemetry.NewMetricsHandler(opentelemetry.MetricsHandlerOptions{
		Meter: metric.NewMeterProvider(metric.WithReader(exporter)).Meter("temporal-sdk-go"),
		// A metric that cannot be made is not worth a process.
		OnError: func(error) {},
	})
	return m, nil
}

// Temporal returns what Temporal's SDK reports to.
func (m *Metrics) Temporal() client.MetricsHandler { return m.temporal }

// Request counts one HTTP request. route is its template, "" when it has none.
func (m *Metrics) Request(method, route string, status int, took time.Duration) {
	if route == "" {
		route = "none"
	}
	m.requests.WithLabelValues(method, route, strconv.Itoa(status)).Inc()
	m.duration.WithLabelValues(method, route).Observe(took.Seconds())
}

// Recipients counts recipients of messages by what was learnt of them.
func (m *Metrics) Recipients(outcome string, n int) {
	m.outcomes.WithLabelValues(outcome).Add(float64(n))
}

func newChainGauge(name, help string) *prometheus.GaugeVec {
	return prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, []string{"chain"})
}

// Sealed tells the newest seal of a chain, and when its head was published.
func (m *Metrics) Sealed(chain string, number int64, at, published time.Time) {
	m.seals.WithLabelValues(chain).Set(float64(number))
	m.sealed.WithLabelValues(chain).Set(float64(at.Unix()))
	if !published.IsZero() {
		m.heads.WithLabelValues(chain).Set(float64(published.Unix()))
	}
}

// Pool adds the statistics of the connections to PostgreSQL.
func (m *Metrics) Pool(pool *pgxpool.Pool) { m.registry.MustRegister(poolCollector{pool}) }

// poolCollector reads a pool's statistics when they are asked for.
type poolCollector struct{ pool *pgxpool.Pool }

type poolMetric struct {
	description *prometheus.Desc
	kind        prometheus.ValueType
	value       func(*pgxpool.Stat) float64
}

func newPoolMetric(name, help string, kind prometheus.ValueType, value func(*pgxpool.Stat) float64) poolMetric {
	return poolMetric{prometheus.NewDesc("kibali_postgres_pool_"+name, help, nil, nil), kind, value}
}

var poolMetrics = []poolMetric{
	newPoolMetric("connections", "Open connections.", prometheus.GaugeValue,
		func(s *pgxpool.Stat) float64 { return float64(s.TotalConns()) }),
	newPoolMetric("connections_in_use", "Connections in use.", prometheus.GaugeValue,
		func(s *pgxpool.Stat) float64 { return float64(s.AcquiredConns()) }),
	newPoolMetric("connections_max", "The most connections there may be.", prometheus.GaugeValue,
		func(s *pgxpool.Stat) float64 { return float64(s.MaxConns()) }),
	newPoolMetric("acquires_total", "Connections given out.", prometheus.CounterValue,
		func(s *pgxpool.Stat) float64 { return float64(s.AcquireCount()) }),
	newPoolMetric("waits_total", "Connections that had to be waited for.", prometheus.CounterValue,
		func(s *pgxpool.Stat) float64 { return float64(s.EmptyAcquireCount()) }),
	newPoolMetric("wait_seconds_total", "Time spent waiting for a connection.", prometheus.CounterValue,
		func(s *pgxpool.Stat) float64 { return s.AcquireDuration().Seconds() }),
	newPoolMetric("given_up_total", "Waits that ended without a connection.", prometheus.CounterValue,
		func(s *pgxpool.Stat) float64 { return float64(s.CanceledAcquireCount()) }),
	newPoolMetric("opened_total", "Connections opened.", prometheus.CounterValue,
		func(s *pgxpool.Stat) float64 { return float64(s.NewConnsCount()) }),
}

// Describe implements prometheus.Collector.
func (c poolCollector) Describe(out chan<- *prometheus.Desc) {
	for _, m := range poolMetrics {
		out <- m.description
	}
}

// Collect implements prometheus.Collector.
func (c poolCollector) Collect(out chan<- prometheus.Metric) {
	stat := c.pool.Stat()
	for _, m := range poolMetrics {
		out <- prometheus.MustNewConstMetric(m.description, m.kind, m.value(stat))
	}
}
