package search

import (
	"math/rand/v2"
	"strings"
	"testing"

	"barid/base/text"
	"barid/base/text/texttest"
	"barid/mail/mailbox"
)

func needle(s string) *text.Needle { return text.NewNeedle(s) }

// TestNarrowNeverMisses quotes Invariant: what Scanner finds in a message, Narrow never calls No; what Narrow calls
// Yes, Scanner finds. Random messages and keys, through merges, expunges and a rebuild.
func TestNarrowNeverMisses(t *testing.T) {
	engines(t, func(t *testing.T, db engine) {
		r := rand.New(rand.NewPCG(1, 2))
		w := newWorld(t, db, Options{Batch: 5})
		for round := range 6 {
			for range 3 {
				var raws []string
				for range 1 + r.IntN(40) {
					raws = append(raws, randomMessage(r))
				}
				w.deliver(raws...)
				if r.IntN(4) > 0 {
					w.sync()
				}
			}
			if round == 3 {
				w.expunge(func(m mailbox.MsgNo) bool { return m%3 == 0 })
			}
			w.verify()
			hits, maybe, all := 0, 0, 0
			for range 150 {
				h, m := w.compare(w.randomKey(r))
				hits, maybe, all = hits+h, maybe+m, all+len(w.raw)
			}
			if hits == 0 || round == 5 && maybe > all/2 {
				t.Fatalf("of %d questions %d found something and %d were left open: this tests nothing", all, hits, maybe)
			}
		}
	})
}

// TestPairs: either side finds the other in SUBJECT, FROM, TEXT and BODY.
func TestPairs(t *testing.T) {
	engines(t, func(t *testing.T, db engine) {
		w := newWorld(t, db, Options{})
		for _, p := range texttest.Pairs() {
			for side, want := range p {
				other := p[1-side]
				nos := w.deliver(
					"Subject: x "+want+" y\r\nFrom: z <a@example.test>\r\n\r\nnothing\r\n",
					"Subject: s\r\nFrom: "+want+" x <a@example.test>\r\n\r\nnothing\r\n",
					"Subject: s\r\nFrom: z <a@example.test>\r\n\r\nab "+want+" cd\r\n")
				w.sync()
				for i, in := range []Field{Subject, From, Parts} {
					for _, f := range []Field{in, Any} {
						k := Key{In: f, Text: needle(other)}
						w.compare(k)
						c, err := w.a.Narrow(t.Context(), k)
						if err != nil || c.Of(nos[i]) == No {
							t.Errorf("%q does not find %q in %d", other, want, f)
						}
					}
				}
			}
		}
		if hits, _ := w.compare(Key{In: Any, Text: needle("كتب")}); hits != 6 {
			t.Errorf("كتب finds %d messages: it must not find كتاب", hits)
		}
	})
}

func TestNarrowIsSure(t *testing.T) {
	w := newWorld(t, inMemory(t), Options{Batch: 10})
	nos := w.deliver(
		"Subject: Monthly report\r\nFrom: Info <info@example.test>\r\n\r\nThe figures of the quarter.\r\n",
		"Subject: Other\r\nTo: info@example.test\r\nX-Tuid: Abc123\r\n\r\nquarterly report\r\n")
	w.sync()
	nos = append(nos, w.deliver("Subject: late\r\n\r\nnot indexed yet\r\n")...)
	for _, c := range []struct {
		key  Key
		want [3]Verdict
	}{
		{Key{In: Subject, Text: needle("REPORT")}, [3]Verdict{Yes, No, Maybe}},
		{Key{In: Any, Text: needle("epor")}, [3]Verdict{Yes, Yes, Maybe}},
		{Key{In: Parts, Text: needle("quarter")}, [3]Verdict{Yes, Yes, Maybe}},
		{Key{In: Parts, Text: needle("of the")}, [3]Verdict{Maybe, No, Maybe}},
		{Key{In: Parts, Text: needle("the of")}, [3]Verdict{No, No, Maybe}},
		{Key{In: Parts, Text: needle("igures of the quar")}, [3]Verdict{Maybe, No, Maybe}},
		{Key{In: From, Text: needle("info@")}, [3]Verdict{Maybe, No, Maybe}},
		{Key{In: Header, Name: "X-TUID", Text: needle("abc")}, [3]Verdict{No, Maybe, Maybe}},
		{Key{In: Header, Name: "X-TUID", Text: needle("")}, [3]Verdict{No, Yes, Maybe}},
		{Key{In: Header, Name: "Subject", Text: needle("other")}, [3]Verdict{No, Yes, Maybe}},
		{Key{In: Any, Text: needle("")}, [3]Verdict{Yes, Yes, Maybe}},
		{Key{In: Any, Text: needle("--")}, [3]Verdict{Maybe, Maybe, Maybe}},
		{Key{In: Any, Text: needle("x-tuid: abc")}, [3]Verdict{No, Maybe, Maybe}},
	} {
		got, err := w.a.Narrow(t.Context(), c.key)
		if err != nil {
			t.Fatal(err)
		}
		for i, no := range nos {
			if got.Of(no) != c.want[i] {
				t.Errorf("%q in %d: message %d is %d, want %d", c.key.Text.Forms(), c.key.In, i, got.Of(no), c.want[i])
			}
		}
		w.compare(c.key)
	}
}

// TestLongMessage: what is past MaxTextBytes is left for who looks.
func TestLongMessage(t *testing.T) {
	w := newWorld(t, inMemory(t), Options{})
	long := "Subject: long\r\n\r\nbegin " + strings.Repeat("filler text of no interest\r\n", MaxTextBytes/20) + "ending\r\n"
	w.deliver(long, "Subject: short\r\n\r\nending\r\n")
	w.sync()
	for _, s := range []string{"begin", "ending", "nothing", "begin filler"} {
		w.compare(Key{In: Any, Text: needle(s)})
	}
	w.verify()
}
