package imap

import (
	"cmp"
	"slices"

	"barid/rfc/imap"
)

// cmdThread is THREAD and UID THREAD, RFC 5256 §3: ORDEREDSUBJECT and REFERENCES, and REFS, which is
// REFERENCES without a look at subjects, the thread with the newest message last.
func cmdThread(s *session, c *call) error {
	algorithm := c.Word()
	in := c.SP().SearchFor()
	c.quiet, c.whole = in.Numbers, true
	if err := c.End(); err != nil {
		return err
	}
	build, ok := map[string]func(*result, []*sortKey) *forest{
		"ORDEREDSUBJECT": bySubject, "REFERENCES": byReferences, "REFS": byReferencesAlone,
	}[algorithm]
	if !ok {
		return badf("no such threading algorithm")
	}
	r, err := s.search(c, &in)
	if err != nil {
		return err
	}
	keys, err := s.keys(r)
	if err != nil {
		return err
	}
	s.out.S("* THREAD")
	if len(r.hits) > 0 {
		s.out.C(' ')
	}
	build(r, keys).write(s.out, r)
	s.out.CRLF()
	return nil
}

// forest is a set of threads. Nodes 0 to n-1 are the results by their places; those from n on are dummies,
// which stand for messages that are not there.
type forest struct {
	n     int
	roots []int32
	kids  [][]int32 // by node, in their order
}

// write writes all threads. It needs no recursion, so a chain of any length is well.
func (f *forest) write(out *imap.Writer, r *result) {
	const end = -1
	var open []int32
	for _, root := range f.roots {
		open = append(open[:0], root)
		for len(open) > 0 {
			x := open[len(open)-1]
			open = open[:len(open)-1]
			if x == end {
				out.C(')')
				continue
			}
			out.C('(')
			open = append(open, end)
			open = f.members(out, r, x, open)
		}
	}
}

// members writes a message and those below it as long as each has one child, and leaves what splits for later.
func (f *forest) members(out *imap.Writer, r *result, x int32, open []int32) []int32 {
	for {
		if int(x) < f.n {
			out.N(uint64(r.number(int(x))))
		}
		kids := f.kids[x]
		if len(kids) > 0 && int(x) < f.n {
			out.C(' ')
		}
		if len(kids) == 1 {
			x = kids[0]
			continue
		}
		for _, k := range slices.Backward(kids) {
			open = append(open, k)
		}
		return open
	}
}

// bySentDate gives the places of keys by sent date, those of one date in mailbox order.
func bySentDate(keys []*sortKey) []int32 {
	order := make([]int32, len(keys))
	for k := range order {
		order[k] = int32(k)
	}
	slices.SortFunc(order, func(a, b int32) int {
		return cmp.Or(cmp.Compare(keys[a].sent, keys[b].sent), cmp.Compare(a, b))
	})
	return order
}

// bySubject is ORDEREDSUBJECT: messages of one base subject are a thread, the earliest its root. Threads
// come by the date of their roots, which is the order in which they are met.
func bySubject(_ *result, keys []*sortKey) *forest {
	f := &forest{n: len(keys), kids: make([][]int32, len(keys))}
	root := make(map[string]int32)
	for _, k := range bySentDate(keys) {
		subject := keys[k].subject
		if first, ok := root[subject]; ok {
			f.kids[first] = append(f.kids[first], k)
			continue
		}
		root[subject] = k
		f.roots = append(f.roots, k)
	}
	return f
}
