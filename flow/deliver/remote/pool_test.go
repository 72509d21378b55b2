package remote

import (
	"context"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"barid/e2e/sink"
	"barid/flow/queue"
)

func TestAConnectionIsUsedAgain(t *testing.T) {
	s := newScene(t, zone+`
	$ORIGIN other.test.
	@ MX 5 mx1.there.test.
	`, func(d *Deps) { d.Settings.MaxMessages = 5 })
	k := s.sink(1, sink.Options{})
	for range 3 {
		s.expect(s.entry(letterText), relayed)
		s.expect(s.entry(letterText, "info@other.test"), relayed) // two domains, one server
	}
	if k.Conns() != 2 || k.Count() != 6 {
		t.Errorf("%d messages over %d connections", k.Count(), k.Conns())
	}
	if open, idle := s.d.Connections(); open != 1 || idle != 1 {
		t.Errorf("%d open, %d idle", open, idle)
	}
	s.d.Close()
	if open, idle := s.d.Connections(); open != 0 || idle != 0 {
		t.Errorf("%d open, %d idle after Close", open, idle)
	}
	k.AwaitStage(sink.Quit, 2)
	s.expect(s.entry(letterText), relayed) // works still, but keeps nothing
	if open, _ := s.d.Connections(); open != 0 {
		t.Errorf("%d open", open)
	}
}

func TestADeadIdleConnectionIsNoTrouble(t *testing.T) {
	for _, c := range []struct {
		name string
		kill func(*sink.Sink)
	}{
		{"the server closed it", func(k *sink.Sink) { k.Drop(); awaitIdleClosed(k) }},
		{"the server closes it when it is used", func(k *sink.Sink) { k.Set(sink.Mail, sink.Behaviour{Close: true, Times: 1}) }},
		{"the server resets it when it is used", func(k *sink.Sink) { k.Set(sink.Mail, sink.Behaviour{Reset: true, Times: 1}) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newScene(t, zone, nil)
			k := s.sink(1, sink.Options{})
			s.expect(s.entry(letterText), relayed)
			c.kill(k)
			s.expect(s.entry(letterText), relayed)
			if k.Count() != 2 || k.Conns() != 2 {
				t.Errorf("%d messages over %d connections", k.Count(), k.Conns())
			}
			if open, idle := s.d.Connections(); open != 1 || idle != 1 {
				t.Errorf("%d open, %d idle", open, idle)
			}
		})
	}
}

// awaitIdleClosed returns when the sink's sessions have ended.
func awaitIdleClosed(k *sink.Sink) {
	for now, _ := k.Active(); now > 0; now, _ = k.Active() {
		time.Sleep(time.Millisecond)
	}
}

func TestAServerThatSaidGoodbyeIsNotAsked(t *testing.T) {
	s := newScene(t, zone, nil)
	k := s.sink(1, sink.Options{Behave: map[sink.Stage]sink.Behaviour{sink.End: {Reply: "250 2.6.0 ok", Inject: "421 4.3.2 idle for too long\r\n", Times: 1}}})
	s.expect(s.entry(letterText), relayed)
	s.expect(s.entry(letterText), relayed)
	if k.Conns() != 2 {
		t.Errorf("%d connections", k.Conns())
	}
}

func TestIdleConnectionsEnd(t *testing.T) {
	s := newScene(t, zone, func(d *Deps) { d.Settings.IdleTime = 20 * time.Millisecond })
	k := s.sink(1, sink.Options{})
	s.expect(s.entry(letterText), relayed)
	k.AwaitStage(sink.Quit, 1)
	s.expect(s.entry(letterText), relayed)
	if k.Conns() != 2 {
		t.Errorf("%d connections", k.Conns())
	}
}

func TestConnectionsToAHostAreLimited(t *testing.T) {
	s := newScene(t, zone, func(d *Deps) { d.Settings.MinPerHost, d.Settings.MaxPerHost = 2, 3 })
	k := s.sink(1, sink.Options{Behave: map[sink.Stage]sink.Behaviour{sink.Mail: {Delay: 5 * time.Millisecond}}})
	var all sync.WaitGroup
	for range 24 {
		e := s.entry(letterText)
		all.Go(func() {
			if out := s.d.Deliver(t.Context(), e); out[0].Kind != queue.Relayed {
				t.Errorf("%+v", out[0])
			}
		})
	}
	all.Wait()
	if _, most := k.Active(); most < 2 || most > 3 || k.Count() != 24 {
		t.Errorf("%d connections at once, %d messages", most, k.Count())
	}
}

