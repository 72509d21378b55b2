package imap

import (
	"slices"
	"time"

	"barid/mail/mailbox"
	"barid/rfc/imap"
)

// fetch is one FETCH being done.
type fetch struct {
	s       *session
	items   []imap.FetchItem
	needs   needs
	uid     bool
	down    bool                    // from the highest UID down (RFC 9738 §3.1)
	modseq  bool                    // MODSEQ is among the items
	hasUID  bool                    // UID is, too
	now     *mailbox.View           // flags are read from here
	seen    map[mailbox.UID]bool    // messages this FETCH made \Seen: their flags are told
	gone    bool                    // a message of the set was expunged meanwhile
	failed  error                   // the first message that could not be read
	rows    []row                   // a batch of cold rows
	arena   []byte                  // their bytes
	scratch []byte                  // header fields of one message
	lazy    int                     // previews that LAZY may still make
	fields  map[int]*fieldSelection // prepared HEADER.FIELDS by index in items
}

// cmdFetch is FETCH and UID FETCH, RFC 3501 §6.4.5, with the modifiers of fetch_modifier.go.
func cmdFetch(s *session, c *call) error {
	set := numberSet{}
	spans, err := s.readSet(c, &set)
	if err != nil {
		return err
	}
	c.SP()
	f := &fetch{s: s, items: c.FetchItems(), uid: c.uid, lazy: lazyPreviews}
	mod := s.readFetchModifiers(c)
	if err := c.End(); err != nil {
		return err
	}
	f.prepare(mod.changed)
	if spans, err = s.windowWithin(spans, mod.partial); err != nil {
		return err
	}
	if mod.changed {
		if mod.vanished {
			if err := s.fetchVanished(set, mod.since); err != nil {
				return err
			}
		}
		spans = s.sel.changedSince(spans, mod.since)
	}
	spans = s.limited(c, spans)
	f.down = c.lowest > 0
	if err := f.setSeen(spans); err != nil {
		return err
	}
	f.now = s.sel.box.View()
	s.announceKeywords(f.now)
	if err = f.answer(spans); err == nil {
		err = f.failed
	}
	if err == nil && f.gone {
		return no(codeGone, "some of the messages were expunged")
	}
	return err
}

// changedSince narrows spans to messages changed after since.
func (sel *selected) changedSince(spans []span, since mailbox.ModSeq) []span {
	now := sel.box.View()
	var out []span
	for _, sp := range spans {
		for i, e := range sel.view.Range(sp.lo, sp.hi) {
			if sel.current(now, e).ModSeq <= since {
				continue
			}
			if n := len(out); n > 0 && out[n-1].hi == i {
				out[n-1].hi++
				continue
			}
			out = append(out, span{i, i + 1})
		}
	}
	return out
}

// needs says where a FETCH must look.
type needs struct {
	cold bool // the cold row
	name bool // also that, but only of messages that came from another account
	tree bool // the structure of the message, decoded
	seen bool // sets \Seen
}

// prepare finds out what the items need, and adds those that are implied.
func (f *fetch) prepare(changedSince bool) {
	hasModSeq := false
	for i, it := range f.items {
		switch it.Item {
		case imap.ItemUID:
			f.hasUID = true
		case imap.ItemModSeq:
			hasModSeq = true
		case imap.ItemEnvelope, imap.ItemBodyStructure, imap.ItemThreadID:
			f.needs.cold = true
		case imap.ItemEmailID:
			f.needs.name = true
		case imap.ItemBinary, imap.ItemBinarySize, imap.ItemPreview:
			f.needs.cold, f.needs.tree = true, true
			f.needs.seen = f.needs.seen || !it.Peek
		case imap.ItemBody:
			f.needs.cold, f.needs.tree = true, true
		case imap.ItemSection:
			f.needs.cold = true
			f.needs.seen = f.needs.seen || !it.Peek
			f.prepareSection(i, it.Section)
		}
	}
	if f.uid && !f.hasUID && !f.s.has(extUIDOnly) {
		f.hasUID = true
		f.items = append([]imap.FetchItem{{Item: imap.ItemUID, Label: "UID"}}, f.items...)
		f.shiftFields()
	}
	if changedSince || hasModSeq {
		f.s.enableCondstore()
	}
	if changedSince && !hasModSeq {
		f.items = append(f.items, imap.FetchItem{Item: imap.ItemModSeq, Label: "MODSEQ"})
	}
	f.modseq = changedSince || hasModSeq
}

// shiftFields keeps fields in step with an item put in front.
func (f *fetch) shiftFields() {
	shifted := make(map[int]*fieldSelection, len(f.fields))
	for i, sel := range f.fields {
		shifted[i+1] = sel
	}
	f.fields = shifted
}

