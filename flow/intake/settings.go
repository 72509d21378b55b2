package intake

import "github.com/prometheus/client_golang/prometheus"

// Settings are the names and limits of the installation. The zero value of a limit has the default.
type Settings struct {
	Host  string   // our name: in Received, the authserv-id, and Message-ID
	Names []string // further names of ours under which nobody else may write Authentication-Results

	MaxMessage    int64 // bytes of a message; 0: 25 MiB
	MaxHeader     int   // bytes of the header section; 0: 1 MiB
	MaxFields     int   // fields of the header section; 0: 10,000
	MaxReceived   int   // Received fields before a message is a loop (RFC 5321 §6.3); 0: 100
	MaxRecipients int   // forward-paths of one transaction; 0: 100, which RFC 5321 §4.5.3.1.8 asks for
}

// The defaults of Settings.
const (
	DefaultMaxMessage    = 25 << 20
	DefaultMaxHeader     = 1 << 20
	DefaultMaxFields     = 10_000
	DefaultMaxReceived   = 100
	DefaultMaxRecipients = 100
)

func (s *Settings) fill() {
	def(&s.MaxMessage, DefaultMaxMessage)
	def(&s.MaxHeader, DefaultMaxHeader)
	def(&s.MaxFields, DefaultMaxFields)
	def(&s.MaxReceived, DefaultMaxReceived)
	def(&s.MaxRecipients, DefaultMaxRecipients)
	def(&s.Host, "localhost")
}

func def[T comparable](p *T, v T) {
	var zero T
	if *p == zero {
		*p = v
	}
}

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