func TestWhoWaitsForAConnectionEndsWithHisContext(t *testing.T) {
	s := newScene(t, zone, func(d *Deps) { d.Settings.MaxPerHost = 1 })
	k := s.sink(1, sink.Options{Behave: map[sink.Stage]sink.Behaviour{sink.Mail: {Hang: true, Times: 1}}})
	ctx, cancel := context.WithCancel(t.Context())
	first := make(chan []queue.Outcome)
	go func() { first <- s.d.Deliver(ctx, s.entry(letterText)) }()
	k.AwaitStage(sink.Mail, 1)
	short, done := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer done()
	if out := s.d.Deliver(short, s.entry(letterText)); out[0].Kind != queue.Deferred {
		t.Errorf("%+v", out[0])
	}
	cancel()
	<-first
	s.expect(s.entry(letterText), relayed) // and nothing is lost of the one there may be
}

// poolOf is a pool without a network.
func poolOf(set Settings) (*pool, key) {
	set = set.withDefaults()
	return newPool(&set, nil), key{host: "mx.test"}
}

func anySession(*session) bool { return true }

func TestTheNumberOfConnectionsAdapts(t *testing.T) {
	p, k := poolOf(Settings{HeloName: "x", MinPerHost: 4, MaxPerHost: 8})
	limit := func(want float64) {
		t.Helper()
		if got := p.lines[k].limit; got < want-0.01 || got > want+0.01 {
			t.Errorf("limit %v, want %v", got, want)
		}
	}
	p.line(k)
	limit(4)
	for range 4 {
		p.adapt(k, true)
	}
	limit(4.925) // about one more after a round of four
	for range 1000 {
		p.adapt(k, true)
	}
	limit(8)
	p.adapt(k, false)
	limit(4)
	for range 10 {
		p.adapt(k, false)
	}
	limit(1) // never none
	if s, err := p.get(t.Context(), k, anySession); s != nil || err != nil {
		t.Error(s, err)
	}
	got := make(chan error)
	go func() {
		_, err := p.get(t.Context(), k, anySession)
		got <- err
	}()
	awaitWaiters(p, k, 1)
	p.gone(k)
	if err := <-got; err != nil {
		t.Error(err)
	}
}

func awaitWaiters(p *pool, k key, n int) {
	for {
		p.mu.Lock()
		have := len(p.lines[k].waiters)
		p.mu.Unlock()
		if have == n {
			return
		}
		time.Sleep(time.Millisecond)
	}
}

func TestAPoolForgetsHosts(t *testing.T) {
	p, _ := poolOf(Settings{HeloName: "x"})
	for i := range 3 * maxLines {
		k := key{host: itoa(i)}
		if _, err := p.get(t.Context(), k, anySession); err != nil {
			t.Fatal(err)
		}
		p.gone(k)
	}
	if len(p.lines) > maxLines {
		t.Errorf("%d hosts", len(p.lines))
	}
}

func TestBusyServersGetFewerConnections(t *testing.T) {
	s := newScene(t, zone, func(d *Deps) { d.Settings.MinPerHost, d.Settings.MaxPerHost = 8, 8 })
	s.sink(1, sink.Options{Behave: map[sink.Stage]sink.Behaviour{sink.Mail: {Reply: "421 4.7.28 slow down", Leave: true, Times: 2}}})
	for range 2 {
		s.expect(s.entry(letterText), "deferred 4.7.28 mail")
	}
	for k, l := range s.d.pool.lines {
		if l.limit != 2 {
			t.Errorf("%s: %v", k.host, l.limit)
		}
	}
}

// Servers that take so many messages over one connection say it in many ways; none is a reason to wait.
func TestAServerThatTakesFewMessagesOverAConnection(t *testing.T) {
	for _, do := range []sink.Behaviour{
		{Reply: "421 4.7.0 too many messages in this connection", Leave: true},
		{Reply: "421 closing"},
		{Reply: "451 4.7.1 too many messages in this session"},
		{Reply: "452 4.5.3 enough"},
		{Close: true},
	} {
		for _, without := range []string{"", "PIPELINING"} {
			do.Skip, do.Times = 2, 1
			s := newScene(t, zone, nil)
			k := s.sink(1, sink.Options{Without: []string{without}, Behave: map[sink.Stage]sink.Behaviour{sink.Mail: do}})
			for range 4 {
				s.expect(s.entry(letterText), relayed)
			}
			if k.Conns() != 2 || k.Count() != 4 {
				t.Errorf("%q, %q: %d messages over %d connections", do.Reply, without, k.Count(), k.Conns())
			}
			for _, l := range s.d.pool.lines {
				if l.limit < float64(s.d.set.MinPerHost) {
					t.Errorf("%q: fewer connections: %v", do.Reply, l.limit)
				}
			}
		}
	}
}

