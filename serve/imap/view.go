package imap

import (
	"context"
	"slices"
	"strings"

	"barid/mail"
	"barid/mail/mailbox"
	"barid/rfc/imap"
)

// selected is the mailbox a session is in.
//
// Invariant: view is what the client knows: its sequence numbers are the view's indexes plus one.
type selected struct {
	box      *mailbox.Mailbox
	at       place          // where its name led when it was selected
	owner    mail.AccountID // whose mailbox it is
	name     string
	readOnly bool
	view     *mailbox.View
	recent   mailbox.UIDSet // of those, the ones in the view are \Recent in this session
	unwatch  func()
	told     []ownChange // changes of our own that the client knows already
	words    flagWords
	keywords int            // of the mailbox that the client was told of
	saved    mailbox.UIDSet // "$" (RFC 5182)
	vanished bool           // VANISHED was told, and HIGHESTMODSEQ not yet (RFC 7162 §6)
	contexts []*searchContext
	mine     mailbox.UIDSet // messages that this session put here and was not told of yet (RFC 5465 §5.2)
}

// maxTold bounds selected.told; what is forgotten is told once more, which does no harm.
const maxTold = 64

// deselect leaves the mailbox.
func (s *session) deselect() {
	if s.sel != nil {
		if s.notify != nil {
			s.notify.leave(s.sel)
		}
		s.sel.unwatch()
		s.sel.box.Close()
		s.sel = nil
	}
}

// ownChange is a change of flags that this session made.
type ownChange struct {
	modseq mailbox.ModSeq
	silent *mailbox.StoreOp // what the client works out by itself; nil: it was told the flags
	before *mailbox.View    // with silent: the mailbox before
}

// tell notes that the client knows a change.
func (sel *selected) tell(c ownChange) {
	if c.modseq == 0 {
		return
	}
	if len(sel.told) == maxTold {
		sel.told = append(sel.told[:0], sel.told[1:]...)
	}
	sel.told = append(sel.told, c)
}

// knows reports whether the client knows the flags that e has now: it was told, or it works them out of those it
// had. It can not if somebody else changed them in between (RFC 3501 §6.4.6). at is its index in now.
func (sel *selected) knows(at int, e mailbox.Entry, now *mailbox.View) bool {
	k := slices.IndexFunc(sel.told, func(c ownChange) bool { return c.modseq == e.ModSeq })
	if k < 0 || sel.told[k].silent == nil {
		return k >= 0
	}
	own := &sel.told[k]
	before, ok := entryOf(own.before, at, e.UID)
	if ok && own.before != sel.view {
		var had mailbox.Entry
		had, ok = entryOf(sel.view, at, e.UID)
		ok = ok && had.ModSeq == before.ModSeq
	}
	return ok && apply(own.silent, before.Flags, now.Keywords()) == e.Flags
}

// entryOf gives the message with a UID, which most likely has the index at.
func entryOf(v *mailbox.View, at int, uid mailbox.UID) (mailbox.Entry, bool) {
	if at < v.Len() {
		if e := v.At(at); e.UID == uid {
			return e, true
		}
	}
	i, ok := v.Seq(uid)
	if !ok {
		return mailbox.Entry{}, false
	}
	return v.At(i), true
}

// apply gives the flags that a message has after a STORE.
func apply(op *mailbox.StoreOp, f mailbox.Flags, keywords []string) mailbox.Flags {
	mask := op.Flags
	for i, k := range keywords {
		if slices.ContainsFunc(op.Keywords, func(w string) bool { return strings.EqualFold(w, k) }) {
			mask |= mailbox.Keyword(i)
		}
	}
	switch op.Mode {
	case mailbox.Add:
		return f | mask
	case mailbox.Remove:
		return f &^ mask
	}
	return mask
}

// span is a run of messages by index in a view: lo <= i < hi.
type span struct{ lo, hi int }

