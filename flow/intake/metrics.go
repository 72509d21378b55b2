package intake

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"barid/mail"
	"barid/mail/event"
)

// Metrics are what intake counts. A nil *Metrics counts nothing.
type Metrics struct {
	messages *prometheus.CounterVec // by role and outcome
	bytes    *prometheus.CounterVec // of accepted messages, by role
	seconds  *prometheus.HistogramVec
}

// NewMetrics registers intake's metrics with reg.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	m := &Metrics{
		messages: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "barid_intake_messages_total", Help: "Messages at end of data, by what became of them.",
		}, []string{"role", "outcome"}),
		bytes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "barid_intake_message_bytes_total", Help: "Bytes of accepted messages.",
		}, []string{"role"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "barid_intake_stage_seconds", Help: "Time an accepted message spends in each stage of end of data.",
			Buckets: prometheus.ExponentialBuckets(0.0001, 4, 9),
		}, []string{"stage"}),
	}
	reg.MustRegister(m.messages, m.bytes, m.seconds)
	return m
}

func (m *Metrics) outcome(r mail.Role, word string) {
	if m != nil {
		m.messages.WithLabelValues(r.String(), word).Inc()
	}
}

func (m *Metrics) accepted(r mail.Role, size int64, t event.Timing) {
	if m == nil {
		return
	}
	m.outcome(r, event.Delivered.String())
	m.bytes.WithLabelValues(r.String()).Add(float64(size))
	m.stage("receive", t.Receive)
	m.stage("check", t.Check)
	m.stage("store", t.Store)
	m.stage("deliver", t.Deliver)
}

func (m *Metrics) stage(name string, d time.Duration) {
	m.seconds.WithLabelValues(name).Observe(d.Seconds())
}
