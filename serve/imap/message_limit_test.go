package imap

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"barid/rfc/imap"
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

// TestWorkInPartsIsTheSameWork: a client that goes on below the UID where a command stopped gets what a server without a
// limit gives at once, and leaves the mailboxes alike (RFC 9738 §3.1).
func TestWorkInPartsIsTheSameWork(t *testing.T) {
	const count = 60
	bounded := newWorld(t, func(s *Settings) { s.CommandMessages = 7 })
	free := newWorld(t, nil)
	clients := map[*world]*client{}
	for _, w := range []*world{bounded, free} {
		for i := range count {
			w.deliver("INBOX", fmt.Appendf(nil, "Subject: %d\r\n\r\ntext\r\n", i%3))
		}
		clients[w] = w.login()
		clients[w].do("SELECT INBOX")
	}
	rng := rand.New(rand.NewPCG(7, 9738))
	limited := 0
	for range 150 {
		lo := 1 + rng.IntN(count)
		hi := lo + rng.IntN(count)
		format := []string{
			"UID SEARCH UID %d:%d SUBJECT 1", "UID SEARCH UID %d:%d NOT FLAGGED", "UID SEARCH RETURN (ALL) UID %d:%d UNDELETED",
			"UID FETCH %d:%d (FLAGS)", "UID FETCH %d:%d (ENVELOPE)", `UID STORE %d:%d +FLAGS (\Flagged)`, `UID STORE %d:%d -FLAGS (\Flagged)`,
			`UID STORE %d:%d FLAGS.SILENT (\Deleted)`, "UID MOVE %d:%d Archive", "UID EXPUNGE %d:%d",
		}[rng.IntN(10)]
		if strings.HasPrefix(format, "UID MOVE") || strings.HasPrefix(format, "UID EXPUNGE") {
			hi = lo + rng.IntN(12)
		}
		want := uidsTold(clients[free].do(format, lo, hi))
		var got []uint32
		for {
			lines := clients[bounded].do(format, lo, hi)
			got = append(got, uidsTold(lines)...)
			var limit, lowest int
			if _, err := fmt.Sscanf(lines[len(lines)-1], "OK [MESSAGELIMIT %d %d]", &limit, &lowest); err != nil {
				break
			}
			limited++
			if lowest <= lo || lowest > hi {
				t.Fatalf("%s of %d:%d stopped at %d", format, lo, hi, lowest)
			}
			hi = lowest - 1
		}
		slices.Sort(want)
		if slices.Sort(got); !slices.Equal(got, want) {
			t.Fatalf("%s of %d:%d\ngot  %d\nwant %d", format, lo, hi, got, want)
		}
	}
	if limited < 50 {
		t.Errorf("only %d commands were limited: this tests little", limited)
	}
	for _, box := range []string{"INBOX", "Archive"} {
		if got, want := flagsOf(bounded, box), flagsOf(free, box); !slices.Equal(got, want) {
			t.Errorf("%s\ngot  %q\nwant %q", box, got, want)
		}
	}
}

// uidsTold gives the UIDs that untagged responses of UID commands name.
func uidsTold(lines []string) (out []uint32) {
	for _, l := range lines {
		set := ""
		switch {
		case strings.HasPrefix(l, "* SEARCH "):
			set = strings.ReplaceAll(l[len("* SEARCH "):], " ", ",")
		case strings.HasPrefix(l, "* ESEARCH "):
			_, set, _ = strings.Cut(l, " ALL ")
		case strings.Contains(l, " FETCH "):
			_, set, _ = strings.Cut(l, "UID ")
			set = set[:strings.IndexAny(set, " )")]
		}
		if set == "" {
			continue
		}
		limits := imap.AfterLogin(0)
		for _, r := range imap.NewParser([]byte(set), &limits).UIDSet() {
			for u := r.Lo; u <= r.Hi; u++ {
				out = append(out, u)
			}
		}
	}
	return out
}

// flagsOf gives the flags of the messages of a mailbox, sorted: their UIDs there differ.
func flagsOf(w *world, box string) (out []string) {
	c := w.login()
	c.do("EXAMINE %s", box)
	for uid := range 60 {
		for _, l := range c.do("UID FETCH %d (FLAGS)", uid+1) {
			if _, flags, ok := strings.Cut(l, "FLAGS ("); ok {
				out = append(out, strings.ReplaceAll(flags, `\Recent`, ""))
			}
		}
	}
	slices.Sort(out)
	return out
}
