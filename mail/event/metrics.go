package event

import "github.com/prometheus/client_golang/prometheus"

// Metrics are what the log counts. A nil *Metrics counts nothing.
type Metrics struct{ written, dropped prometheus.Counter }

// NewMetrics registers the log's metrics with reg.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	m := &Metrics{
		written: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "barid_event_stored_total", Help: "Events written to the event log.",
		}),
		dropped: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "barid_event_dropped_total", Help: "Events lost because the queue was full or the store failed.",
		}),
	}
	reg.MustRegister(m.written, m.dropped)
	return m
}

func (m *Metrics) stored(n int) {
	if m != nil {
		m.written.Add(float64(n))
	}
}

func (m *Metrics) drop(n int) {
	if m != nil && n > 0 {
		m.dropped.Add(float64(n))
	}
}
