package imapmodel

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// listening is what a client asked for with NOTIFY (RFC 5465), and what it knows of mailboxes that it has not selected.
type listening struct {
	delayed  bool              // SELECTED-DELAYED
	fetch    bool              // MessageNew has (UID FLAGS)
	messages bool              // message events of mailboxes
	flags    bool              // FlagChange, too
	names    bool              // MailboxName
	scope    func(string) bool // which mailboxes
	figures  map[*box]figure
	modseqs  bool            // figures have them
	heard    map[string]bool // names, and whether they can be selected
	own      []*box          // that a command of the client itself changed: that is no news
	mine     map[uint32]bool // messages that the client itself put into the selected mailbox
}

// figure is what STATUS told of a mailbox.
type figure struct {
	messages, unseen int
	next             uint32
	highest          uint64
	loose            bool // not told yet: what comes may be known
}

func (b *box) figure() figure {
	return figure{messages: len(b.msgs), unseen: len(b.msgs) - b.count(seen), next: b.next, highest: b.highest}
}

// listens reports whether the session hears of its mailbox at once.
func (s *session) listens() bool { return s.idle != "" || s.notify != nil && !s.notify.delayed }

// notifying makes up a NOTIFY SET.
func (h *history) notifying(s *session) *command {
	n := &listening{delayed: h.r.IntN(2) == 0, fetch: h.r.IntN(3) == 0, figures: make(map[*box]figure), mine: make(map[uint32]bool)}
	c := &command{text: "NOTIFY SET ", words: " STATUS LIST "}
	status := h.r.IntN(3) == 0
	if status {
		c.text += "STATUS "
	}
	c.text += map[bool]string{false: "(SELECTED ", true: "(SELECTED-DELAYED "}[n.delayed]
	c.text += map[bool]string{false: "(MessageNew MessageExpunge FlagChange))", true: "(MessageNew (UID FLAGS) MessageExpunge FlagChange))"}[n.fetch]
	filter := ""
	switch h.r.IntN(4) {
	case 0:
		filter, n.scope = "(SUBTREE A ", func(name string) bool { return name == "A" || strings.HasPrefix(name, "A/") }
	case 1:
		filter, n.scope = "(MAILBOXES (INBOX A/B) ", func(name string) bool { return name == "INBOX" || name == "A/B" }
	default:
		filter, n.scope = "(PERSONAL ", func(string) bool { return true }
	}
	if n.messages = h.r.IntN(4) > 0; n.messages {
		filter += "(MessageNew MessageExpunge"
		if n.flags = h.r.IntN(2) == 0; n.flags {
			filter += " FlagChange"
		}
		if n.names = h.r.IntN(2) == 0; n.names {
			filter += " MailboxName"
		}
	} else {
		n.names = true
		filter += "(MailboxName"
	}
	c.text += " " + filter + "))"
	c.before = func() { s.notify = nil }
	c.check = func(r *reply) {
		if !r.ok() {
			s.fail("%q was answered %q", c.text, r.tagged.raw)
		}
		s.notify = n
		n.heard = s.allNames()
		for _, b := range s.watched() {
			n.figures[b] = b.figure()
		}
		h.checkBegun(s, r, status)
	}
	return c
}

// checkBegun: with STATUS every mailbox that is watched for its messages is told. Others may be told of before.
func (h *history) checkBegun(s *session, r *reply, status bool) {
	told := make(map[*box]response)
	for _, l := range r.all("STATUS") {
		b := h.m.boxes[s.keyOf(l.args[0].s)]
		if b != nil {
			told[b] = l
		}
	}
	if !status {
		return
	}
	for _, b := range s.watched() {
		l, ok := told[b]
		if !ok {
			s.fail("NOTIFY does not tell STATUS of %q", b.name)
		}
		var items []string
		for i := 0; i < len(l.args[1].list); i += 2 {
			items = append(items, l.args[1].list[i].atom())
		}
		h.checkStatus(s, &l, b, items)
	}
}

// watched are the mailboxes whose messages are told by STATUS.
func (s *session) watched() (out []*box) {
	for name, b := range s.h.m.boxes {
		if b != nil && b != s.box && s.notify.messages && accountOf(name) == s.account && s.notify.scope(bare(name)) {
			out = append(out, b)
		}
	}
	return out
}

// allNames are those of the session's account.
func (s *session) allNames() map[string]bool {
	out := make(map[string]bool)
	for name, b := range s.h.m.boxes {
		if accountOf(name) == s.account {
			out[bare(name)] = b != nil
		}
	}
	return out
}

// keyOf finds a mailbox of the session's account by its name on the wire.
func (s *session) keyOf(wire string) string {
	all := s.allNames()
	for name := range s.notify.heard {
		all[name] = true
	}
	for name := range s.h.m.ever { // what is told late may be of one that is gone
		if accountOf(name) == s.account {
			all[bare(name)] = true
		}
	}
	for name := range all {
		if s.onWire(name) == wire {
			return [2]string{"", guest}[s.account] + name
		}
	}
	s.fail("%q is the name of no mailbox", wire)
	return ""
}

func (s *session) onWire(name string) string {
	if s.rev2 {
		return name
	}
	return utf7(name)
}

