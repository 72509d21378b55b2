package account

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics counts logins. A nil *Metrics counts nothing.
type Metrics struct {
	attempts *prometheus.CounterVec
	braked   *prometheus.CounterVec
	hashes   prometheus.Histogram
}

// NewMetrics makes and registers the metrics of this package.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	m := &Metrics{
		attempts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "barid_auth_attempts_total",
			Help: "Logins by protocol and result: ok, wrong, disabled, braked, error.",
		}, []string{"protocol", "result"}),
		braked: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "barid_auth_braked_total",
			Help: "Logins refused untested, by what was guessed too often: address, network, account, global.",
		}, []string{"limit"}),
		hashes: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "barid_auth_hash_seconds",
			Help:    "Time to compute a password hash, without waiting for a slot.",
			Buckets: []float64{.005, .01, .02, .05, .1, .2, .5, 1},
		}),
	}
	reg.MustRegister(m.attempts, m.braked, m.hashes)
	return m
}

func (m *Metrics) attempt(protocol, result string) {
	if m != nil {
		m.attempts.WithLabelValues(protocol, result).Inc()
	}
}

func (m *Metrics) brake(limit string) {
	if m != nil {
		m.braked.WithLabelValues(limit).Inc()
	}
}

func (m *Metrics) hashed(took time.Duration) {
	if m != nil {
		m.hashes.Observe(took.Seconds())
	}
}
