package imapmodel

import (
	"fmt"
	"slices"
	"strings"
)

// key is a search key and what it means: i is the index in the view.
type key struct {
	text string
	has  func(i int, m *message) bool
	seqs bool // holds sequence numbers
	mods bool // holds MODSEQ
}

// key makes up a search key.
func (h *history) key(s *session, depth int) key {
	if depth > 0 && h.r.IntN(3) == 0 {
		a, b := h.key(s, depth-1), h.key(s, depth-1)
		out := key{seqs: a.seqs || b.seqs, mods: a.mods || b.mods}
		switch h.r.IntN(3) {
		case 0:
			out.text = "OR " + a.text + " " + b.text
			out.has = func(i int, m *message) bool { return a.has(i, m) || b.has(i, m) }
		case 1:
			out.text = "(" + a.text + " " + b.text + ")"
			out.has = func(i int, m *message) bool { return a.has(i, m) && b.has(i, m) }
		default:
			out.text, out.seqs, out.mods = "NOT "+a.text, a.seqs, a.mods
			out.has = func(i int, m *message) bool { return !a.has(i, m) }
		}
		return out
	}
	return h.leaf(s)
}

func (h *history) leaf(s *session) key {
	at := h.r.IntN(len(words))
	switch f := flags(1) << at; h.r.IntN(11) {
	case 0:
		return key{text: "ALL", has: func(int, *message) bool { return true }}
	case 1, 2:
		name := "KEYWORD " + words[at]
		if f&system != 0 {
			name = strings.ToUpper(words[at][1:])
		}
		return key{text: name, has: func(_ int, m *message) bool { return m.flags&f != 0 }}
	case 3, 4:
		name := "UNKEYWORD " + words[at]
		if f&system != 0 {
			name = "UN" + strings.ToUpper(words[at][1:])
		}
		return key{text: name, has: func(_ int, m *message) bool { return m.flags&f == 0 }}
	case 5:
		return h.uidKey(s)
	case 6:
		return h.seqKey(s)
	case 7:
		if h.piped {
			return h.uidKey(s)
		}
		n := s.someModSeq()
		return key{text: fmt.Sprintf("MODSEQ %d", n), mods: true, has: func(_ int, m *message) bool { return m.modseq >= n }}
	}
	switch h.r.IntN(12) {
	case 0:
		return h.savedKey()
	case 1:
		return h.emailKey()
	case 2, 3, 4:
		return h.dateKey(s)
	case 5, 6, 7:
		return h.textKey()
	}
	n := 20 + h.r.IntN(120)
	if h.r.IntN(2) == 0 {
		return key{text: fmt.Sprintf("LARGER %d", n), has: func(_ int, m *message) bool { return h.m.size(m) > n }}
	}
	return key{text: fmt.Sprintf("SUBJECT m%d", n), has: func(_ int, m *message) bool {
		return strings.HasPrefix(fmt.Sprintf("m%d", m.body), fmt.Sprintf("m%d", n))
	}}
}

func (h *history) uidKey(s *session) key {
	if h.r.IntN(4) == 0 && s.saved != nil {
		return key{text: "$", has: func(_ int, m *message) bool { return s.saved[m.uid] }}
	}
	n := s.set(true)
	return key{text: "UID " + n.String(), has: func(_ int, m *message) bool {
		top := uint32(0)
		if len(s.msgs) > 0 {
			top = s.msgs[len(s.msgs)-1].uid
		}
		return n.has(m.uid, top)
	}}
}

func (h *history) seqKey(s *session) key {
	if s.uidOnly || len(s.msgs) == 0 {
		return key{text: "ALL", has: func(int, *message) bool { return true }}
	}
	n := s.set(false)
	return key{text: n.String(), seqs: true, has: func(i int, _ *message) bool { return n.has(uint32(i+1), uint32(len(s.msgs))) }}
}

// searching is a SEARCH or SORT that was made up.
type searching struct {
	h     *history
	s     *session
	c     *command
	uid   bool
	sort  string // "" is SEARCH
	key   key
	ret   []string // nil: RETURN was not given
	given bool
	part  *window   // PARTIAL, with RETURN only
	want  []message // what must be found, in order
	at    []int     // indexes in the view of want
	may   map[uint32]bool
}