// takeNews is what a listening client makes of what it was told of other mailboxes. What a command of its own does is in
// the model before.
func (s *session) takeNews() {
	for i := range s.noticed {
		s.takeMark(&s.noticed[i])
	}
	s.noticed = s.noticed[:0]
	for i := range s.news {
		if s.notify == nil {
			break
		}
		if l := &s.news[i]; l.word == "STATUS" {
			s.takeStatus(l)
		} else {
			s.takeName(l)
		}
	}
	s.news = s.news[:0]
}

// knowOwn makes what a command of the client itself did known to it: it may be told, or not.
func (s *session) knowOwn(all []*box) {
	for _, b := range all {
		f := b.figure()
		f.loose = true
		s.notify.figures[b] = f
	}
	s.notify.own = nil
}

// takeStatus is what a listening client makes of STATUS that it did not ask for.
func (s *session) takeStatus(l *response) {
	b := s.h.m.boxes[s.keyOf(l.args[0].s)]
	if b == nil {
		return // it was deleted meanwhile
	}
	old := s.notify.figures[b]
	if b == s.box {
		if !old.loose { // it was under way before the mailbox was selected
			s.fail("%q of the selected mailbox", l.raw)
		}
		return
	}
	f := old
	for i := 0; i+1 < len(l.args[1].list); i += 2 {
		switch n := l.args[1].list[i+1]; l.args[1].list[i].atom() {
		case "MESSAGES":
			f.messages = int(n.number())
		case "UNSEEN":
			f.unseen = int(n.number())
		case "UIDNEXT":
			f.next = uint32(n.number())
		case "HIGHESTMODSEQ":
			f.highest = n.number()
		}
	}
	if !s.notify.messages || !s.notify.scope(bare(b.name)) {
		s.fail("%q was not asked for", l.raw)
	}
	if f == old && !old.loose {
		s.fail("%q tells nothing that is new", l.raw)
	}
	f.loose = false
	s.notify.figures[b] = f
}

// takeName is what a listening client makes of LIST.
func (s *session) takeName(l *response) {
	if !s.notify.names {
		s.fail("%q was not asked for", l.raw)
	}
	var attrs []string
	for _, v := range l.args[0].list {
		attrs = append(attrs, strings.ToLower(v.s))
	}
	if len(l.args) > 3 {
		if from := l.args[3].list; len(from) == 2 && strings.EqualFold(from[0].s, "OLDNAME") {
			s.moveNames(bare(s.keyOf(from[1].list[0].s)), bare(s.keyOf(l.args[2].s)))
		}
	}
	name := bare(s.keyOf(l.args[2].s))
	gone := slices.Contains(attrs, `\nonexistent`) // a name that is no mailbox's; others may still be below it
	if gone && !slices.Contains(attrs, `\haschildren`) {
		if _, known := s.notify.heard[name]; !known {
			s.fail("%q: there was none", l.raw)
		}
		delete(s.notify.heard, name)
		return
	}
	s.notify.heard[name] = !gone && !slices.Contains(attrs, `\noselect`)
}

// moveNames is what RENAME does to names that are known.
func (s *session) moveNames(from, to string) {
	for name, selectable := range s.notify.heard {
		if rest, ok := strings.CutPrefix(name+"/", from+"/"); ok && from != "INBOX" {
			delete(s.notify.heard, name)
			s.notify.heard[strings.TrimSuffix(to+"/"+rest, "/")] = selectable
		}
	}
}

// unheard says what a listening client was not told yet, "" if it was told all.
func (s *session) unheard() string {
	n := s.notify
	if n == nil {
		return ""
	}
	if s.condstore && !n.modseqs { // the client asks for those itself, once
		n.modseqs = true
		for b, f := range n.figures {
			f.highest, f.loose = b.highest, true
			n.figures[b] = f
		}
	}
	maps.DeleteFunc(n.figures, func(b *box, _ figure) bool { return b.account() != s.account || !n.scope(bare(b.name)) })
	for _, b := range s.watched() {
		f, ok := n.figures[b]
		want := b.figure()
		if !ok { // it came into scope: the client looks itself
			want.loose = true
			n.figures[b] = want
			continue
		}
		switch {
		case f.messages != want.messages, f.next != want.next, n.flags && f.unseen != want.unseen,
			n.flags && s.condstore && f.highest != want.highest:
			return fmt.Sprintf("to the client %q has %+v, it has %+v", b.name, f, want)
		}
	}
	for i, k := range s.msgs {
		if k.fresh && !k.hasFlags && !n.mine[k.uid] {
			return fmt.Sprintf("new message %d was not told with its flags", i+1)
		}
	}
	return s.unheardNames()
}

func (s *session) unheardNames() string {
	if !s.notify.names {
		return ""
	}
	all := s.allNames()
	for name, selectable := range all {
		if was, ok := s.notify.heard[name]; s.notify.scope(name) && (!ok || was != selectable) {
			return fmt.Sprintf("the client does not know of the name %q, selectable %v", name, selectable)
		}
	}
	for name := range s.notify.heard {
		if _, ok := all[name]; !ok && s.notify.scope(name) {
			return fmt.Sprintf("the client knows of the name %q", name)
		}
	}
	return ""
}