// setSeen sets \Seen on all messages that do not have it, as one change, before their bytes are sent.
func (f *fetch) setSeen(spans []span) error {
	sel := f.s.sel
	if !f.needs.seen || f.s.changeable()&mailbox.Seen == 0 {
		return nil
	}
	now := sel.box.View()
	f.seen = make(map[mailbox.UID]bool)
	var set mailbox.UIDSet
	for _, sp := range spans {
		for _, e := range sel.view.Range(sp.lo, sp.hi) {
			if sel.current(now, e).Flags&mailbox.Seen == 0 {
				set = set.Add(e.UID)
				f.seen[e.UID] = true
			}
		}
	}
	if len(set) == 0 {
		return nil
	}
	_, modseq, err := sel.box.Store(f.s.ctx, set, mailbox.StoreOp{Mode: mailbox.Add, Flags: mailbox.Seen})
	if err != nil {
		return err
	}
	sel.tell(ownChange{modseq: modseq})
	return nil
}

// answer answers for all messages of spans.
func (f *fetch) answer(spans []span) error {
	switch {
	case f.needs.cold:
		return f.cold(spans)
	case f.needs.name:
		return f.hotOrCold(spans)
	}
	return f.hot(spans)
}

// hotOrCold answers from what is in memory but for messages whose EMAILID is of another account.
func (f *fetch) hotOrCold(spans []span) error {
	parts := f.stretches(spans)
	if f.down {
		slices.Reverse(parts)
	}
	for _, part := range parts {
		do := f.hot
		if f.s.sel.view.At(part.lo).Foreign {
			do = f.cold
		}
		if err := do([]span{part}); err != nil {
			return err
		}
	}
	return nil
}

// stretches cuts spans where messages that came from another account begin and end.
func (f *fetch) stretches(spans []span) (out []span) {
	for _, sp := range spans {
		was, lo := false, sp.lo
		for i, e := range f.s.sel.view.Range(sp.lo, sp.hi) {
			if is := e.Foreign; is != was {
				if i > lo {
					out = append(out, span{lo, i})
				}
				was, lo = is, i
			}
		}
		if sp.hi > lo {
			out = append(out, span{lo, sp.hi})
		}
	}
	return out
}

// hot answers from what is in memory.
func (f *fetch) hot(spans []span) error {
	if f.down {
		return f.hotDown(spans)
	}
	for _, sp := range spans {
		for i, e := range f.s.sel.view.Range(sp.lo, sp.hi) {
			f.hotMessage(i, e)
		}
		if err := f.s.out.Err(); err != nil {
			return err
		}
	}
	return nil
}

// hotDown is hot from the highest UID down.
func (f *fetch) hotDown(spans []span) error {
	for _, sp := range slices.Backward(spans) {
		for i := sp.hi - 1; i >= sp.lo; i-- {
			f.hotMessage(i, f.s.sel.view.At(i))
		}
	}
	return f.s.out.Err()
}

// hotMessage writes the response for one message.
func (f *fetch) hotMessage(i int, e mailbox.Entry) {
	f.s.fetchHead(i, e.UID)
	for n, it := range f.items {
		if n > 0 {
			f.s.out.C(' ')
		}
		f.hotItem(it, f.s.sel.current(f.now, e))
	}
	f.s.out.S(")\r\n")
}

// hotItem writes one item that is kept in memory; ok is false for others.
func (f *fetch) hotItem(it imap.FetchItem, e mailbox.Entry) (ok bool) {
	out := f.s.out
	switch it.Item {
	case imap.ItemUID:
		out.S("UID ").N(uint64(e.UID))
	case imap.ItemFlags:
		out.S("FLAGS ").S(f.s.sel.flags(e))
	case imap.ItemInternalDate:
		out.S("INTERNALDATE ").Date(e.Time())
	case imap.ItemSize:
		out.S("RFC822.SIZE ").N(uint64(e.Size))
	case imap.ItemEmailID:
		if e.Foreign {
			return false
		}
		out.S("EMAILID (").S(emailID(f.s.sel.owner, e.Msg, mailbox.Origin{})).C(')')
	case imap.ItemSaveDate:
		out.S("SAVEDATE ")
		if e.Saved == 0 {
			out.S("NIL")
		} else {
			out.Date(time.Unix(e.Saved, 0))
		}
	case imap.ItemModSeq:
		out.S("MODSEQ (").N(uint64(e.ModSeq)).C(')')
	default:
		return false
	}
	return true
}