func (h *history) searching(s *session, uid, sort bool) *command {
	if h.r.IntN(4) == 0 {
		check(h.w.search.Account(h.w.ids[s.box.account()]).Sync(h.w.ctx))
	}
	q := &searching{h: h, s: s, uid: uid, key: h.key(s, 2), c: &command{}}
	word := "SEARCH"
	if sort {
		word, q.sort = "SORT", []string{"ARRIVAL", "REVERSE SIZE", "SIZE", "REVERSE ARRIVAL", "ARRIVAL REVERSE SIZE", "DATE", "REVERSE DATE SIZE", "SUBJECT"}[h.r.IntN(8)]
	}
	if q.given = h.r.IntN(2) == 0; q.given {
		for _, o := range []string{"MIN", "MAX", "ALL", "COUNT", "SAVE"} {
			if h.r.IntN(3) == 0 {
				q.ret = append(q.ret, o)
			}
		}
		if !q.has("ALL") && len(q.ret) > 0 && h.r.IntN(3) == 0 {
			q.part = h.window()
			q.ret = append(q.ret, "PARTIAL "+q.part.String())
		}
		word += " RETURN (" + strings.Join(q.ret, " ") + ")"
	}
	if sort {
		word += " (" + q.sort + ") UTF-8"
	}
	c := q.c
	c.text, c.modseqs = verb(uid)+word+" "+q.key.text, q.key.mods
	c.quiet, c.numbers = !uid || q.key.seqs, !uid || q.key.seqs
	c.hidden = uid && q.key.seqs
	c.words = " SEARCH SORT ESEARCH "
	c.before, c.check = q.before, q.check
	return c
}

func (q *searching) before() {
	q.may = make(map[uint32]bool)
	for i, k := range q.s.msgs {
		m := q.s.box.find(k.uid)
		if m == nil {
			q.may[k.uid] = true
		} else if q.key.has(i, m) {
			q.want, q.at = append(q.want, *m), append(q.at, i)
		}
	}
	if q.sort != "" {
		q.order()
	}
}

// order sorts want; what is alike stays in mailbox order (RFC 5256 §3).
func (q *searching) order() {
	place := make(map[uint32]int)
	for i, m := range q.want {
		place[m.uid] = q.at[i]
	}
	slices.SortStableFunc(q.want, func(a, b message) int {
		sign := 1
		for word := range strings.FieldsSeq(q.sort) {
			d := 0
			switch word {
			case "REVERSE":
				sign = -1
				continue
			case "ARRIVAL":
				d = int(a.date - b.date)
			case "DATE":
				d = q.h.m.sent(&a).Compare(q.h.m.sent(&b))
			case "SUBJECT": // numbers are ordered by value
				d = a.body - b.body
			case "SIZE":
				d = q.h.m.size(&a) - q.h.m.size(&b)
			}
			if d != 0 {
				return d * sign
			}
			sign = 1
		}
		return int(a.uid) - int(b.uid)
	})
	for i, m := range q.want {
		q.at[i] = place[m.uid]
	}
}

// number is what the k-th message found is called.
func (q *searching) number(k int) uint32 {
	if q.uid {
		return q.want[k].uid
	}
	return uint32(q.at[k] + 1)
}

func (q *searching) check(r *reply) {
	s := q.s
	if s.uidOnly && q.key.seqs {
		if r.tagged.code != "UIDREQUIRED" {
			s.fail("%q was answered %q", q.c.text, r.tagged.raw)
		}
		return
	}
	if !r.ok() {
		s.fail("%q was answered %q", q.c.text, r.tagged.raw)
	}
	plain := !q.given && (!s.rev2 || q.sort != "")
	word := "ESEARCH"
	if plain && q.sort == "" {
		word = "SEARCH"
	} else if plain {
		word = "SORT"
	}
	lines := r.all(word)
	if word == "ESEARCH" { // others are updates
		lines = slices.DeleteFunc(lines, func(l response) bool { return l.args[0].list[1].s != r.tagged.tag })
	}
	if only := q.given && slices.Equal(q.ret, []string{"SAVE"}); only != (len(lines) == 0) || len(lines) > 1 {
		s.fail("%q was answered by %d %s", q.c.text, len(lines), word)
	}
	switch {
	case len(lines) == 0:
	case plain:
		q.checkPlain(&lines[0])
	default:
		q.checkExtended(r, &lines[0])
	}
	q.save()
}

// save is what "$" means now. Without a whole answer of the model it is not used again.
func (q *searching) save() {
	if !slices.Contains(q.ret, "SAVE") {
		return
	}
	q.s.saved = nil
	if len(q.may) > 0 {
		return
	}
	q.s.saved = make(map[uint32]bool)
	whole := q.has("ALL") || q.has("COUNT") || !q.has("MIN") && !q.has("MAX") && q.part == nil
	lo, hi := 0, 0
	if q.part != nil {
		lo, hi = q.part.of(len(q.want))
	}
	for k, m := range q.want {
		if whole || k >= lo && k < hi || k == 0 && q.has("MIN") || k == len(q.want)-1 && q.has("MAX") {
			q.s.saved[m.uid] = true
		}
	}
}

func (q *searching) has(option string) bool { return slices.Contains(q.ret, option) }