// A server that takes nothing is not asked over a new connection for every message.
func TestAServerThatRefusesEveryMail(t *testing.T) {
	s := newScene(t, zone, nil)
	k := s.sink(1, sink.Options{Behave: map[sink.Stage]sink.Behaviour{sink.Mail: {Reply: "451 4.7.1 not today"}}})
	for range 3 {
		s.expect(s.entry(letterText), "deferred 4.7.1 mail")
	}
	if k.Conns() != 1 {
		t.Errorf("%d connections", k.Conns())
	}
}

// A server that takes few connections at a time says so to the one too many: who has that waits for the others.
func TestOneConnectionTooManyWaitsForTheOthers(t *testing.T) {
	s := newScene(t, zone, nil)
	k := s.sink(1, sink.Options{Behave: map[sink.Stage]sink.Behaviour{
		sink.Greeting: {Reply: "421 4.7.0 too many connections from you", Leave: true, Skip: 1},
		sink.Mail:     {Delay: 50 * time.Millisecond, Times: 1},
	}})
	var all sync.WaitGroup
	all.Go(func() { s.expect(s.entry(letterText), relayed) })
	k.AwaitStage(sink.Mail, 1)
	for range 3 {
		all.Go(func() { s.expect(s.entry(letterText), relayed) })
	}
	all.Wait()
	if k.Count() != 4 || s.d.pool.lines[key{host: "mx1.there.test", port: s.port, mode: direct, from: s.d.originOf("here.test")}].limit != 1 {
		t.Errorf("%d messages over %d connections", k.Count(), k.Conns())
	}
	s.d.pool.mu.Lock()
	for _, l := range s.d.pool.lines { // the connection goes away: then it is told
		p := l.idle[0]
		l.idle = nil
		s.d.pool.idle--
		s.d.pool.end(l, p)
	}
	s.d.pool.mu.Unlock()
	s.expect(s.entry(letterText), "deferred 4.7.0 greeting")
}

// A source that the machine does not have is no fault of the other side, and no reason to leave it alone.
func TestASourceThatIsNotHere(t *testing.T) {
	s := newScene(t, zone, func(d *Deps) {
		d.Settings.Sources = []Source{{Addr: netip.MustParseAddr("203.0.113.9"), Domains: []string{"shop.test"}}}
	})
	s.sink(1, sink.Options{})
	e := s.entry(letterText)
	e.From = path(t, "<sender@shop.test>")
	out := s.expect(e, "deferred 4.3.5 local")
	if !strings.Contains(out[0].Answer.Text, "203.0.113.9") || len(s.d.Health()) > 0 {
		t.Errorf("%+v, %+v", out[0].Answer, s.d.Health())
	}
	s.expect(s.entry(letterText), relayed)
}

func TestMailLeavesFromItsSource(t *testing.T) {
	addr := netip.MustParseAddr
	s := newScene(t, ways, func(d *Deps) {
		d.Settings.Sources = []Source{
			{Addr: addr("127.0.0.50"), Helo: "fifty.test"},
			{Addr: addr("127.0.0.51"), Helo: "fiftyone.test"},
			{Addr: addr("127.0.0.60"), Helo: "sixty.test", Domains: []string{"Shop.test"}},
		}
	})
	k := s.sink(1, sink.Options{})
	s.expect(s.entry(letterText, "info@plain.test"), relayed)
	e := s.entry(letterText, "info@plain.test")
	e.From = path(t, "<sender@shop.test>")
	s.expect(e, relayed)
	if ms := k.Messages(); ms[0].Helo != "fifty.test" || ms[1].Helo != "sixty.test" || ms[0].Peer != "127.0.0.50" || ms[1].Peer != "127.0.0.60" {
		t.Errorf("%+v", ms)
	}
	if k.Conns() != 2 {
		t.Error("a connection from another address was used")
	}
	s.expect(s.entry(letterText, "info@six.test"), "deferred 4.4.4 connect") // there is no IPv6 source
	s.expect(s.entry(letterText, "info@dual.test"), relayed)                 // by IPv4
}
