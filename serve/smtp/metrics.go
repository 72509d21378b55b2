package smtp

import (
	"github.com/prometheus/client_golang/prometheus"

	"barid/mail"
)

// Metrics count sessions, commands and refusals. A nil *Metrics counts nothing.
type Metrics struct {
	sessions *prometheus.CounterVec
	refusals *prometheus.CounterVec
	commands map[string]prometheus.Counter // by verb, and "other"
}

// NewMetrics makes and registers them.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	m := &Metrics{
		sessions: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "barid_smtp_sessions_total", Help: "SMTP and LMTP sessions begun, by role.",
		}, []string{"role"}),
		refusals: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "barid_smtp_refusals_total", Help: "Commands and messages the SMTP sessions refused themselves, by reason.",
		}, []string{"reason"}),
		commands: make(map[string]prometheus.Counter),
	}
	verbs := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "barid_smtp_commands_total", Help: "SMTP and LMTP commands, by verb.",
	}, []string{"verb"})
	for _, v := range commands() {
		m.commands[v.name] = verbs.WithLabelValues(v.name)
	}
	m.commands["other"] = verbs.WithLabelValues("other")
	reg.MustRegister(m.sessions, m.refusals, verbs)
	return m
}

func (m *Metrics) session(r mail.Role) {
	if m != nil {
		m.sessions.WithLabelValues(r.String()).Inc()
	}
}

func (m *Metrics) command(verb string) {
	if m != nil {
		m.commands[verb].Inc()
	}
}

func (m *Metrics) refusal(reason string) {
	if m != nil {
		m.refusals.WithLabelValues(reason).Inc()
	}
}
