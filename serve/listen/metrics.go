package listen

import "github.com/prometheus/client_golang/prometheus"

// Metrics count what happens to connections, by listener. A nil *Metrics counts nothing.
type Metrics struct {
	accepted   *prometheus.CounterVec
	open       *prometheus.GaugeVec
	refused    *prometheus.CounterVec
	handshakes *prometheus.CounterVec
}

// NewMetrics makes and registers them.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	m := &Metrics{
		accepted: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "barid_listen_connections_total", Help: "Connections accepted, by listener.",
		}, []string{"listener"}),
		open: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "barid_listen_open_connections", Help: "Connections open now, by listener.",
		}, []string{"listener"}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "barid_listen_refused_total", Help: "Connections closed before a session began, by listener and reason.",
		}, []string{"listener", "reason"}),
		handshakes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "barid_listen_tls_handshakes_total", Help: "TLS handshakes, by listener and result.",
		}, []string{"listener", "result"}),
	}
	reg.MustRegister(m.accepted, m.open, m.refused, m.handshakes)
	return m
}

func (m *Metrics) accept(listener string) {
	if m != nil {
		m.accepted.WithLabelValues(listener).Inc()
		m.open.WithLabelValues(listener).Inc()
	}
}

func (m *Metrics) closed(listener string) {
	if m != nil {
		m.open.WithLabelValues(listener).Dec()
	}
}

func (m *Metrics) refuse(listener, reason string) {
	if m != nil {
		m.refused.WithLabelValues(listener, reason).Inc()
	}
}

func (m *Metrics) handshake(listener string, err error) {
	if m == nil {
		return
	}
	result := "ok"
	if err != nil {
		result = "failed"
	}
	m.handshakes.WithLabelValues(listener, result).Inc()
}
