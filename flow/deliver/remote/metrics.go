package remote

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"barid/flow/queue"
)

// Metrics are what the deliverer counts. A nil *Metrics counts nothing.
type Metrics struct {
	rcpts       *prometheus.CounterVec // outcomes of recipients, by kind
	connections *prometheus.CounterVec // by how they came about: opened, reused, failed
	levels      *prometheus.CounterVec // messages sent, by level of TLS
	bytes       prometheus.Counter
	seconds     *prometheus.HistogramVec // by stage
	open        prometheus.Gauge
}

// NewMetrics registers the deliverer's metrics with reg.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	m := &Metrics{
		rcpts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "barid_remote_recipients_total", Help: "Recipients tried at other servers, by what became of them.",
		}, []string{"outcome"}),
		connections: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "barid_remote_connections_total", Help: "Connections to other servers: opened, reused, failed.",
		}, []string{"how"}),
		levels: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "barid_remote_messages_total", Help: "Messages that other servers took, by level of TLS.",
		}, []string{"tls"}),
		bytes: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "barid_remote_message_bytes_total", Help: "Octets of messages that other servers took.",
		}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "barid_remote_stage_seconds", Help: "Time an attempt spends in each stage.",
			Buckets: prometheus.ExponentialBuckets(0.0005, 4, 10),
		}, []string{"stage"}),
		open: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "barid_remote_connections_open", Help: "Connections to other servers that are open now.",
		}),
	}
	reg.MustRegister(m.rcpts, m.connections, m.levels, m.bytes, m.seconds, m.open)
	return m
}

func (m *Metrics) outcomes(os []queue.Outcome) {
	if m == nil {
		return
	}
	for i := range os {
		m.rcpts.WithLabelValues(os[i].Kind.String()).Inc()
	}
}

func (m *Metrics) timing(t *queue.Timing) {
	if m == nil {
		return
	}
	for _, s := range [...]struct {
		name string
		took time.Duration
	}{{"dns", t.DNS}, {"connect", t.Connect}, {"tls", t.TLS}, {"dialogue", t.Dialogue}, {"data", t.Data}} {
		if s.took > 0 {
			m.seconds.WithLabelValues(s.name).Observe(s.took.Seconds())
		}
	}
}

// connection counts one that was "opened", "reused" or "failed".
func (m *Metrics) connection(how string) {
	if m != nil {
		m.connections.WithLabelValues(how).Inc()
	}
}

func (m *Metrics) sent(l Level, size int64) {
	if m != nil {
		m.levels.WithLabelValues(l.String()).Inc()
		m.bytes.Add(float64(size))
	}
}

func (m *Metrics) openChanged(by int) {
	if m != nil {
		m.open.Add(float64(by))
	}
}
