package imapmodel

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// fetching is a FETCH that was made up.
type fetching struct {
	h        *history
	s        *session
	c        *command
	uid      bool
	set      numbers
	items    []string
	sets     bool // makes messages \Seen
	changed  bool
	since    uint64
	vanished bool
	partial  *window
	targets  []uint32 // those that must be told
	gone     bool     // one of them is not there any more
	last     uint32   // largest UID that the client knew
	knew     map[uint32]bool
}

// fetching makes up a FETCH.
func (h *history) fetching(s *session, uid bool) *command {
	f := &fetching{h: h, s: s, uid: uid, set: s.set(uid), c: &command{numbers: !uid, quiet: !uid}}
	all := []string{"FLAGS", "UID", "INTERNALDATE", "RFC822.SIZE", "BODY.PEEK[]", "BODY[]", "MODSEQ", "ENVELOPE", "FLAGS", "EMAILID", "THREADID", "SAVEDATE", "PREVIEW", "PREVIEW (LAZY)", "", "", "", ""}
	for range 1 + h.r.IntN(3) {
		it := all[h.r.IntN(len(all))]
		switch {
		case it != "":
		case h.r.IntN(2) == 0:
			it = h.binaryItem()
		default:
			it = h.sectionItem(s)
		}
		if !slices.ContainsFunc(f.items, func(o string) bool { return label(o) == label(it) }) {
			f.items = append(f.items, it)
		}
	}
	f.sets = slices.ContainsFunc(f.items, setsSeen)
	f.c.modseqs = slices.Contains(f.items, "MODSEQ")
	f.c.text = fmt.Sprintf("%sFETCH %s (%s)", verb(uid), f.set, strings.Join(f.items, " "))
	if uid && h.r.IntN(6) == 0 {
		f.partial = h.window()
		f.c.text += " (PARTIAL " + f.partial.String() + ")"
	} else if h.r.IntN(5) == 0 && !h.piped {
		f.changed, f.since, f.c.modseqs = true, s.someModSeq(), true
		f.vanished = uid && s.qresync && h.r.IntN(2) == 0
		f.c.earlier = f.vanished
		f.c.text += fmt.Sprintf(" (CHANGEDSINCE %d", f.since)
		if f.vanished {
			f.c.text += " VANISHED"
		}
		f.c.text += ")"
	}
	f.c.before, f.c.apply, f.c.check = f.before, f.apply, f.check
	return f.c
}

func (f *fetching) before() {
	f.knew = make(map[uint32]bool)
	for _, u := range f.s.uids() {
		f.knew[u], f.last = true, u
	}
	meant := f.s.meaning(f.set, f.uid)
	if f.partial != nil {
		lo, hi := f.partial.of(len(meant))
		meant = meant[lo:hi]
	}
	for _, u := range meant {
		m := f.s.box.find(u)
		switch {
		case m == nil:
			f.gone = true
		case !f.changed || m.modseq > f.since:
			f.targets = append(f.targets, u)
		}
	}
}

func (f *fetching) apply(r *reply) {
	if f.s.changeable()&seen == 0 || !f.sets || r.tagged.word == "BAD" {
		return
	}
	for _, u := range f.targets {
		f.s.box.store(u, add, seen)
	}
}

func (f *fetching) check(r *reply) {
	s := f.s
	if !r.ok() && !(f.gone && r.tagged.code == "EXPUNGEISSUED") {
		s.fail("%q was answered %q", f.c.text, r.tagged.raw)
	}
	if s.box == nil || s.lost() {
		return
	}
	answered := make(map[uint32]bool)
	for i := range r.lines {
		if l := &r.lines[i]; l.word == "FETCH" || l.word == "UIDFETCH" {
			f.line(r, l, answered)
		}
	}
	for _, u := range f.targets {
		if !answered[u] {
			s.fail("%q does not tell of UID %d", f.c.text, u)
		}
	}
	if f.vanished {
		f.checkVanished(r)
	}
}

// line holds one FETCH response against what was asked for.
func (f *fetching) line(r *reply, l *response, answered map[uint32]bool) {
	s, got := f.s, f.s.items(l)
	m := s.meant(l, r)
	if m == nil {
		return
	}
	if slices.Contains(f.targets, m.uid) && !answered[m.uid] && f.complete(got) {
		answered[m.uid] = true
		f.values(l, got, m)
		return
	}
	if got.flags == nil || s.qresync && got.uid == 0 && !s.uidOnly || s.condstore && got.modseq == 0 && !(s.notify != nil && s.notify.fetch) {
		s.fail("%q was not asked for by %q and lacks FLAGS, UID or MODSEQ", l.raw, f.c.text)
	}
	for name := range got.items {
		if name != "FLAGS" && name != "UID" && name != "MODSEQ" {
			s.fail("%q was not asked for by %q", l.raw, f.c.text)
		}
	}
}

