package queue

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"barid/mail/spool"
)

// metrics gives all series as "name{labels}" → value.
func metrics(t *testing.T, reg *prometheus.Registry) map[string]float64 {
	t.Helper()
	fams, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]float64{}
	for _, f := range fams {
		for _, m := range f.Metric {
			var labels []string
			for _, l := range m.Label {
				labels = append(labels, l.GetName()+"="+l.GetValue())
			}
			v := m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
			out[f.GetName()+"{"+strings.Join(labels, ",")+"}"] = v
		}
	}
	return out
}

func TestMetrics(t *testing.T) {
	inBubble(t, Settings{}, func(b *bed) {
		reg := prometheus.NewRegistry()
		b.f.answer = func(e *spool.Entry, _ *spool.Rcpt, _ int) Outcome {
			switch {
			case e.Destination == "d0.example":
				return deferred("busy")
			case e.Destination == "d1.example":
				return refused()
			}
			return Outcome{Kind: Relayed, Timing: Timing{DNS: time.Second, Data: 2 * time.Second}}
		}
		b.q = New(Deps{KV: b.db, Deliver: b.f, Report: b.r, Metrics: NewMetrics(reg, 3)})
		if err := b.q.Start(b.t.Context()); err != nil {
			t.Fatal(err)
		}
		for i := range 10 {
			b.submit(fmt.Sprintf("d%d.example", i), nil)
			sleep(0)
		}
		sleep(31 * time.Second)
		got := metrics(t, reg)
		destinations := 0
		for k := range got {
			if strings.HasPrefix(k, "barid_queue_destination_recipients") {
				destinations++
			}
		}
		if destinations != 4 {
			t.Errorf("%d series of destinations, want 3 and \"other\"", destinations)
		}
		for k, want := range map[string]float64{
			"barid_queue_recipients_total{class=normal,outcome=relayed}":                        8,
			"barid_queue_recipients_total{class=normal,outcome=failed}":                         1,
			"barid_queue_destination_recipients_total{destination=other,outcome=relayed}":       7,
			"barid_queue_destination_recipients_total{destination=d0.example,outcome=deferred}": 1,
			"barid_queue_destination_attempts_total{destination=other,outcome=relayed}":         7,
			"barid_queue_destination_attempts_total{destination=d1.example,outcome=failed}":     1,
			"barid_queue_destination_stage_seconds_total{destination=other,stage=data}":         14,
			"barid_queue_destination_stage_seconds_total{destination=d2.example,stage=dns}":     1,
			"barid_queue_reports_total{kind=failed}":                                            1,
			"barid_queue_entries{}":                                                             1,
			"barid_queue_messages_bytes{}":                                                      4096,
			"barid_queue_memory_entries{}":                                                      1,
			"barid_queue_attempts_running{}":                                                    0,
			"barid_queue_lines{state=open}":                                                     10,
		} {
			if v, ok := got[k]; !ok || v != want {
				t.Errorf("%s is %v, want %v", k, v, want)
			}
		}
	})
}