func (q *searching) checkPlain(l *response) {
	var got []uint32
	args := l.args
	if n := len(args); n > 0 && args[n-1].kind == '(' {
		q.checkModSeq(l, args[n-1].list[1].number(), q.want)
		args = args[:n-1]
	} else if q.key.mods && n > 0 {
		q.s.fail("%q lacks MODSEQ", l.raw)
	}
	for _, v := range args {
		got = append(got, uint32(v.number()))
	}
	q.checkFound(l, got)
}

// checkFound holds numbers against want; messages that are gone may be among them.
func (q *searching) checkFound(l *response, got []uint32) {
	var want, rest []uint32
	for k := range q.want {
		want = append(want, q.number(k))
	}
	for _, n := range got {
		uid := n
		if !q.uid {
			if n == 0 || int(n) > len(q.s.msgs) {
				q.s.fail("%q of %d messages", l.raw, len(q.s.msgs))
			}
			uid = q.s.msgs[n-1].uid
		}
		if !q.may[uid] {
			rest = append(rest, n)
		}
	}
	if !slices.Equal(rest, want) {
		q.s.fail("%q: found %v, want %v", q.c.text, rest, want)
	}
}

func (q *searching) checkModSeq(l *response, got uint64, of []message) {
	top := uint64(0)
	for _, m := range of {
		top = max(top, m.modseq)
	}
	if got != top && len(q.may) == 0 {
		q.s.fail("%q: MODSEQ %d, want %d", l.raw, got, top)
	}
}

func (q *searching) checkExtended(r *reply, l *response) {
	s, args := q.s, l.args
	tag := args[0].list
	if len(tag) != 2 || tag[0].atom() != "TAG" || tag[1].s != r.tagged.tag {
		s.fail("%q is not for %s", l.raw, r.tagged.tag)
	}
	args = args[1:]
	if uid := len(args) > 0 && args[0].atom() == "UID"; uid != q.uid {
		s.fail("%q: UID is %v", l.raw, uid)
	} else if uid {
		args = args[1:]
	}
	got := make(map[string]value)
	for ; len(args) > 1; args = args[2:] {
		got[args[0].atom()] = args[1]
	}
	all := q.has("ALL") || len(q.ret) == 0
	n := len(q.want)
	if len(q.may) > 0 { // what is gone may count
		if v, ok := got["ALL"]; ok {
			q.checkFound(l, set(v.s))
		}
		return
	}
	want := map[string]string{}
	if q.has("COUNT") {
		want["COUNT"] = fmt.Sprint(n)
	}
	if q.has("MIN") && n > 0 {
		want["MIN"] = fmt.Sprint(q.number(0))
	}
	if q.has("MAX") && n > 0 {
		want["MAX"] = fmt.Sprint(q.number(n - 1))
	}
	for name, v := range got {
		switch {
		case name == "ALL" && all && n > 0:
			q.checkFound(l, set(v.s))
		case name == "MODSEQ" && q.key.mods && n > 0:
			q.checkModSeq(l, v.number(), q.told(all))
		case name == "PARTIAL" && q.part != nil:
			q.checkPartial(l, v)
		case want[name] != v.s:
			s.fail("%q for %q: %s should be %q", l.raw, q.c.text, name, want[name])
		}
		delete(want, name)
	}
	if _, ok := got["PARTIAL"]; ok != (q.part != nil) {
		s.fail("%q for %q: PARTIAL is %v", l.raw, q.c.text, ok)
	}
	if _, ok := got["ALL"]; len(want) > 0 || all && n > 0 && !ok {
		s.fail("%q for %q lacks %v", l.raw, q.c.text, want)
	}
}

// checkPartial holds a window against what was found.
func (q *searching) checkPartial(l *response, v value) {
	lo, hi := q.part.of(len(q.want))
	var got, want []uint32
	for k := lo; k < hi; k++ {
		want = append(want, q.number(k))
	}
	if len(v.list) != 2 || v.list[0].s != q.part.String() {
		q.s.fail("%q is not for PARTIAL %s", l.raw, q.part)
	}
	if v.list[1].atom() != "NIL" {
		got = set(v.list[1].s)
	}
	if !slices.Equal(got, want) {
		q.s.fail("%q for %q: want %v", l.raw, q.c.text, want)
	}
}

// told are the messages that an ESEARCH tells the MODSEQ of (RFC 7162 §3.1.10).
func (q *searching) told(all bool) (out []message) {
	n := len(q.want)
	if all || q.has("COUNT") || q.part != nil || !q.has("MIN") && !q.has("MAX") {
		return q.want
	}
	if q.has("MIN") {
		out = append(out, q.want[0])
	}
	if q.has("MAX") {
		out = append(out, q.want[n-1])
	}
	return out
}
