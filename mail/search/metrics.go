package search

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics count what the index does. A nil *Metrics counts nothing.
type Metrics struct {
	messages     prometheus.Counter
	text         prometheus.Counter
	written      prometheus.Counter
	merges       prometheus.Counter
	damaged      prometheus.Counter
	waiting      prometheus.Gauge
	queries      *prometheus.HistogramVec // by kind: narrow, fuzzy
	dictionaries *prometheus.CounterVec   // by where they were: memory, store
}

// NewMetrics makes them and registers them with reg.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	}
	m := &Metrics{
		messages: counter("barid_search_messages_total", "Messages indexed."),
		text:     counter("barid_search_text_bytes_total", "Bytes of text indexed."),
		written:  counter("barid_search_written_bytes_total", "Bytes of rows written, merges included."),
		merges:   counter("barid_search_merges_total", "Merges of segments."),
		damaged:  counter("barid_search_damaged_total", "Times an index could not be read and was made anew."),
		waiting: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "barid_search_waiting_accounts", Help: "Accounts with messages that are not indexed yet.",
		}),
		queries: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "barid_search_query_seconds", Help: "Time of a question to the index.",
			Buckets: []float64{.0002, .0005, .001, .002, .005, .01, .02, .05, .1, .5, 2},
		}, []string{"kind"}),
		dictionaries: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "barid_search_dictionaries_total", Help: "Dictionaries of segments that were needed, by where they were.",
		}, []string{"from"}),
	}
	reg.MustRegister(m.messages, m.text, m.written, m.merges, m.damaged, m.waiting, m.queries, m.dictionaries)
	return m
}

func (m *Metrics) indexed(s *segmentInfo) {
	if m != nil {
		m.messages.Add(float64(s.docs))
		m.text.Add(float64(s.text))
	}
}

func (m *Metrics) wrote(n int) {
	if m != nil {
		m.written.Add(float64(n))
	}
}

func (m *Metrics) merged() {
	if m != nil {
		m.merges.Inc()
	}
}

func (m *Metrics) broke() {
	if m != nil {
		m.damaged.Inc()
	}
}

func (m *Metrics) wait(n int) {
	if m != nil {
		m.waiting.Set(float64(n))
	}
}

func (m *Metrics) query(kind string, d time.Duration) {
	if m != nil {
		m.queries.WithLabelValues(kind).Observe(d.Seconds())
	}
}

func (m *Metrics) dictionary(inMemory bool) {
	if m == nil {
		return
	}
	from := "store"
	if inMemory {
		from = "memory"
	}
	m.dictionaries.WithLabelValues(from).Inc()
}
