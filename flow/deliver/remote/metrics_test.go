package remote

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"barid/e2e/sink"
)

func TestMetrics(t *testing.T) {
	reg := prometheus.NewRegistry()
	s := newScene(t, zone, func(d *Deps) { d.Metrics = NewMetrics(reg) })
	s.sink(1, sink.Options{Rcpts: map[string]sink.Behaviour{"gone@there.test": {Reply: "550 5.1.1 no"}}})
	s.send(s.entry(letterText, "info@there.test", "gone@there.test"))
	s.send(s.entry(letterText))
	got := map[string]float64{}
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			name := f.GetName()
			for _, l := range m.GetLabel() {
				name += " " + l.GetValue()
			}
			got[name] = m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
	}
	for name, want := range map[string]float64{
		"barid_remote_recipients_total relayed": 2, "barid_remote_recipients_total failed": 1,
		"barid_remote_connections_total opened": 1, "barid_remote_connections_total reused": 1,
		"barid_remote_messages_total clear": 2, "barid_remote_message_bytes_total": float64(2 * len(letterText)),
		"barid_remote_connections_open": 1, "barid_remote_stage_seconds connect": 1, "barid_remote_stage_seconds data": 2,
	} {
		if got[name] != want {
			t.Errorf("%s: %v, want %v", name, got[name], want)
		}
	}
}
