package allowance

import "github.com/prometheus/client_golang/prometheus"

// Metrics are what a Book counts. A nil *Metrics counts nothing.
type Metrics struct {
	warnings *prometheus.CounterVec
	failures prometheus.Counter
}

// NewMetrics registers the metrics of this package with reg.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	m := &Metrics{
		warnings: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "barid_allowance_warnings_total",
			Help: "Sending limits that became nearly used up, by limit: messages, bytes, new_recipients.",
		}, []string{"limit"}),
		failures: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "barid_allowance_write_failures_total", Help: "Times the sending counters could not be written.",
		}),
	}
	reg.MustRegister(m.warnings, m.failures)
	return m
}

func (m *Metrics) warned(w What) {
	if m != nil {
		m.warnings.WithLabelValues(w.String()).Inc()
	}
}

func (m *Metrics) failed() {
	if m != nil {
		m.failures.Inc()
	}
}
