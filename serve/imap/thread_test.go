package imap

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// mail makes a message of the given minute of a day.
func (w *world) threaded(minute int, id, refs, subject string) {
	w.t.Helper()
	h := fmt.Sprintf("Date: Mon, 7 Feb 1994 %02d:%02d:00 +0000\r\nSubject: %s\r\n", minute/60, minute%60, subject)
	if id != "" {
		h += "Message-ID: <" + id + "@example.com>\r\n"
	}
	if refs != "" {
		h += "References:"
		for r := range strings.FieldsSeq(refs) {
			h += "\r\n <" + r + "@example.com>"
		}
		h += "\r\n"
	}
	w.deliver("INBOX", []byte(h+"From: a@example.com\r\n\r\nx\r\n"))
}

// TestThreads is RFC 5256 §3, "THREAD", step by step.
func TestThreads(t *testing.T) {
	type message struct {
		minute            int
		id, refs, subject string
	}
	for _, c := range []struct {
		name                         string
		mail                         []message
		bySubject, references, alone string
	}{
		{"nothing", nil, "", "", ""},
		{"a chain", []message{{1, "a", "", "x"}, {2, "b", "a", "Re: x"}, {3, "c", "a b", "Re: x"}}, " (1 (2)(3))", " (1 2 3)", " (1 2 3)"},
		{"a chain that came backwards", []message{{3, "c", "a b", "Re: x"}, {2, "b", "a", "Re: x"}, {1, "a", "", "x"}}, " (3 (2)(1))", " (3 2 1)", " (3 2 1)"},
		{"two answers", []message{{1, "a", "", "x"}, {3, "c", "a", "Re: x"}, {2, "b", "a", "Re: x"}}, " (1 (3)(2))", " (1 (3)(2))", " (1 (3)(2))"},
		{"a parent that is not here", []message{{1, "b", "a", "Re: x"}, {2, "c", "a", "Re: x"}}, " (1 2)", " ((1)(2))", " ((1)(2))"},
		{"one child of a parent that is not here", []message{{1, "b", "a", "x"}, {2, "c", "", "y"}}, " (1)(2)", " (1)(2)", " (1)(2)"},
		{"a gap in the middle", []message{{1, "a", "", "x"}, {2, "c", "a b", "Re: x"}}, " (1 2)", " (1 2)", " (1 2)"},
		{"subjects join", []message{{1, "a", "", "x"}, {2, "b", "", "Re: x"}, {3, "c", "", "y"}}, " (1 2)(3)", " (1 2)(3)", " (1)(2)(3)"},
		{"a space of Unicode is a space", []message{{1, "a", "", "=?utf-8?q?hello=C2=A0there?="}, {2, "b", "", "=?utf-8?q?Re=C2=A0:?= hello there"}}, " (1 2)", " (1 2)", " (1)(2)"},
		{"equal subjects get a dummy", []message{{1, "a", "", "x"}, {2, "b", "", "X"}, {3, "c", "", "x"}}, " (1 (2)(3))", " ((1)(2)(3))", " (1)(2)(3)"},
		{"an answer before its original", []message{{1, "a", "", "Re: x"}, {2, "b", "", "x"}}, " (1 2)", " (2 1)", " (1)(2)"},
		{"no subject joins nothing", []message{{1, "a", "", ""}, {2, "b", "", "Re:"}}, " (1 2)", " (1)(2)", " (1)(2)"},
		{"dummies of one subject", []message{{1, "b", "a", "x"}, {2, "c", "a", "x"}, {3, "e", "d", "x"}, {4, "f", "d", "x"}}, " (1 (2)(3)(4))", " ((1)(2)(3)(4))", " ((1)(2))((3)(4))"},
		{"a loop", []message{{1, "a", "b", "x"}, {2, "b", "a", "y"}}, " (1)(2)", " (2 1)", " (2 1)"},
		{"itself", []message{{1, "a", "a", "x"}}, " (1)", " (1)", " (1)"},
		{"one id twice", []message{{1, "a", "", "x"}, {2, "a", "", "y"}, {3, "b", "a", "z"}}, " (1)(2)(3)", " (1 3)(2)", " (1 3)(2)"},
		{"the last reference wins", []message{{1, "a", "", "p"}, {2, "b", "", "q"}, {3, "d", "a c", "r"}, {4, "c", "b", "s"}}, " (1)(2)(3)(4)", " (1)(2 4 3)", " (1)(2 4 3)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, nil)
			for _, m := range c.mail {
				w.threaded(m.minute, m.id, m.refs, m.subject)
			}
			cl := w.login()
			cl.do("SELECT INBOX")
			for algorithm, want := range map[string]string{
				"ORDEREDSUBJECT": c.bySubject, "REFERENCES": c.references, "REFS": c.alone,
			} {
				if got := cl.do("THREAD %s UTF-8 ALL", algorithm)[0]; got != "* THREAD"+want {
					t.Errorf("%s: %q, want %q", algorithm, got, want)
				}
			}
		})
	}
}

// TestThreadsHoldEveryMessageOnce threads mail that refers to itself at random.
func TestThreadsHoldEveryMessageOnce(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 2))
		n := 1 + r.IntN(40)
		keys := make([]*sortKey, n)
		res := &result{uid: false, hits: make([]int32, n)}
		for k := range keys {
			res.hits[k] = int32(k)
			keys[k] = &sortKey{sent: int64(r.IntN(20)), id: uint64(r.IntN(n)), reply: r.IntN(2) == 0, subject: fmt.Sprint(r.IntN(6))}
			for range r.IntN(5) {
				keys[k].refs = append(keys[k].refs, uint64(1+r.IntN(2*n)))
			}
		}
		for name, f := range map[string]*forest{"REFERENCES": byReferences(res, keys), "ORDEREDSUBJECT": bySubject(res, keys)} {
			seen := make([]int, n)
			open := append([]int32(nil), f.roots...)
			for len(open) > 0 {
				x := open[0]
				open = append(open[1:], f.kids[x]...)
				if int(x) < n {
					seen[x]++
				} else if len(f.kids[x]) < 2 {
					t.Fatalf("seed %d, %s: a dummy with %d children", seed, name, len(f.kids[x]))
				}
			}
			for k, times := range seen {
				if times != 1 {
					t.Fatalf("seed %d, %s: message %d is there %d times", seed, name, k, times)
				}
			}
		}
	}
}

// TestHostileLineagesAreBounded links mail made to be searched for loops for ever, and a chain of any length.
func TestHostileLineagesAreBounded(t *testing.T) {
	const n = 100000
	for _, shape := range []string{"chain", "backwards", "comb"} {
		keys := make([]*sortKey, n)
		res := &result{hits: make([]int32, n)}
		for k := range keys {
			res.hits[k] = int32(k)
			keys[k] = &sortKey{sent: int64(k), id: uint64(k + 1)}
			switch {
			case shape == "chain" && k > 0:
				keys[k].refs = []uint64{uint64(k)}
			case shape == "backwards" && k < n-1:
				keys[k].refs = []uint64{uint64(k + 2)}
			case shape == "comb":
				for j := range uint64(8) {
					keys[k].refs = append(keys[k].refs, 1+(uint64(k)*7919+j*104729)%n)
				}
			}
		}
		began := time.Now()
		byReferences(res, keys)
		if took := time.Since(began); took > 20*time.Second { // it is some 100 ms
			t.Errorf("%s took %v", shape, took)
		}
	}
}
