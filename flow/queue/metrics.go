package queue

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"barid/base/kv"
	"barid/mail/spool"
)

// Metrics are what the queue counts. A nil *Metrics counts nothing.
type Metrics struct {
	rcpts       *prometheus.CounterVec // by class, outcome
	destination *prometheus.CounterVec // by destination, outcome
	attempts    *prometheus.CounterVec // by destination, outcome
	stages      *prometheus.CounterVec // by destination, stage: seconds
	seconds     *prometheus.HistogramVec
	age         *prometheus.HistogramVec
	reports     *prometheus.CounterVec
	failed      prometheus.Counter
	unreported  prometheus.Counter
	running     prometheus.Gauge
	entries     prometheus.Gauge
	bytes       prometheus.Gauge
	memory      prometheus.Gauge
	lines       *prometheus.GaugeVec

	mu     sync.Mutex
	labels map[string]bool
	max    int
}

// NewMetrics registers the queue's metrics with reg. destinations is how many get a label of their own; the
// others share "other".
func NewMetrics(reg prometheus.Registerer, destinations int) *Metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	}
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: help})
	}
	def(&destinations, 100)
	m := &Metrics{
		rcpts:       counter("barid_queue_recipients_total", "Recipients tried, by class and outcome.", "class", "outcome"),
		destination: counter("barid_queue_destination_recipients_total", "Recipients tried, by destination and outcome.", "destination", "outcome"),
		attempts:    counter("barid_queue_destination_attempts_total", "Attempts, by destination and the outcome of their last recipient.", "destination", "outcome"),
		stages: counter("barid_queue_destination_stage_seconds_total", "Time that attempts spent in each stage, by destination: divided by the attempts, the mean.",
			"destination", "stage"),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "barid_queue_attempt_seconds", Help: "How long attempts took.", Buckets: prometheus.ExponentialBuckets(0.001, 4, 10),
		}, []string{"outcome"}),
		age: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "barid_queue_age_seconds", Help: "Age of messages when a server took them.", Buckets: prometheus.ExponentialBuckets(0.01, 5, 10),
		}, []string{"class"}),
		reports:    counter("barid_queue_reports_total", "Reports made, by kind.", "kind"),
		failed:     prometheus.NewCounter(prometheus.CounterOpts{Name: "barid_queue_store_failures_total", Help: "Commits that failed and were tried again."}),
		unreported: prometheus.NewCounter(prometheus.CounterOpts{Name: "barid_queue_report_failures_total", Help: "Reports that could not be made at once."}),
		running:    gauge("barid_queue_attempts_running", "Attempts under way."),
		entries:    gauge("barid_queue_entries", "Entries in the queue."),
		bytes:      gauge("barid_queue_messages_bytes", "Octets of the messages in the queue."),
		memory:     gauge("barid_queue_memory_entries", "Entries in memory."),
		lines:      prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "barid_queue_lines", Help: "Destinations in memory, by state."}, []string{"state"}),
		labels:     map[string]bool{}, max: destinations,
	}
	reg.MustRegister(m.rcpts, m.destination, m.attempts, m.stages, m.seconds, m.age, m.reports, m.failed, m.unreported, m.running, m.entries, m.bytes, m.memory, m.lines)
	return m
}

func (m *Metrics) begin(*item) {
	if m != nil {
		m.running.Inc()
	}
}

func (m *Metrics) ended(e *spool.Entry, outcomes []Outcome, took time.Duration) {
	if m == nil {
		return
	}
	m.running.Dec()
	dest, class := m.label(e.Queue()), e.Class().String()
	worst := Deferred.String()
	for i := range outcomes {
		k := outcomes[i].Kind.String()
		m.rcpts.WithLabelValues(class, k).Inc()
		m.destination.WithLabelValues(dest, k).Inc()
		worst = k
	}
	m.seconds.WithLabelValues(worst).Observe(took.Seconds())
	m.attempts.WithLabelValues(dest, worst).Inc()
	if len(outcomes) > 0 { // all of one attempt have its times
		m.staged(dest, &outcomes[0].Timing)
	}
	if worst == Relayed.String() || worst == Delivered.String() {
		m.age.WithLabelValues(class).Observe(max(time.Since(e.Arrived).Seconds(), 0))
	}
}

// staged adds the times of an attempt's stages to its destination's.
func (m *Metrics) staged(dest string, t *Timing) {
	for _, s := range [...]struct {
		name string
		took time.Duration
	}{{"dns", t.DNS}, {"connect", t.Connect}, {"tls", t.TLS}, {"dialogue", t.Dialogue}, {"data", t.Data}} {
		if s.took > 0 {
			m.stages.WithLabelValues(dest, s.name).Add(s.took.Seconds())
		}
	}
}

// label bounds the number of destinations that are told apart: the first ones to come.
func (m *Metrics) label(name string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.labels[name] {
		return name
	}
	if len(m.labels) >= m.max {
		return "other"
	}
	m.labels[name] = true
	return name
}

func (m *Metrics) reported(k Kind) {
	if m != nil {
		m.reports.WithLabelValues(k.String()).Inc()
	}
}

func (m *Metrics) reportFailed() {
	if m != nil {
		m.unreported.Inc()
	}
}

func (m *Metrics) storeFailed() {
	if m != nil {
		m.failed.Inc()
	}
}

// measure sets the gauges.
func (q *Queue) measure(ctx context.Context) {
	m := q.d.Metrics
	if m == nil {
		return
	}
	if c, err := q.Counts(ctx); err == nil {
		m.entries.Set(float64(c.Entries))
		m.bytes.Set(float64(c.Bytes))
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	m.memory.Set(float64(q.items))
	now := q.d.Now()
	var open, shut, paused int
	for _, l := range q.lines {
		switch {
		case l.pause != nil:
			paused++
		case l.open(now):
			open++
		default:
			shut++
		}
	}
	m.lines.WithLabelValues("open").Set(float64(open))
	m.lines.WithLabelValues("shut").Set(float64(shut))
	m.lines.WithLabelValues("paused").Set(float64(paused))
}

// Counts gives what the whole queue holds.
func (q *Queue) Counts(ctx context.Context) (spool.Counts, error) {
	var c spool.Counts
	err := q.d.KV.Parts(ctx, kv.Queue, func(p kv.Part) error {
		return q.d.KV.View(ctx, p, func(r kv.Reader) error {
			m, err := spool.ReadMeta(r)
			c.Entries += m.Entries
			c.Bytes += m.Bytes
			return err
		})
	})
	return c, err
}
