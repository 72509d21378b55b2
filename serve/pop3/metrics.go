package pop3

import "github.com/prometheus/client_golang/prometheus"

// Metrics counts what sessions do. A nil *Metrics counts nothing.
type Metrics struct {
	sessions prometheus.Gauge
	commands *prometheus.CounterVec
	logins   *prometheus.CounterVec
	removed  prometheus.Counter
	bytesOut prometheus.Counter
}

// NewMetrics registers the collectors with reg.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	m := &Metrics{
		sessions: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "barid_pop3_sessions_open", Help: "POP3 sessions open now.",
		}),
		commands: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "barid_pop3_commands_total", Help: "POP3 commands by verb and answer (ok, err), counted when a session ends.",
		}, []string{"command", "answer"}),
		logins: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "barid_pop3_logins_total", Help: "POP3 logins by answer (ok, refused, in_use, too_soon, failed).",
		}, []string{"answer"}),
		removed: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "barid_pop3_messages_deleted_total", Help: "Messages deleted by POP3 clients, whatever the account makes of that.",
		}),
		bytesOut: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "barid_pop3_sent_bytes_total", Help: "Bytes sent to POP3 clients, counted when a session ends.",
		}),
	}
	reg.MustRegister(m.sessions, m.commands, m.logins, m.removed, m.bytesOut)
	return m
}

func (m *Metrics) opened(n float64) {
	if m != nil {
		m.sessions.Add(n)
	}
}

func (m *Metrics) login(answer string) {
	if m != nil {
		m.logins.WithLabelValues(answer).Inc()
	}
}

func (m *Metrics) deleted(n int) {
	if m != nil {
		m.removed.Add(float64(n))
	}
}

// closed counts a whole session.
func (m *Metrics) closed(s *session) {
	if m == nil {
		return
	}
	m.sessions.Add(-1)
	m.bytesOut.Add(float64(s.out.sent))
	for i, c := range s.counts {
		if c.good > 0 {
			m.commands.WithLabelValues(s.srv.verbs[i].name, "ok").Add(float64(c.good))
		}
		if c.bad > 0 {
			m.commands.WithLabelValues(s.srv.verbs[i].name, "err").Add(float64(c.bad))
		}
	}
}
