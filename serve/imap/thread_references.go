package imap

import (
	"cmp"
	"slices"
)

// lineages links messages with what they refer to (RFC 5256 §3, "REFERENCES", step 1).
type lineages struct {
	keys   []*sortKey
	n      int     // messages; nodes from n on are dummies
	parent []int32 // by node; none
	kids   []int32 // how many nodes have this one as parent
	byID   map[uint64]int32
	steps  int // that may still be spent on looking for loops
}

const (
	none = int32(-1)
	// loopSteps bounds the search for loops, for each message; links that would need more are not made. Usual
	// threads need a step or two, made-up ones could need one for each message of the mailbox.
	loopSteps = 256
)

func newLineages(keys []*sortKey) *lineages {
	l := &lineages{keys: keys, n: len(keys), byID: make(map[uint64]int32, len(keys)), steps: loopSteps * len(keys)}
	l.parent = make([]int32, l.n, 2*l.n)
	l.kids = make([]int32, l.n, 2*l.n)
	for k := range keys {
		l.parent[k] = none
		if id := keys[k].id; id != 0 {
			if _, taken := l.byID[id]; !taken { // the first message of an id has it
				l.byID[id] = int32(k)
			}
		}
	}
	for k := range keys {
		l.link(int32(k))
	}
	return l
}

// node finds the node of an id, or makes a dummy for it.
func (l *lineages) node(id uint64) int32 {
	if x, ok := l.byID[id]; ok {
		return x
	}
	x := int32(len(l.parent))
	l.byID[id] = x
	l.parent = append(l.parent, none)
	l.kids = append(l.kids, 0)
	return x
}

// link links the ancestry of message k.
func (l *lineages) link(k int32) {
	last := none
	for _, id := range l.keys[k].refs {
		x := l.node(id)
		if last != none && l.parent[x] == none {
			l.adopt(last, x)
		}
		last = x
	}
	if p := l.parent[k]; p != none {
		l.kids[p]--
		l.parent[k] = none
	}
	if last != none {
		l.adopt(last, k)
	}
}

// adopt makes p the parent of x, unless x is above p.
func (l *lineages) adopt(p, x int32) {
	if p == x {
		return
	}
	if l.kids[x] > 0 { // what has no children is above nobody
		for up := l.parent[p]; up != none; up = l.parent[up] {
			if l.steps--; up == x || l.steps < 0 {
				return
			}
		}
	}
	l.parent[x] = p
	l.kids[p]++
}

// above gives what stands above message k once dummies are gone: a message, a dummy that is a root, or none.
func (l *lineages) above(k int32) int32 {
	p := l.parent[k]
	for p != none && int(p) >= l.n && l.parent[p] != none {
		p = l.parent[p]
	}
	if p != none && p != l.parent[k] { // the next one has a shorter way
		for x := l.parent[k]; x != p; {
			x, l.parent[x] = l.parent[x], p
		}
		l.parent[k] = p
	}
	return p
}

// prune makes a forest without dummies but those that hold several threads together (steps 2 and 3), all
// siblings by sent date (step 6).
func (l *lineages) prune() *forest {
	f := &forest{n: l.n, kids: make([][]int32, len(l.parent))}
	order := bySentDate(l.keys)
	for _, k := range order {
		if p := l.above(k); p != none {
			f.kids[p] = append(f.kids[p], k)
		} else {
			f.roots = append(f.roots, k)
		}
	}
	for x := l.n; x < len(l.parent); x++ {
		switch {
		case len(f.kids[x]) == 1:
			f.roots = append(f.roots, f.kids[x][0])
		case len(f.kids[x]) > 1:
			f.roots = append(f.roots, int32(x))
		}
	}
	return f
}

// date is what orders a root: of a dummy its first child.
func (f *forest) date(keys []*sortKey, x int32) (sent int64, place int32) {
	for int(x) >= f.n {
		x = f.kids[x][0]
	}
	return keys[x].sent, x
}

func (f *forest) sortRoots(keys []*sortKey) {
	slices.SortFunc(f.roots, func(a, b int32) int {
		at, ap := f.date(keys, a)
		bt, bp := f.date(keys, b)
		return cmp.Or(cmp.Compare(at, bt), cmp.Compare(ap, bp))
	})
}

// byReferences is REFERENCES.
func byReferences(_ *result, keys []*sortKey) *forest {
	f := newLineages(keys).prune()
	f.sortRoots(keys) // step 4
	f.mergeSubjects(keys)
	f.sortRoots(keys)
	return f
}

// byReferencesAlone is REFS: threads come by the arrival of their newest message.
func byReferencesAlone(r *result, keys []*sortKey) *forest {
	f := newLineages(keys).prune()
	newest := make(map[int32]int64, len(f.roots))
	var open []int32
	for _, root := range f.roots {
		open = append(open[:0], root)
		for len(open) > 0 {
			x := open[len(open)-1]
			open = append(open[:len(open)-1], f.kids[x]...)
			if int(x) < f.n {
				newest[root] = max(newest[root], r.view.At(int(r.hits[x])).Date)
			}
		}
	}
	slices.SortFunc(f.roots, func(a, b int32) int {
		_, ap := f.date(keys, a)
		_, bp := f.date(keys, b)
		return cmp.Or(cmp.Compare(newest[a], newest[b]), cmp.Compare(ap, bp))
	})
	return f
}
