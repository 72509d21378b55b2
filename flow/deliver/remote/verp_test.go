package remote

import (
	"context"
	"testing"

	"barid/e2e/sink"
	"barid/mail/spool"
	"barid/rfc/addr"
)

// withBounces gives every recipient a reverse-path that names him.
func withBounces(d *Deps) {
	d.Bounce = func(_ context.Context, e *spool.Entry, rcpt addr.Mailbox) (addr.Mailbox, bool) {
		return addr.Mailbox{Local: "bounces+" + e.Message.ID + "-" + rcpt.Local, Domain: e.From.Domain}, rcpt.Local != "none"
	}
}

// TestVERPNamesEveryRecipient sends to three of one server: each has a transaction and a reverse-path of his own, over
// one connection, whether commands go in groups or not.
func TestVERPNamesEveryRecipient(t *testing.T) {
	for _, without := range []string{"", "PIPELINING"} {
		s := newScene(t, zone, withBounces)
		k := s.sink(1, sink.Options{Without: []string{without}, Rcpts: map[string]sink.Behaviour{"b@there.test": {Reply: "550 5.1.1 no"}}})
		e := s.entry(letterText, "a@there.test", "b@there.test", "c@there.test", "none@there.test")
		e.VERP = true
		s.expect(e, relayed, "failed 5.1.1 rcpt", relayed, relayed)
		want := map[string]string{"a@there.test": "bounces+tx1-a@here.test", "c@there.test": "bounces+tx1-c@here.test", "none@there.test": "sender@here.test"}
		for _, m := range k.Messages() {
			if len(m.Rcpts) != 1 || want[m.Rcpts[0].To] != m.From {
				t.Errorf("%s for %+v", m.From, m.Rcpts)
			}
			delete(want, m.Rcpts[0].To)
		}
		if len(want) > 0 || k.Conns() != 1 {
			t.Errorf("missing %v; %d connections", want, k.Conns())
		}
	}
}

// TestVERPIsASCIIForServersOfOldTimes sends for فروش to a server without SMTPUTF8: the reverse-path needs none.
func TestVERPIsASCIIForServersOfOldTimes(t *testing.T) {
	s := newScene(t, zone, withBounces)
	k := s.sink(1, sink.Options{Without: []string{"SMTPUTF8"}})
	e := s.entry(letterText)
	e.From, e.UTF8, e.VERP = addr.Path{Mailbox: addr.Mailbox{Local: "فروش", Domain: "here.test"}}, true, true
	s.expect(e, relayed)
	if m := k.Messages()[0]; m.From != "bounces+tx1-info@here.test" {
		t.Errorf("%+v", m)
	}
}

// TestVERPIsAskedForAndOnlyThen sends mail of others, reports, and mail through a relay, as it always was.
func TestVERPIsAskedForAndOnlyThen(t *testing.T) {
	s := newScene(t, zone, withBounces)
	k := s.sink(1, sink.Options{})
	s.expect(s.entry(letterText, "a@there.test", "b@there.test"), relayed, relayed)
	null := s.entry(letterText)
	null.From, null.VERP = addr.Path{Null: true}, true
	s.expect(null, relayed)
	r := newScene(t, zone, func(d *Deps) {
		withBounces(d)
		d.Routes = &Table{Rules: []Rule{{Route: &Route{Name: "office", Relays: []Relay{{Host: "127.0.0.1", Port: s.port, TLS: NoTLS}}}}}}
	})
	e := r.entry(letterText, "a@there.test", "b@there.test")
	e.VERP = true
	r.expect(e, relayed, relayed)
	for i, want := range []string{"sender@here.test", "", "sender@here.test"} {
		if m := k.Messages()[i]; m.From != want || (i != 1) != (len(m.Rcpts) == 2) {
			t.Errorf("%d: %q %+v", i, m.From, m.Rcpts)
		}
	}
}

// TestALineBoundsTheRecipientsOfATransaction sends to five in twos.
func TestALineBoundsTheRecipientsOfATransaction(t *testing.T) {
	s := newScene(t, zone, nil)
	k := s.sink(1, sink.Options{})
	e := s.entry(letterText, "a@there.test", "b@there.test", "c@there.test", "d@there.test", "e@there.test")
	e.Batch = 2
	s.expect(e, relayed)
	if m := k.Messages(); len(m) != 3 || len(m[0].Rcpts) != 2 || len(m[2].Rcpts) != 1 {
		t.Errorf("%d messages", len(m))
	}
}
