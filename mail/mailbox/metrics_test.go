package mailbox

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

func TestMetrics(t *testing.T) {
	reg := prometheus.NewRegistry()
	w := newWorld(t, Options{Metrics: NewMetrics(reg), SnapRecords: 3, HotBytes: 1})
	w.deliver(text("", "", "", "x"), Destination{Account: 1}, Destination{Account: 2})
	w.fill(40, "INBOX")
	m := w.open(1, "INBOX")
	_, _, err := m.Store(ctx, SetOf(1, 2, 3), StoreOp{Mode: Add, Flags: Deleted})
	must(t, err)
	_, _, err = m.Expunge(ctx, nil)
	must(t, err)
	got := map[string]float64{}
	families, err := reg.Gather()
	must(t, err)
	for _, f := range families {
		for _, s := range f.GetMetric() {
			name := f.GetName()
			for _, l := range s.GetLabel() {
				name += " " + l.GetValue()
			}
			got[name] = s.GetCounter().GetValue()
		}
	}
	for name, want := range map[string]float64{
		"barid_mailbox_messages_total delivery": 2, "barid_mailbox_messages_total append": 40,
		"barid_mailbox_expunged_total": 3, "barid_mailbox_reaped_total": 3,
	} {
		if got[name] != want {
			t.Errorf("%s is %v, want %v", name, got[name], want)
		}
	}
	if got["barid_mailbox_loads_total"] == 0 || got["barid_mailbox_snapshots_total"] == 0 {
		t.Errorf("%v", got)
	}
}
