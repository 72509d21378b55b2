package imap

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

func TestLastOf(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 9738))
	for range 2000 {
		var spans []span
		var all []int
		for at := 0; len(spans) < rng.IntN(6); {
			lo := at + rng.IntN(3)
			at = lo + 1 + rng.IntN(5)
			spans = append(spans, span{lo, at})
			for i := lo; i < at; i++ {
				all = append(all, i)
			}
		}
		n := rng.IntN(12)
		kept, over := lastOf(spans, n)
		want := all
		if n > 0 && len(all) > n {
			want = all[len(all)-n:]
		}
		var got []int
		for _, sp := range kept {
			for i := sp.lo; i < sp.hi; i++ {
				got = append(got, i)
			}
		}
		if over != (len(want) < len(all)) || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("the last %d of %v: got %v, %v; want %v", n, spans, got, over, want)
		}
	}
}

// TestFetchFromTheTop: batches of cold rows that are cut short come from the highest UID down all the same.
func TestFetchFromTheTop(t *testing.T) {
	const limit, count = 90, 100
	w := newWorld(t, func(s *Settings) { s.CommandMessages = limit })
	filler := strings.Repeat(" "+strings.Repeat("x", 70)+"\r\n", 500)
	for range count {
		w.deliver("INBOX", []byte("Subject: 1\r\nReferences: <1@example.test>\r\n"+filler+"\r\n"))
	}
	c := w.login()
	c.do("SELECT INBOX")
	c.send("x UID FETCH 1:* (ENVELOPE BODYSTRUCTURE BODY.PEEK[HEADER.FIELDS (SUBJECT)])\r\n")
	for next := count; ; {
		l := c.line()
		switch {
		case strings.HasPrefix(l, "* "):
			if want := fmt.Sprintf("* %d FETCH (UID %d ", next, next); !strings.HasPrefix(l, want) {
				t.Fatalf("got %q, want %q", l, want)
			}
			next--
		case strings.HasPrefix(l, "x "):
			if want := fmt.Sprintf("x OK [MESSAGELIMIT %d %d] ", limit, count-limit+1); !strings.HasPrefix(l, want) || next != count-limit {
				t.Fatalf("got %q down to %d, want %q", l, next+1, want)
			}
			return
		}
	}
}

// TestLimitIsNotForThoseWhoDoNotKnowIt: a client from whom MESSAGELIMIT is hidden is not bounded.
func TestLimitIsNotForThoseWhoDoNotKnowIt(t *testing.T) {
	w := newWorld(t, func(s *Settings) {
		s.CommandMessages = 1
		s.Hidden = []Hide{{Capability: "MESSAGELIMIT", Client: "Old Mail"}}
	})
	w.deliver("INBOX", []byte("Subject: 1\r\n\r\n"))
	w.deliver("INBOX", []byte("Subject: 2\r\n\r\n"))
	for client, want := range map[string]string{"Old Mail": "OK UID SEARCH", "New Mail": "OK [MESSAGELIMIT 1 2]"} {
		c := w.login()
		c.do(`ID ("name" %q)`, client)
		c.do("SELECT INBOX")
		c.send("x UID SEARCH ALL\r\n")
		c.line()
		if got := c.line(); !strings.HasPrefix(got, "x "+want) {
			t.Errorf("%s: got %q, want %q", client, got, want)
		}
	}
}
