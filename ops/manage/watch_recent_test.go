package manage_test

import (
	"strings"
	"testing"
	"time"

	"barid/flow/deliver/remote"
	"barid/mail/event"
	"barid/ops/manage"
)

// TestStatusTellsHowThingsGo: troubles of every sort, the stages' times, certificates, disk, other servers.
func TestStatusTellsHowThingsGo(t *testing.T) {
	m := seeded(t)
	m.Around = manage.Around{
		Certificates: func() []manage.CertificateState {
			return []manage.CertificateState{{File: "a.pem", Trouble: "no such file"}}
		},
		Disk:   func() (manage.DiskState, error) { return manage.DiskState{Free: 10, Total: 100, Reserve: 5}, nil },
		CutOff: func() bool { return true },
		Hosts: func() (hs []remote.HostHealth) {
			for i := range 12 {
				hs = append(hs, remote.HostHealth{Host: strings.Repeat("x", i+1), Fails: i})
			}
			return hs
		},
	}
	for i := range 100 {
		m.Events.Record(taken(event.Delivered, func(e *event.Event) {
			e.Time, e.Timing.Receive = at(float64(i)), time.Duration(i+1)*time.Millisecond
		}))
	}
	for i, k := range []event.Kind{event.Refused, event.Deferred, event.Delayed, event.Bounced, event.Expired, event.Relayed} {
		m.Events.Record(hop(float64(200+i), k, func(e *event.Event) { e.Hop.DNS, e.Hop.Text = time.Second, "words" }))
	}
	m.Events.Record(report(300, func(e *event.Event) { e.Kind = event.Bounced }))
	st, f := call[manage.Status](t, m, "status", nil)
	if f != nil {
		t.Fatal(f)
	}
	var kinds []string
	for _, e := range st.Troubles {
		kinds = append(kinds, e.Kind)
	}
	if got := strings.Join(kinds, " "); got != "expired bounced delayed deferred refused" || st.Troubles[0].Answer != "words" || st.Troubles[0].Host == "" {
		t.Errorf("troubles %s, %+v", got, st.Troubles)
	}
	want := []manage.StageTime{{"receive", 100, 0.05, 0.095}, {"dns", 6, 1, 1}}
	if len(st.Stages) != 2 || st.Stages[0] != want[0] || st.Stages[1] != want[1] {
		t.Errorf("stages %+v", st.Stages)
	}
	if st.HostsDown != 12 || len(st.Hosts) != 10 || st.Hosts[0].Fails != 11 || !st.CutOff || st.Disk.Free != 10 || st.Certificates[0].Trouble == "" {
		t.Errorf("%+v", st)
	}
}
