package embedded

import "github.com/prometheus/client_golang/prometheus"

// Metrics are this engine's figures. A nil *Metrics counts nothing.
type Metrics struct {
	Commits      prometheus.Counter
	CommitErrors prometheus.Counter
	RowBytes     prometheus.Counter
	BodyBytes    prometheus.Counter
	Bodies       prometheus.Counter
	BodySyncs    prometheus.Counter
	BodyGroup    prometheus.Histogram
	Fenced       prometheus.Counter
	Healed       prometheus.Counter
	Damaged      prometheus.Counter
	GCFreed      prometheus.Counter
	GCMoved      prometheus.Counter
}

// NewMetrics makes and registers the metrics.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	counter := func(name, help string) prometheus.Counter {
		c := prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
		reg.MustRegister(c)
		return c
	}
	m := &Metrics{
		Commits:      counter("barid_store_commits_total", "Transactions that became durable."),
		CommitErrors: counter("barid_store_commit_errors_total", "Transactions that failed in the storage."),
		RowBytes:     counter("barid_store_row_bytes_total", "Bytes of rows in durable transactions."),
		BodyBytes:    counter("barid_store_body_bytes_total", "Bytes of bodies stored."),
		Bodies:       counter("barid_store_bodies_total", "Bodies stored."),
		BodySyncs:    counter("barid_store_body_syncs_total", "Syncs of segment files."),
		Fenced:       counter("barid_store_fences_total", "Times a failed write stopped an instance of the row store."),
		Healed:       counter("barid_store_heals_total", "Times writing was taken up again after a failure."),
		Damaged:      counter("barid_store_damages_total", "Reads that found damaged data."),
		GCFreed:      counter("barid_store_gc_freed_bytes_total", "Bytes of segments deleted."),
		GCMoved:      counter("barid_store_gc_moved_bytes_total", "Bytes of live bodies moved."),
	}
	m.BodyGroup = prometheus.NewHistogram(prometheus.HistogramOpts{
		Name:    "barid_store_body_group_records",
		Help:    "Records that shared one sync.",
		Buckets: prometheus.ExponentialBuckets(1, 2, 10),
	})
	reg.MustRegister(m.BodyGroup)
	return m
}

func (m *Metrics) commit(bytes int, err error) {
	switch {
	case m == nil:
	case err != nil:
		m.CommitErrors.Inc()
	default:
		m.Commits.Inc()
		m.RowBytes.Add(float64(bytes))
	}
}

func (m *Metrics) body(bytes int64) {
	if m != nil {
		m.Bodies.Inc()
		m.BodyBytes.Add(float64(bytes))
	}
}

func (m *Metrics) bodySync(group int) {
	if m != nil {
		m.BodySyncs.Inc()
		m.BodyGroup.Observe(float64(group))
	}
}

func (m *Metrics) fenced() {
	if m != nil {
		m.Fenced.Inc()
	}
}

func (m *Metrics) healed() {
	if m != nil {
		m.Healed.Inc()
	}
}

func (m *Metrics) damage() {
	if m != nil {
		m.Damaged.Inc()
	}
}

func (m *Metrics) freed(bytes int64) {
	if m != nil {
		m.GCFreed.Add(float64(bytes))
	}
}

func (m *Metrics) moved(bytes int64) {
	if m != nil {
		m.GCMoved.Add(float64(bytes))
	}
}
