package imapmodel

import (
	"fmt"
	"slices"
	"strings"
)

// source is one of the places that an ESEARCH looks into (RFC 7377 §2.2).
type source struct {
	text  string
	means func(s *session, name string) bool
}

// source makes one up.
func (h *history) source(s *session) source {
	a, b := h.name(), h.name()
	visible := func(s *session, name string) bool { return h.m.rights(s.account, name)&mayLookup != 0 }
	switch h.r.IntN(7) {
	case 0:
		return source{"PERSONAL", func(s *session, name string) bool { return accountOf(name) == s.account }}
	case 1:
		return source{"INBOXES", func(s *session, name string) bool { return accountOf(name) == s.account && isInbox(name) }}
	case 2:
		return source{"SUBTREE " + s.wire(a), func(s *session, name string) bool {
			return visible(s, name) && (name == a || strings.HasPrefix(name, a+"/"))
		}}
	case 3:
		return source{"SUBTREE-ONE " + s.wire(a), func(s *session, name string) bool {
			rest, below := strings.CutPrefix(name, a+"/")
			return visible(s, name) && (name == a || below && !strings.Contains(rest, "/"))
		}}
	case 4:
		if s.box != nil {
			return source{"SELECTED", func(s *session, name string) bool { return s.box != nil && s.box.name == name }}
		}
	}
	return source{"MAILBOXES (" + s.wire(a) + " " + s.wire(b) + ")", func(_ *session, name string) bool { return name == a || name == b }}
}

// multisearch is an ESEARCH that was made up.
type multisearch struct {
	h       *history
	s       *session
	c       *command
	sources []source // none: the selected mailbox
	key     key
	ret     []string
	want    map[string][]uint32        // by the name of the mailbox, of which something must be told
	may     map[string]map[uint32]bool // what the selected one may tell, being gone
}

// multisearching makes up an ESEARCH.
func (h *history) multisearching(s *session) *command {
	q := &multisearch{h: h, s: s, c: &command{words: " ESEARCH "}}
	text := "ESEARCH"
	if s.box == nil || h.r.IntN(6) > 0 {
		var words []string
		for range 1 + h.r.IntN(3) {
			x := h.source(s)
			q.sources, words = append(q.sources, x), append(words, x.text)
		}
		text += " IN (" + strings.Join(words, " ") + ")"
	}
	if h.r.IntN(3) > 0 {
		for _, o := range []string{"MIN", "MAX", "ALL", "COUNT"} {
			if h.r.IntN(2) == 0 {
				q.ret = append(q.ret, o)
			}
		}
		text += " RETURN (" + strings.Join(q.ret, " ") + ")"
	}
	if len(q.ret) == 0 {
		q.ret = []string{"ALL"}
	}
	switch h.r.IntN(5) {
	case 0:
		q.key = h.savedKey()
	case 1:
		q.key = h.emailKey()
	default:
		q.key = h.steady()
	}
	q.c.text = text + " " + q.key.text
	q.c.before, q.c.check = q.before, q.check
	return q.c
}

// before finds what there is to find. In the selected mailbox that is what the client knows of.
func (q *multisearch) before() {
	s := q.s
	q.want, q.may = make(map[string][]uint32), make(map[string]map[uint32]bool)
	for name, b := range q.h.m.boxes {
		switch {
		case b == nil || s.reach(name, mayRead) == nil || !q.means(name):
		case b == s.box:
			q.may[name] = make(map[uint32]bool)
			for i, k := range s.msgs {
				if m := b.find(k.uid); m == nil {
					q.may[name][k.uid] = true
				} else if q.key.has(i, m) {
					q.want[name] = append(q.want[name], k.uid)
				}
			}
		default:
			for i := range b.msgs {
				if q.key.has(i, &b.msgs[i]) {
					q.want[name] = append(q.want[name], b.msgs[i].uid)
				}
			}
		}
	}
}

func (q *multisearch) means(name string) bool {
	if q.sources == nil {
		return q.s.box != nil && q.s.box.name == name
	}
	return slices.ContainsFunc(q.sources, func(x source) bool { return x.means(q.s, name) })
}

func (q *multisearch) check(r *reply) {
	s := q.s
	if !r.ok() {
		s.fail("%q was answered %q", q.c.text, r.tagged.raw)
	}
	told := make(map[string]bool)
	for _, l := range r.all("ESEARCH") {
		head := l.args[0].list
		if len(head) == 2 {
			continue // an update
		}
		if len(head) != 6 || head[0].atom() != "TAG" || head[1].s != r.tagged.tag || head[2].atom() != "MAILBOX" || head[4].atom() != "UIDVALIDITY" {
			s.fail("%q for %q", l.raw, q.c.text)
		}
		name := q.nameOf(head[3].s)
		if told[name] || q.want[name] == nil && len(q.may[name]) == 0 || head[5].number() != uint64(q.h.m.boxes[name].validity) {
			s.fail("%q for %q: nothing is there, or it was told before", l.raw, q.c.text)
		}
		told[name] = true
		q.checkOne(&l, name)
	}
	for name, want := range q.want {
		if !told[name] {
			s.fail("%q tells nothing of %q, which has %v", q.c.text, name, want)
		}
	}
}

// nameOf finds a mailbox that was meant.
func (q *multisearch) nameOf(wire string) string {
	for name := range q.h.m.boxes {
		called := q.s.called(name)
		if !q.s.rev2 {
			called = utf7(called)
		}
		if called == wire {
			return name
		}
	}
	q.s.fail("%q is the name of no mailbox", wire)
	return ""
}

// checkOne holds the result of one mailbox against what there is.
func (q *multisearch) checkOne(l *response, name string) {
	if len(q.may[name]) > 0 { // what is gone may count
		return
	}
	want, ids := make(map[string]string), q.want[name]
	for _, o := range q.ret {
		want[o] = map[string]string{
			"MIN": fmt.Sprint(ids[0]), "MAX": fmt.Sprint(ids[len(ids)-1]), "COUNT": fmt.Sprint(len(ids)), "ALL": compact(ids),
		}[o]
	}
	if len(l.args) != 2+2*len(want) || l.args[1].atom() != "UID" {
		q.s.fail("%q for %q: want %v", l.raw, q.c.text, want)
	}
	for i := 2; i+1 < len(l.args); i += 2 {
		got := l.args[i+1].s
		if o := l.args[i].atom(); want[o] != got && (o != "ALL" || !slices.Equal(set(got), ids)) {
			q.s.fail("%q for %q: want %s %s", l.raw, q.c.text, o, want[o])
		}
	}
}
