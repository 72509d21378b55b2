package imap

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics counts what sessions do. A nil *Metrics counts nothing.
type Metrics struct {
	sessions prometheus.Gauge
	commands *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	logins   *prometheus.CounterVec
	bytesOut prometheus.Counter
}

// NewMetrics registers the collectors with reg.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	m := &Metrics{
		sessions: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "barid_imap_sessions_open", Help: "IMAP sessions open now.",
		}),
		commands: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "barid_imap_commands_total", Help: "IMAP commands by name and answer (ok, no, bad).",
		},
			[]string{"command", "answer"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "barid_imap_command_duration_seconds", Help: "Time to do an IMAP command.",
			Buckets: []float64{.0005, .002, .01, .05, .25, 1, 5},
		}, []string{"command"}),
		logins: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "barid_imap_logins_total", Help: "IMAP logins by answer (ok, no).",
		}, []string{"answer"}),
		bytesOut: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "barid_imap_sent_bytes_total", Help: "Bytes sent to IMAP clients, counted when a session ends.",
		}),
	}
	reg.MustRegister(m.sessions, m.commands, m.seconds, m.logins, m.bytesOut)
	return m
}

func (m *Metrics) opened(n float64) {
	if m != nil {
		m.sessions.Add(n)
	}
}

func (m *Metrics) done(command, answer string, took time.Duration) {
	if m != nil {
		m.commands.WithLabelValues(command, answer).Inc()
		if command != "IDLE" {
			m.seconds.WithLabelValues(command).Observe(took.Seconds())
		}
	}
}

func (m *Metrics) login(answer string) {
	if m != nil {
		m.logins.WithLabelValues(answer).Inc()
	}
}

func (m *Metrics) sent(n int64) {
	if m != nil {
		m.bytesOut.Add(float64(n))
	}
}
