package policy

import "github.com/prometheus/client_golang/prometheus"

// Metrics are what the runner counts. A nil *Metrics counts nothing.
type Metrics struct {
	findings  *prometheus.CounterVec
	decisions *prometheus.CounterVec
}

// NewMetrics registers the runner's metrics with reg.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	m := &Metrics{
		findings: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "barid_policy_findings_total", Help: "What checks found.",
		}, []string{"check", "result"}),
		decisions: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "barid_policy_decisions_total", Help: "What was decided at each stage.",
		}, []string{"stage", "disposition"}),
	}
	reg.MustRegister(m.findings, m.decisions)
	return m
}

func (m *Metrics) found(fs []Finding) {
	if m == nil {
		return
	}
	for i := range fs {
		m.findings.WithLabelValues(fs[i].Check, string(fs[i].Result)).Inc()
	}
}

func (m *Metrics) decided(s Stage, d Decision) {
	if m != nil {
		m.decisions.WithLabelValues(s.String(), d.Disposition.String()).Inc()
	}
}