func (f *fetching) complete(got fetched) bool {
	want := slices.Clone(f.items)
	if f.uid && !f.s.uidOnly {
		want = append(want, "UID")
	}
	if f.changed {
		want = append(want, "MODSEQ")
	}
	for _, it := range want {
		if _, ok := got.items[label(it)]; !ok {
			return false
		}
	}
	return true
}

func (f *fetching) values(l *response, got fetched, m *message) {
	text := f.h.m.bodies[m.body].text
	for name, v := range got.items {
		if f.ids(l, name, v, m) || f.texts(l, name, v, m) || f.sections(l, name, v, m) {
			continue
		}
		want := v.s
		switch name {
		case "INTERNALDATE":
			want = time.Unix(m.date, 0).UTC().Format("_2-Jan-2006 15:04:05 -0700")
		case "SAVEDATE":
			want = f.h.savedAt(m).Format("_2-Jan-2006 15:04:05 -0700")
		case "RFC822.SIZE":
			want = fmt.Sprint(len(text))
		case "BODY[]":
			want = text
		case "ENVELOPE":
			want, v = fmt.Sprintf("m%d", m.body), v.list[1]
		}
		if v.s != want {
			f.s.fail("%q: %s is %q, want %q", l.raw, name, v.s, want)
		}
	}
}

// texts holds what is made of a message's text against it; ok is false for other items.
func (f *fetching) texts(l *response, name string, v value, m *message) (ok bool) {
	at := slices.IndexFunc(f.items, func(it string) bool { return label(it) == name })
	if at < 0 {
		return false
	}
	b := &f.h.m.bodies[m.body]
	want, kind := b.preview, byte('s')
	switch it := f.items[at]; {
	case strings.HasPrefix(name, "BINARY"):
		want, kind = b.binaryValue(it)
	case name != "PREVIEW":
		return false
	case want == "?" && v.kind == 's', it != name && v.atom() == "NIL": // it need not be there when asked for LAZY
		return true
	}
	if v.s != want || v.kind != kind {
		f.s.fail("%q: %s is %q, want %q", l.raw, name, v.s, want)
	}
	return true
}

// ids holds object ids against those told before; ok is false for other items.
func (f *fetching) ids(l *response, name string, v value, m *message) (ok bool) {
	switch {
	case name != "EMAILID" && name != "THREADID":
		return false
	case len(v.list) != 1:
		f.s.fail("%q: %s", l.raw, name)
	case name == "EMAILID":
		f.s.tellsEmail(l, m, v.list[0].s)
	default:
		f.s.tellsThread(l, m, v.list[0].s)
	}
	return true
}

func (f *fetching) checkVanished(r *reply) {
	told := make(map[uint32]bool)
	for _, l := range r.all("VANISHED") {
		if len(l.args) == 2 {
			for _, u := range set(l.args[1].s) {
				told[u] = true
			}
		}
	}
	star := slices.ContainsFunc(f.set, func(r [2]uint32) bool { return r[0] == 0 || r[1] == 0 })
	may := func(u uint32) bool { return (star || f.set.has(u, 0)) && !f.knew[u] } // "*" is the server's view's
	must := func(u uint32) bool { return f.set.has(u, f.last) && u <= f.last && !f.knew[u] }
	f.h.checkVanished(f.s, told, f.since, must, may)
}

// window is a PARTIAL: places in a result, from its end if they are below 0 (RFC 9394 §3.1).
type window struct{ a, b int }

func (h *history) window() *window {
	w := &window{1 + h.r.IntN(6), 1 + h.r.IntN(6)}
	if h.r.IntN(3) == 0 {
		w.a, w.b = -w.a, -w.b
	}
	return w
}

func (w *window) String() string { return fmt.Sprintf("%d:%d", w.a, w.b) }

// of gives the window's part of n results as lo <= i < hi.
func (w *window) of(n int) (lo, hi int) {
	if w.a < 0 {
		return max(n+min(w.a, w.b), 0), max(n+max(w.a, w.b)+1, 0)
	}
	return min(min(w.a, w.b)-1, n), min(max(w.a, w.b), n)
}