// update tells the client what changed since the view it knows, if that can be told now.
func (s *session) update(expunges bool) {
	if s.revoked() {
		return
	}
	sel := s.sel
	old, now := sel.view, sel.box.View()
	if now == old {
		return
	}
	if now.Gone() {
		s.bye("the selected mailbox was deleted")
		return
	}
	kept := now.IndexFrom(old.UIDNext())
	if kept < old.Len() && !expunges { // all else waits with it, as RFC 5465 §6.1.2 allows
		s.tellDelay()
		return
	}
	var gone []expunged
	var changed []int
	mailbox.Diff(old, now,
		func(i int, e mailbox.Entry) { gone = append(gone, expunged{i, e.UID}) },
		func(i int, _ mailbox.Entry) { changed = append(changed, i) })
	s.tellExpunged(gone)
	changed, touched := sel.news(changed, now)
	clear(sel.told)
	sel.view, sel.told = now, sel.told[:0]
	s.announceNew(now, kept)
	if s.hearsFlags() {
		for _, i := range changed {
			s.fetchFlags(i, now.At(i), s.notifying != nil || s.has(extRev2)) // RFC 9051 §7.5.2
		}
	}
	results := s.contextsChange(append(touched, now.UIDs(kept, now.Len())...))
	s.fetchNew(kept)
	s.tellContexts(results)
}

// news gives those of the messages changed in now that the client does not know of yet, and the UIDs of all of them.
func (sel *selected) news(changed []int, now *mailbox.View) (untold []int, touched mailbox.UIDSet) {
	untold = changed[:0]
	for _, i := range changed {
		e := now.At(i)
		touched = touched.Add(e.UID)
		if !sel.knows(i, e, now) {
			untold = append(untold, i)
		}
	}
	return untold, touched
}

// expunged is a message that is gone, with its index in the view that had it.
type expunged struct {
	i   int
	uid mailbox.UID
}

// tellExpunged tells which messages are gone, the last first.
func (s *session) tellExpunged(gone []expunged) {
	if len(gone) == 0 {
		return
	}
	uids := make([]mailbox.UID, len(gone))
	for k, g := range gone {
		uids[k] = g.uid
	}
	set := descending(uids)
	s.contextsExpunge(set)
	if s.vanishes() {
		s.vanished("", set)
		s.sel.vanished = true
		return
	}
	for _, g := range gone {
		s.out.S("* ").N(uint64(g.i + 1)).S(" EXPUNGE\r\n")
	}
}

// tellDelay says up to which modseq the client knows the mailbox while VANISHED must wait: it may have been
// told higher ones of single messages (RFC 7162 §6).
func (s *session) tellDelay() {
	if s.has(extQResync) {
		s.out.S("* OK [").S(highestCode(s.sel.view))
		s.note("expunged messages are told later")
	}
}

// announceNew tells of messages that came, and of keywords that did.
func (s *session) announceNew(now *mailbox.View, kept int) {
	s.announceKeywords(now)
	if now.Len() == kept {
		return
	}
	s.takeRecent(s.ctx)
	s.out.S("* ").N(uint64(now.Len())).S(" EXISTS\r\n")
	s.writeRecent()
}

// writeRecent writes RECENT, which IMAP4rev2 does not have (RFC 9051 appendix E).
func (s *session) writeRecent() {
	if !s.has(extRev2) {
		s.out.S("* ").N(uint64(s.sel.countRecent())).S(" RECENT\r\n")
	}
}

// announceKeywords tells of keywords that came, before a message has one.
func (s *session) announceKeywords(now *mailbox.View) {
	if len(now.Keywords()) != s.sel.keywords {
		s.writeFlagsResponse(now)
	}
}

// takeRecent claims newly come messages as \Recent for this session (RFC 3501 §2.3.2). Should that fail
// they are not recent to this session, which the RFC leaves open.
func (s *session) takeRecent(ctx context.Context) {
	sel := s.sel
	if sel.readOnly || s.has(extRev2) {
		return
	}
	taken, err := sel.box.TakeRecent(ctx)
	if err == nil && len(taken) > 0 {
		sel.addRecent(taken[0])
	}
}

// maxRecent bounds selected.recent: sessions that take turns at new messages have one range for each turn. Past it
// the oldest are joined, and what lies between is recent, too: RFC 3501 §2.3.2 wants that when in doubt.
const maxRecent = 64

func (sel *selected) addRecent(r mailbox.UIDRange) {
	rs := sel.recent
	switch n := len(rs); {
	case n > 0 && rs[n-1].Hi+1 == r.Lo:
		rs[n-1].Hi = r.Hi
		return
	case n == maxRecent:
		rs[1].Lo = rs[0].Lo
		rs = append(rs[:0], rs[1:]...)
	}
	sel.recent = append(rs, r)
}

