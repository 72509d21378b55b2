package dns

import (
	"errors"
	"time"

	mdns "github.com/miekg/dns"
	"github.com/prometheus/client_golang/prometheus"
)

// Metrics counts look-ups. Nil counts nothing.
type Metrics struct {
	lookups  *prometheus.CounterVec
	upstream *prometheus.HistogramVec
}

// NewMetrics declares the metrics at reg.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	m := &Metrics{
		lookups: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "barid_dns_lookups_total", Help: "DNS look-ups by record type, source (cache, stale, network) and outcome.",
		}, []string{"type", "source", "outcome"}),
		upstream: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "barid_dns_upstream_seconds", Help: "Time one resolver took for one question.",
			Buckets: []float64{.0005, .002, .005, .02, .05, .1, .25, .5, 1, 2.5, 5},
		}, []string{"outcome"}),
	}
	reg.MustRegister(m.lookups, m.upstream)
	return m
}

func (m *Metrics) lookup(qtype uint16, meta Meta, err error) {
	if m == nil {
		return
	}
	source := "network"
	switch {
	case meta.Stale:
		source = "stale"
	case meta.Cached:
		source = "cache"
	}
	outcome := "found"
	var e *Error
	switch {
	case errors.As(err, &e) && e.Kind.NotFound():
		outcome = "absent"
	case err != nil:
		outcome = "failed"
	}
	m.lookups.WithLabelValues(mdns.TypeToString[qtype], source, outcome).Inc()
}

func (m *Metrics) exchange(took time.Duration, err error) {
	if m == nil {
		return
	}
	outcome := "answered"
	if err != nil {
		outcome = "failed"
	}
	m.upstream.WithLabelValues(outcome).Observe(took.Seconds())
}
