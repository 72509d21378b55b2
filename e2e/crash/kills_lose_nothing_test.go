package crash

import (
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"barid/e2e/server"
)

// kills is how often the process is killed.
const kills = 100

// howManyKills is kills, or more with BARID_SEEDS.
func howManyKills() int {
	n := kills
	if v, err := strconv.Atoi(os.Getenv("BARID_SEEDS")); err == nil {
		n = max(n, min(v/10, 1000))
	}
	return n
}

// TestHundredKillsLoseNothing kills the server under load from seven senders, two watchers and one client that
// changes flags and moves mail, each time at a random moment, and starts it again on the same folder. What
// was acknowledged must be there once, whole, and under the UID that was told.
func TestHundredKillsLoseNothing(t *testing.T) {
	long(t)
	left := howManyKills()
	endUnderLoad(t, (*server.Server).Kill, func() bool { left--; return left >= 0 })
}

// stopWithin is how long a server may take to stop by itself: five seconds, and what a busy machine adds.
const stopWithin = 30 * time.Second

// TestStopsUnderLoadLoseNothing asks the server to stop (SIGTERM) under the same load. It ends in time, with all
// that it has acknowledged.
func TestStopsUnderLoadLoseNothing(t *testing.T) {
	long(t)
	left := 8
	stop := func(s *server.Server) {
		begin := time.Now()
		s.Stop()
		if took := time.Since(begin); took > stopWithin {
			t.Errorf("the server took %v to stop", took)
		}
	}
	endUnderLoad(t, stop, func() bool { left--; return left >= 0 })
}

// TestSoak does the same for as long as BARID_SOAK says.
func TestSoak(t *testing.T) {
	long(t)
	v := os.Getenv("BARID_SOAK")
	if v == "" {
		t.Skip("BARID_SOAK=10m would run this for ten minutes")
	}
	d, err := time.ParseDuration(v)
	if err != nil {
		t.Fatal(err)
	}
	end := time.Now().Add(d)
	endUnderLoad(t, (*server.Server).Kill, func() bool { return time.Now().Before(end) })
}

// endUnderLoad ends the process and starts it again as long as more says so, then looks at everything.
func endUnderLoad(t *testing.T, end func(*server.Server), more func() bool) {
	seed := seed(t)
	s := server.Start(t, server.Options{Settings: "[log]\nlevel = \"warn\"\n"})
	l := newLoad(t, s, seed)
	watchers := []*watcher{newWatcher(info), newWatcher(demo)}
	mutator := newMutator()
	for i, f := range []func(*client) error{mx, mx, mx, chunks, submit, lmtp, appendMail, watchers[0].watch, watchers[1].watch, mutator.play} {
		l.run([]string{"mx1", "mx2", "mx3", "bdat", "submit", "lmtp", "append", "watch1", "watch2", "play"}[i], i+1, f)
	}
	chance := &client{load: l, rng: newRand(seed, 0)}
	var ups []time.Duration
	var early map[string]int
	l.gate.open()
	for more() {
		chance.uptime()
		end(s)
		l.gate.shut()
		begin := time.Now()
		s.Boot()
		ups = append(ups, time.Since(begin))
		l.gate.open()
		if len(ups) == kills/2 {
			early = maildrop(t, s, info)
		}
		if w := l.ledger.complaints(); len(w) > 0 {
			t.Fatalf("after %d ends: %d complaints: %q", len(ups), len(w), w[:min(len(w), maxShown)])
		}
	}
	l.stop()
	s.Kill()
	s.Boot()
	slices.Sort(ups)
	t.Logf("%d ends of the process; up again after %v (median), %v (90%%), %v (longest)", len(ups), ups[len(ups)/2], ups[len(ups)*9/10], ups[len(ups)-1])
	t.Logf("commands of the client that changes things: %v", mutator.done)
	for _, w := range l.ledger.complaints() {
		t.Error(w)
	}
	lookAtEverything(t, l, watchers, mutator, early)
}