// countRecent is how many messages of the view are recent.
func (sel *selected) countRecent() (n int) {
	for _, sp := range sel.viewSpans(sel.recent) {
		n += sp.hi - sp.lo
	}
	return n
}

func (sel *selected) isRecent(e mailbox.Entry) bool {
	return len(sel.recent) > 0 && sel.recent.Contains(e.UID)
}

// current gives e as it is now, if it is still there: newer than the view while an EXPUNGE waits.
func (sel *selected) current(now *mailbox.View, e mailbox.Entry) mailbox.Entry {
	if now == sel.view {
		return e
	}
	if i, ok := now.Seq(e.UID); ok {
		return now.At(i)
	}
	return e
}

// fetchHead begins an untagged FETCH, or UIDFETCH for a client that knows no sequence numbers (RFC 9586
// §3.3), of the message at index i. What follows is one or more items and "))".
func (s *session) fetchHead(i int, uid mailbox.UID) {
	if s.has(extUIDOnly) {
		s.out.S("* ").N(uint64(uid)).S(" UIDFETCH (")
		return
	}
	s.out.S("* ").N(uint64(i + 1)).S(" FETCH (")
}

// fetchFlags writes an untagged FETCH with the flags of the message at index i.
func (s *session) fetchFlags(i int, e mailbox.Entry, withUID bool) {
	s.fetchHead(i, e.UID)
	s.out.S("FLAGS ").S(s.sel.flags(e))
	if s.tellsUID(withUID) {
		s.out.S(" UID ").N(uint64(e.UID))
	}
	if s.has(extCondstore) {
		s.out.S(" MODSEQ (").N(uint64(e.ModSeq)).C(')')
	}
	s.out.S(")\r\n")
}

// tellsUID reports whether a FETCH that tells of flags has the UID: always where it has the modseq, for a server
// with QRESYNC (RFC 7162 §3.2.4), never where the UID stands in front.
func (s *session) tellsUID(asked bool) bool {
	return (asked || s.has(extCondstore)) && !s.has(extUIDOnly)
}

// flagWords keeps the last flag list written: in a mailbox most are alike.
type flagWords struct {
	flags  mailbox.Flags
	recent bool
	view   *mailbox.View // whose keywords were used
	text   string
}

// flags gives the flag list of e with its parentheses.
func (sel *selected) flags(e mailbox.Entry) string {
	w, recent := &sel.words, sel.isRecent(e)
	if w.text == "" || w.flags != e.Flags || w.recent != recent || w.view != sel.view {
		*w = flagWords{flags: e.Flags, recent: recent, view: sel.view}
		w.text = string(appendFlags(nil, e.Flags, recent, sel.box.View().Keywords()))
	}
	return w.text
}

// systemFlags pairs bits with names.
var systemFlags = [...]struct {
	bit  mailbox.Flags
	name imap.Flag
}{
	{mailbox.Answered, imap.Answered},
	{mailbox.Flagged, imap.Flagged},
	{mailbox.Deleted, imap.Deleted},
	{mailbox.Seen, imap.Seen},
	{mailbox.Draft, imap.Draft},
}

func appendFlags(dst []byte, f mailbox.Flags, recent bool, keywords []string) []byte {
	dst = append(dst, '(')
	add := func(s string) {
		if dst[len(dst)-1] != '(' {
			dst = append(dst, ' ')
		}
		dst = append(dst, s...)
	}
	for _, sf := range systemFlags {
		if f&sf.bit != 0 {
			add(string(sf.name))
		}
	}
	for i, k := range keywords {
		if f&mailbox.Keyword(i) != 0 {
			add(k)
		}
	}
	if recent {
		add(string(imap.Recent))
	}
	return append(dst, ')')
}

// splitFlags parts a client's flags into system flags and keywords.
func splitFlags(fs []imap.Flag) (sys mailbox.Flags, keywords []string) {
	for _, f := range fs {
		if !strings.HasPrefix(string(f), `\`) {
			keywords = append(keywords, string(f))
			continue
		}
		for _, sf := range systemFlags {
			if sf.name == f {
				sys |= sf.bit
			}
		}
	}
	return sys, keywords
}
