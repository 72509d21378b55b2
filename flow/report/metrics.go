package report

import "github.com/prometheus/client_golang/prometheus"

// Metrics are what reports count. A nil *Metrics counts nothing.
type Metrics struct {
	reports *prometheus.CounterVec // by kind and where they went
	dropped *prometheus.CounterVec // by reason
	bounces *prometheus.CounterVec // incoming, by class
}

// NewMetrics registers the metrics with reg.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	m := &Metrics{
		reports: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "barid_report_made_total", Help: "Delivery reports made, by what they tell and where the sender is.",
		}, []string{"kind", "sender"}),
		dropped: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "barid_report_dropped_total", Help: "Delivery reports that were due and not made, by reason.",
		}, []string{"reason"}),
		bounces: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "barid_report_bounces_total", Help: "Recipients in incoming delivery reports about our messages, by class.",
		}, []string{"class"}),
	}
	reg.MustRegister(m.reports, m.dropped, m.bounces)
	return m
}

func (m *Metrics) made(kind string, elsewhere bool) {
	if m == nil {
		return
	}
	sender := "here"
	if elsewhere {
		sender = "elsewhere"
	}
	m.reports.WithLabelValues(kind, sender).Inc()
}

func (m *Metrics) drop(reason string) {
	if m != nil {
		m.dropped.WithLabelValues(reason).Inc()
	}
}

func (m *Metrics) bounce(class string) {
	if m != nil {
		m.bounces.WithLabelValues(class).Inc()
	}
}
