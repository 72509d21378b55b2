package mailbox

import "github.com/prometheus/client_golang/prometheus"

// Metrics count what happens to stored mail. A nil *Metrics counts nothing.
type Metrics struct {
	messages  *prometheus.CounterVec // by how they came: delivery, append
	expunged  prometheus.Counter
	reaped    prometheus.Counter
	loads     prometheus.Counter
	snapshots prometheus.Counter
	idleBytes prometheus.Gauge
}

// NewMetrics makes them and registers them with reg.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	}
	m := &Metrics{
		messages: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "barid_mailbox_messages_total", Help: "Messages stored, by how they came.",
		}, []string{"by"}),
		expunged:  counter("barid_mailbox_expunged_total", "Messages taken out of a mailbox, moves included."),
		reaped:    counter("barid_mailbox_reaped_total", "Messages whose rows and bytes were let go."),
		loads:     counter("barid_mailbox_loads_total", "Mailboxes read from their rows."),
		snapshots: counter("barid_mailbox_snapshots_total", "Times the pages of a mailbox were rewritten."),
		idleBytes: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "barid_mailbox_idle_bytes", Help: "Memory of mailboxes that no session holds.",
		}),
	}
	reg.MustRegister(m.messages, m.expunged, m.reaped, m.loads, m.snapshots, m.idleBytes)
	return m
}

// tally is what a transaction did; it counts once the transaction is durable.
type tally struct {
	delivered, appended, expunged, reaped, loads, snapshots int
}

// count enters a transaction.
func (m *Metrics) count(t *tally) {
	if m == nil {
		return
	}
	add := func(c prometheus.Counter, n int) {
		if n > 0 {
			c.Add(float64(n))
		}
	}
	if t.delivered > 0 {
		m.messages.WithLabelValues("delivery").Add(float64(t.delivered))
	}
	if t.appended > 0 {
		m.messages.WithLabelValues("append").Add(float64(t.appended))
	}
	add(m.expunged, t.expunged)
	add(m.reaped, t.reaped)
	add(m.loads, t.loads)
	add(m.snapshots, t.snapshots)
}

func (m *Metrics) idle(bytes int64) {
	if m != nil {
		m.idleBytes.Set(float64(bytes))
	}
}
