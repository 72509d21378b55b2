package exchange

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"barid/e2e/island"
	"barid/e2e/peer"
	"barid/e2e/world"
)

func TestMain(m *testing.M) { os.Exit(island.Main(m)) }

const (
	sendPace  = 300 * time.Millisecond // longest wait of a sender between two messages
	drainWait = 3 * time.Minute        // until everything is settled
	pushEvery = 2 * time.Second
	maxShown  = 10 // findings of a kind
)

// friends is an alias whose members are at two other servers.
const friends = "friends"

// TestFiveServersLoseNothing is the whole of it, for one seed or, with BARID_SEEDS=10000, for several.
func TestFiveServersLoseNothing(t *testing.T) {
	island.Need(t)
	for _, seed := range seeds(t) {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			t.Logf("BARID_SEED=%d", seed)
			exchange(t, seed)
		})
	}
}

// seeds are BARID_SEED, or new ones: one for each 2,000 of BARID_SEEDS.
func seeds(t *testing.T) []uint64 {
	if v := os.Getenv("BARID_SEED"); v != "" {
		n, err := strconv.ParseUint(v, 10, 64)
		if err != nil {
			t.Fatalf("BARID_SEED=%q: %v", v, err)
		}
		return []uint64{n}
	}
	count := 1
	if n, err := strconv.Atoi(os.Getenv("BARID_SEEDS")); err == nil {
		count = max(1, min(n/2000, 20))
	}
	out := make([]uint64, count)
	for i := range out {
		out[i] = rand.Uint64()
	}
	return out
}

func exchange(t *testing.T, seed uint64) {
	members, w := start(t)
	l := newLedger()
	ctx, cancel := context.WithCancel(context.Background())
	tr := &traffic{members: members, ledger: l, ctx: ctx}
	t.Cleanup(func() { cancel(); tr.wg.Wait() })
	begin := time.Now()
	tr.send(seed, sendPace)
	done := make(chan struct{})
	go func() { tr.wg.Wait(); close(done) }()
	c := newChaos(t, members, w, seed)
	c.run(done)
	sent := time.Since(begin)
	begin = time.Now()
	f := drain(t, members, l)
	t.Logf("sent for %v, settled after %v more; outages: %v", sent.Round(time.Second), time.Since(begin).Round(time.Second), c.count)
	t.Logf("%d messages were acknowledged for %d recipients: %d arrived, %d came back as reports, %d failed behind an alias, as the trace says; %d arrived without an acknowledgement; %d copies",
		l.acked, f.promises, f.delivered, f.reported, f.dropped, f.kept, len(f.copies))
	judge(t, members, f, c.count[killsOfBarid]+c.count[stopsOfPeers])
}

// start starts the five and the world.
func start(t *testing.T) ([]*member, *world.World) {
	w, err := world.Run(island.Resolver)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Stop)
	members := []*member{
		startBarid(t, "barid1", "one.example", 1, map[string][]string{friends: {"demo@exim.example", "demo@postfix.example"}}),
		startBarid(t, "barid2", "برید.example", 2, map[string][]string{friends: {"info@opensmtpd.example", "info@one.example"}}),
		startSite(t, peer.PostfixSite, "postfix", 3),
		startSite(t, peer.EximSite, "exim", 4),
		startSite(t, peer.OpenSMTPDSite, "opensmtpd", 5),
	}
	for _, m := range members {
		if err := w.Load(m.zone()); err != nil {
			t.Fatal(err)
		}
	}
	return members, w
}

// drain waits until everything is settled, and gives what is there then.
func drain(t *testing.T, members []*member, l *ledger) finding {
	end, pushed := time.Now().Add(drainWait), time.Now()
	for {
		waiting := 0
		for _, m := range members {
			waiting += m.queued()
		}
		if over := time.Now().After(end); waiting == 0 || over {
			f := l.audit(collect(t, members, l))
			f.explain()
			if over || len(f.lost) == 0 {
				if over && waiting > 0 {
					t.Errorf("after %v, %d messages are still in queues", drainWait, waiting)
				}
				return f
			}
		}
		if time.Since(pushed) > pushEvery {
			pushed = time.Now()
			for _, m := range members {
				m.push()
			}
		}
		time.Sleep(200 * time.Millisecond)
	}
}

// toStranger is why a Barid tells nobody: mail that came without a login, was sent on for an alias and failed there.
// The sender may be forged, and a report to him backscatter; the operator finds it in the trace.
const toStranger = "report-to-stranger"

// explain takes losses out that are known to the operator of the Barid that sent the message on.
func (f *finding) explain() {
	var left []loss
	for _, x := range f.lost {
		if x.r.alias != nil && x.p.by != x.r.alias && strings.Contains(x.r.alias.last(x.p.id), toStranger) {
			f.dropped++
		} else {
			left = append(left, x)
		}
	}
	f.lost = left
}

// collect reads all mailboxes.
func collect(t *testing.T, members []*member, l *ledger) *found {
	f := newFound()
	for _, m := range members {
		for _, box := range m.boxes() {
			for _, raw := range m.mail(t, box) {
				f.add(l, m, m.box(box), raw)
			}
		}
	}
	return f
}

// add sorts a letter in.
func (f *found) add(l *ledger, of *member, at, raw string) {
	m, isReport, ok := read(at, strings.ReplaceAll(raw, "\r\n", "\n"))
	switch {
	case !ok:
		f.strange = append(f.strange, fmt.Sprintf("something strange is in %s:\n%.2000s", at, raw))
	case isReport:
		f.reports[m.id] = append(f.reports[m.id], m)
	default:
		if f.copies[m.id] == nil {
			f.copies[m.id] = map[string]int{}
		}
		f.copies[m.id][at]++
		if p := l.sent[m.id]; p != nil {
			if d := differ(p, m.body, of); d != "" {
				f.strange = append(f.strange, fmt.Sprintf("%s (%s) was changed on its way to %s: %s", m.id, p.corpus, at, d))
			}
		}
	}
}

// judge fails the test for everything that is not as it should be.
func judge(t *testing.T, members []*member, f finding, kills int) {
	for _, w := range f.wrong[:min(len(f.wrong), maxShown)] {
		t.Error(w)
	}
	if more := len(f.wrong) - maxShown; more > 0 {
		t.Errorf("and %d more are wrong", more)
	}
	for _, x := range f.lost[:min(len(f.lost), maxShown)] {
		t.Errorf("lost: %s", x)
		for _, m := range members {
			if where := m.last(x.p.id); where != "" {
				t.Logf("%s knows of it:\n%s", m.name, where)
			}
		}
	}
	if len(f.copies) > 0 {
		slices.Sort(f.copies)
		t.Logf("copies: %q", f.copies)
	}
	if len(f.copies) >= max(kills, 1) {
		t.Errorf("%d copies of %d kills and stops: fewer than one for each are allowed", len(f.copies), kills)
	}
	if f.delivered == 0 || f.reported == 0 {
		t.Errorf("%d arrived and %d were reported: nothing was tested", f.delivered, f.reported)
	}
	if t.Failed() {
		for _, m := range members {
			t.Logf("log of %s:\n%s", m.name, tail(m.log()))
		}
	}
}

// tail keeps a log readable.
func tail(s string) string {
	const most = 6000
	if len(s) > most {
		return "..." + s[len(s)-most:]
	}
	return s
}
