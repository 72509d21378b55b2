package manage

import (
	"context"
	"slices"
	"time"

	"barid/mail/event"
)

// Limits of what a status reads of the record of events.
const (
	recentTroubles = 5    // that it shows
	recentEvents   = 2000 // newest ones that it looks through
)

// StageTime is how long a stage of a message's way took lately.
type StageTime struct {
	Stage string  `json:"stage"` // "receive", "check", "store", "deliver"; of attempts "dns", "connect", "tls", "dialogue", "data"
	Count int     `json:"count"` // messages or attempts that were looked at
	P50   float64 `json:"p50_seconds"`
	P95   float64 `json:"p95_seconds"`
}

// recent is what the newest events tell.
type recent struct {
	troubles []EventInfo
	stages   [9][]time.Duration
}

var stageNames = [9]string{"receive", "check", "store", "deliver", "dns", "connect", "tls", "dialogue", "data"}

// recently reads the newest events once.
func (m *Manager) recently(ctx context.Context) (recent, error) {
	var r recent
	err := m.Events.Recent(ctx, recentEvents, func(e *event.Event) { r.add(e) })
	return r, err
}

func (r *recent) add(e *event.Event) {
	if isTrouble(e.Kind) && e.Stage != "report" && len(r.troubles) < recentTroubles {
		r.troubles = append(r.troubles, eventInfo(*e))
	}
	t := &e.Timing
	took := [9]time.Duration{t.Receive, t.Check, t.Store, t.Deliver}
	if h := e.Hop; h != nil {
		copy(took[4:], []time.Duration{h.DNS, h.Connect, h.Handshake, h.Dialogue, h.Data})
	}
	for i, d := range took {
		if d > 0 {
			r.stages[i] = append(r.stages[i], d)
		}
	}
}

func isTrouble(k event.Kind) bool {
	switch k {
	case event.Refused, event.Deferred, event.Delayed, event.Bounced, event.Expired:
		return true
	}
	return false
}

// stageTimes gives the middle and the slow end of each stage that happened.
func (r *recent) stageTimes() (out []StageTime) {
	for i, all := range r.stages {
		if len(all) == 0 {
			continue
		}
		slices.Sort(all)
		out = append(out, StageTime{Stage: stageNames[i], Count: len(all), P50: share(all, 50).Seconds(), P95: share(all, 95).Seconds()})
	}
	return out
}

// share gives the value that so many per cent of the sorted values do not exceed.
func share(sorted []time.Duration, percent int) time.Duration {
	return sorted[max(0, (len(sorted)*percent+99)/100-1)]
}

// around adds what the process knows beyond its stores.
func (st *Status) around(a *Around) {
	if a.Certificates != nil {
		st.Certificates = a.Certificates()
	}
	if a.Disk != nil {
		if d, err := a.Disk(); err == nil { // a file system that can not tell is not shown
			st.Disk = &d
		}
	}
	if a.Hosts != nil {
		for _, h := range a.Hosts() {
			st.Hosts = append(st.Hosts, HostState{Host: h.Host, Fails: h.Fails, Since: h.Since.UTC(), Until: h.Until.UTC(), Why: h.Why})
		}
	}
	st.CutOff = a.CutOff != nil && a.CutOff()
	slices.SortFunc(st.Hosts, func(a, b HostState) int { return b.Fails - a.Fails })
	st.HostsDown = len(st.Hosts)
	st.Hosts = st.Hosts[:min(len(st.Hosts), maxHostsShown)]
}

// maxHostsShown is how many other servers in trouble a status names.
const maxHostsShown = 10
