package imapmodel

import (
	"fmt"
	"slices"
)

// tree is what a THREAD response says: who is whose parent, in the order of the response.
type tree struct {
	order   []uint32
	parent  map[uint32]uint32 // 0: none that is there
	threads [][]uint32
}

// threaded makes up a THREAD (RFC 5256 §4).
func (h *history) threaded(s *session) *command {
	uid := s.uidOnly || h.r.IntN(2) == 0
	by := []string{"REFS", "REFERENCES", "ORDEREDSUBJECT"}[h.r.IntN(3)]
	q := &searching{h: h, s: s, uid: uid, key: h.key(s, 1), c: &command{}}
	c := q.c
	c.text, c.modseqs, c.words = fmt.Sprintf("%sTHREAD %s UTF-8 %s", verb(uid), by, q.key.text), q.key.mods, " THREAD "
	c.quiet, c.numbers, c.hidden = !uid || q.key.seqs, !uid || q.key.seqs, uid && q.key.seqs
	c.before = q.before
	c.check = func(r *reply) {
		if s.uidOnly && q.key.seqs {
			if r.tagged.code != "UIDREQUIRED" {
				s.fail("%q was answered %q", c.text, r.tagged.raw)
			}
			return
		}
		lines := r.all("THREAD")
		if !r.ok() || len(lines) != 1 {
			s.fail("%q was answered by %d THREAD and %q", c.text, len(lines), r.tagged.raw)
		}
		q.checkThreads(by, &lines[0])
	}
	return c
}

// checkThreads holds a THREAD response against what was to be found: all of it once, and answers below what they answer.
func (q *searching) checkThreads(by string, l *response) {
	t := tree{parent: make(map[uint32]uint32)}
	for _, v := range l.args {
		from := len(t.order)
		t.read(v, 0)
		t.threads = append(t.threads, t.order[from:])
	}
	sorted := slices.Sorted(slices.Values(t.order))
	if len(slices.Compact(slices.Clone(sorted))) != len(sorted) {
		q.s.fail("%q: something twice", l.raw)
	}
	q.checkFound(l, sorted)
	if len(q.may) > 0 { // what is gone may still tie threads together
		return
	}
	if by == "ORDEREDSUBJECT" {
		q.checkSubjects(l, &t)
		return
	}
	together, first := q.together()
	for _, thread := range t.threads {
		for _, n := range thread {
			if by == "REFS" && together[n] != together[thread[0]] {
				q.s.fail("%q: %d and %d are not of one thread", l.raw, n, thread[0])
			}
		}
	}
	for k, m := range q.want {
		if p := q.h.m.bodies[m.body].parent; p >= 0 && first[p] != 0 && t.parent[q.number(k)] != first[p] {
			q.s.fail("%q: %d answers %d, not %d", l.raw, q.number(k), first[p], t.parent[q.number(k)])
		}
	}
	if by == "REFS" && len(t.threads) != distinct(together) {
		q.s.fail("%q: %d threads, want %d", l.raw, len(t.threads), distinct(together))
	}
}

// read takes in a thread-list: members answer one another, lists behind them the last one.
func (t *tree) read(v value, parent uint32) {
	for _, x := range v.list {
		if x.kind == '(' {
			t.read(x, parent)
			continue
		}
		n := uint32(x.number())
		t.order, t.parent[n] = append(t.order, n), parent
		parent = n
	}
}

// together tells which thread each message is of, and who has a Message-ID first.
func (q *searching) together() (thread map[uint32]string, first map[int]uint32) {
	thread, first = make(map[uint32]string), make(map[int]uint32)
	root := func(b int) int { // as far up as messages are there, and one further
		for q.h.m.bodies[b].parent >= 0 && slices.ContainsFunc(q.want, func(m message) bool { return m.body == b }) {
			b = q.h.m.bodies[b].parent
		}
		return b
	}
	for k, m := range q.want {
		b := &q.h.m.bodies[m.body]
		switch {
		case !b.hasID, b.parent < 0 && first[m.body] != 0:
			thread[q.number(k)] = fmt.Sprint("alone ", q.number(k))
		default:
			thread[q.number(k)] = fmt.Sprint("of m", root(m.body))
		}
		if b.hasID && first[m.body] == 0 {
			first[m.body] = q.number(k)
		}
	}
	return thread, first
}

func distinct(of map[uint32]string) int {
	all := make(map[string]bool)
	for _, t := range of {
		all[t] = true
	}
	return len(all)
}

// checkSubjects: threads are messages with one subject, by the time they were sent (RFC 5256 §4).
func (q *searching) checkSubjects(l *response, t *tree) {
	q.sort = "DATE"
	q.order()
	var want []uint32
	seen := make(map[int]bool)
	for _, m := range q.want {
		if seen[m.body] {
			continue
		}
		seen[m.body] = true
		for k, x := range q.want {
			if x.body == m.body {
				want = append(want, q.number(k))
			}
		}
	}
	if !slices.Equal(t.order, want) || len(t.threads) != len(seen) {
		q.s.fail("%q: %d threads of %v, want %d of %v", l.raw, len(t.threads), t.order, len(seen), want)
	}
}
