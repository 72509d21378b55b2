package crash

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"barid/e2e/hostile/wire"
	"barid/e2e/server"
	"barid/e2e/sink"
	"barid/e2e/world"
)

// relayDrain is how long the server may take, after the last kill, to bring everything away.
const relayDrain = time.Minute

// elsewhere are recipients of other domains.
const elsewhere = "elsewhere"

// TestHundredKillsWhileRelayingLoseNothing kills the server a hundred times while logins submit mail for three other
// domains and it carries that on. All that was acknowledged arrives; a copy can only be of a message whose last answer
// was on its way when the server was killed (RFC 5321 §6.1), so there are fewer copies than kills.
func TestHundredKillsWhileRelayingLoseNothing(t *testing.T) {
	long(t)
	seed := seed(t)
	out := sink.Start(t, sink.Options{Name: "mx.example.net"})
	w := world.Start(t, relayZone("one.example"), relayZone("two.example"), relayZone("three.example"))
	s := server.Start(t, server.Options{Resolver: w.Addr(), Settings: fmt.Sprintf(
		"[log]\nlevel = \"warn\"\n[outbound]\nport = %d\nallow_private = true\nfirst_retry = \"1s\"\nmax_retry = \"2s\"\n", out.Port())})
	l := newLoad(t, s, seed)
	for i := range relaySenders {
		l.run(fmt.Sprintf("out%d", i), i+1, submitElsewhere)
	}
	chance := &client{load: l, rng: newRand(seed, 0)}
	l.gate.open()
	begin, kills := time.Now(), howManyKills()
	for range kills {
		chance.pause(relayUptime)
		s.Kill()
		l.gate.shut()
		s.Boot()
		l.gate.open()
		if wrong := l.ledger.complaints(); len(wrong) > 0 {
			t.Fatalf("%d complaints: %q", len(wrong), wrong[:min(len(wrong), maxShown)])
		}
	}
	l.stop()
	killed := time.Since(begin)
	begin = time.Now()
	f := l.ledger.audit(arrived(t, out))
	for len(f.lost) > 0 && time.Since(begin) < relayDrain {
		time.Sleep(100 * time.Millisecond)
		f = l.ledger.audit(arrived(t, out))
	}
	t.Logf("%d kills in %v; everything away %v after the last one", kills, killed.Round(time.Second), time.Since(begin).Round(time.Millisecond))
	t.Logf("%d copies: %.2f for each kill; %d arrived though the answer did not", len(f.twice), float64(len(f.twice))/float64(kills), f.kept)
	if len(f.twice) >= kills {
		t.Errorf("%d copies for %d kills, fewer than one for each are allowed: %q", len(f.twice), kills, f.twice[:maxShown])
	}
	if f.promises < kills {
		t.Errorf("%d promises in %d kills: nothing was tested", f.promises, kills)
	}
	f.twice = nil
	f.report(t)
	left := strings.TrimSpace(s.Must("queue", "list", "--all", "--limit", "0", "--json"))
	if left != "" && len(f.lost) == 0 {
		t.Errorf("everything has arrived, but the queue has\n%s", left)
	}
}

// The load is light enough for a slow machine: how many answers are on their way at a kill goes by what waits.
const (
	relayUptime  = 500 // the longest time between a start and the next kill, in milliseconds
	relaySenders = 3
	relayPause   = 60 // the longest time between two messages of one of them, in milliseconds
)

func relayZone(domain string) string {
	return "$ORIGIN " + domain + ".\n$TTL 60\n@ MX 10 mx\nmx A 127.0.0.1\n"
}

// arrived gives the ids that the sink took, by recipient; a torn message ends the test.
func arrived(t *testing.T, out *sink.Sink) map[place][]string {
	t.Helper()
	found := map[place][]string{}
	for _, m := range out.Messages() {
		id, err := identify([]byte(m.Body))
		if err != nil {
			t.Fatalf("%s arrived torn: %v", id, err)
		}
		for _, r := range m.Rcpts {
			to := place{r.To, elsewhere}
			found[to] = append(found[to], id)
		}
	}
	return found
}

// submitElsewhere sends mail for one to three recipients in up to three domains.
func submitElsewhere(c *client) error {
	conn, err := wire.Submission(c.s.Addr["submission"], c.from, info, server.Password, false)
	if err != nil {
		return err
	}
	defer c.closeOnStop(conn)()
	for range sessionMessages {
		it := c.pickElsewhere()
		if err := conn.Put(it.envelope(info)); err != nil {
			return err
		}
		if err := it.agreed(conn, 354); err != nil {
			return err
		}
		if err := conn.Put(wire.Stuff(it.text) + ".\r\n"); err != nil {
			return err
		}
		if err := c.settled(conn, it); err != nil {
			return err
		}
		if !c.pause(relayPause) {
			return nil
		}
	}
	return nil
}

func (c *client) pickElsewhere() item {
	all := []string{"a@one.example", "b@one.example", "c@two.example", "d@three.example"}
	c.rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	it := item{id: c.nextID(), to: slices.Clone(all[:1+c.rng.IntN(3)])}
	it.text = compose(c.rng, it.id, info, it.to[0])
	places := make([]place, len(it.to))
	for i, a := range it.to {
		places[i] = place{a, elsewhere}
	}
	c.ledger.begin(it.id, places...)
	return it
}
