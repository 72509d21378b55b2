package imap

import (
	"cmp"
	"slices"
)

// mergeSubjects gathers threads of one base subject (RFC 5256 §3, "REFERENCES", step 5).
func (f *forest) mergeSubjects(keys []*sortKey) {
	m := merger{f: f, keys: keys, table: make(map[string]int32), gone: make(map[int32]bool), grown: make(map[int32]bool)}
	for _, x := range f.roots {
		m.enter(x)
	}
	for _, x := range slices.Clone(f.roots) {
		m.merge(x)
	}
	f.roots = slices.DeleteFunc(f.roots, func(x int32) bool { return m.gone[x] })
	for x := range m.grown {
		f.sortKids(keys, x)
	}
}

// merger merges the threads of a forest.
type merger struct {
	f     *forest
	keys  []*sortKey
	table map[string]int32
	gone  map[int32]bool // roots that are roots no more
	grown map[int32]bool // nodes that got more children
}

// subject is the thread subject of a root: its own, or its first child's if it is a dummy.
func (m *merger) subject(x int32) string {
	for m.dummy(x) {
		x = m.f.kids[x][0]
	}
	return m.keys[x].subject
}

func (m *merger) dummy(x int32) bool { return int(x) >= m.f.n }

func (m *merger) reply(x int32) bool { return !m.dummy(x) && m.keys[x].reply }

// enter puts a root into the subject table if it fits better than the one that is there.
func (m *merger) enter(x int32) {
	subject := m.subject(x)
	if subject == "" {
		return
	}
	old, ok := m.table[subject]
	if !ok || !m.dummy(old) && (m.dummy(x) || m.reply(old) && !m.reply(x)) {
		m.table[subject] = x
	}
}

// merge joins a root with the one of its subject in the table.
func (m *merger) merge(x int32) {
	subject := m.subject(x)
	if subject == "" || m.table[subject] == x || m.gone[x] {
		return
	}
	to := m.table[subject]
	switch {
	case m.dummy(to) && m.dummy(x):
		m.give(to, m.f.kids[x]...)
	case m.dummy(to), m.reply(x) && !m.reply(to):
		m.give(to, x)
	default:
		d := int32(len(m.f.kids))
		m.f.kids = append(m.f.kids, nil)
		m.give(d, to, x)
		m.gone[to] = true
		m.f.roots = append(m.f.roots, d)
		m.table[subject] = d
	}
	m.gone[x] = true
}

func (m *merger) give(to int32, kids ...int32) {
	m.f.kids[to] = append(m.f.kids[to], kids...)
	m.grown[to] = true
}

// sortKids puts the children of x in order of their sent dates.
func (f *forest) sortKids(keys []*sortKey, x int32) {
	slices.SortFunc(f.kids[x], func(a, b int32) int {
		at, ap := f.date(keys, a)
		bt, bp := f.date(keys, b)
		return cmp.Or(cmp.Compare(at, bt), cmp.Compare(ap, bp))
	})
}
