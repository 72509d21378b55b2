package imap

import (
	"errors"

	"barid/mail/mailbox"
	"barid/rfc/imap"
)

// search is one SEARCH being done. It looks at what is in memory first, then at the cold rows of those
// messages that this did not decide, then at the bodies of those still open.
type search struct {
	s       *session
	key     *imap.SearchKey
	view    *mailbox.View
	now     *mailbox.View
	needles []needle // of BODY and TEXT keys
	flags   map[imap.Flag]mailbox.Flags
	sets    map[*imap.SearchKey][]imap.Range
	hits    []bool // by index in view
	open    mailbox.UIDSet
	found   message // the message being looked at
	texts   textScan
}

// cmdSearch is SEARCH and UID SEARCH, RFC 3501 §6.4.4, with MODSEQ of RFC 7162 §3.1.5.
func cmdSearch(s *session, c *call) error {
	in := c.Search()
	if err := c.End(); err != nil {
		return err
	}
	switch in.Charset {
	case "", "US-ASCII", "UTF-8":
	default:
		return no("BADCHARSET (US-ASCII UTF-8)", "charset is not supported")
	}
	if in.ModSeq {
		s.enableCondstore()
	}
	q, err := newSearch(s, &in.Key)
	if err != nil {
		return err
	}
	if err := q.run(); err != nil {
		return err
	}
	if s.has(extRev2) {
		q.writeExtended(c)
		return nil
	}
	q.write(c.uid, in.ModSeq)
	return nil
}

// writeExtended answers as IMAP4rev2 does when nothing is asked for (RFC 9051 §6.4.4): ESEARCH with ALL.
func (q *search) writeExtended(c *call) {
	var all numberList
	for i, hit := range q.hits {
		if hit && c.uid {
			all.add(uint32(q.view.At(i).UID))
		} else if hit {
			all.add(uint32(i + 1))
		}
	}
	out := q.s.esearch(c)
	if len(all) > 0 {
		out.S(" ALL ").Set(all)
	}
	out.CRLF()
}

func newSearch(s *session, key *imap.SearchKey) (*search, error) {
	q := &search{
		s: s, key: key, view: s.sel.view, now: s.sel.box.View(),
		flags: make(map[imap.Flag]mailbox.Flags), sets: make(map[*imap.SearchKey][]imap.Range),
	}
	q.hits = make([]bool, q.view.Len())
	if err := q.prepare(key); err != nil {
		return nil, err
	}
	q.texts.needles = q.needles
	return q, nil
}

// prepare resolves once what would else be resolved for each message.
func (q *search) prepare(k *imap.SearchKey) error {
	switch k.Op {
	case imap.SearchFlag:
		q.flags[k.Flag] = q.flagBit(k.Flag)
	case imap.SearchSeq:
		if _, err := q.s.sel.seqSpans(k.Seq); err != nil {
			return err
		}
		q.sets[k] = k.Seq.Resolve(uint32(q.view.Len()))
	case imap.SearchUID:
		q.sets[k] = k.UIDs.Resolve(q.lastUID())
	case imap.SearchHeader:
		k.Text = fold(k.Text)
	case imap.SearchBody, imap.SearchText:
		if len(q.needles) == q.s.srv.set.MaxNeedles {
			return no("LIMIT", "too many BODY and TEXT keys in one SEARCH")
		}
		k.Text = fold(k.Text)
		k.Number = uint64(len(q.needles)) // its place in needles
		q.needles = append(q.needles, needle{text: []byte(k.Text), headers: k.Op == imap.SearchText})
	}
	for i := range k.Keys {
		if err := q.prepare(&k.Keys[i]); err != nil {
			return err
		}
	}
	return nil
}

func (q *search) lastUID() uint32 {
	if n := q.view.Len(); n > 0 {
		return uint32(q.view.At(n - 1).UID)
	}
	return 0
}

// flagBit gives the bit of a flag in this mailbox; 0 for a keyword that no message has.
func (q *search) flagBit(f imap.Flag) mailbox.Flags {
	sys, words := splitFlags([]imap.Flag{f})
	if len(words) == 0 {
		return sys
	}
	for i, k := range q.now.Keywords() {
		if sameKeyword(k, words[0]) {
			return mailbox.Keyword(i)
		}
	}
	return 0
}

func sameKeyword(a, b string) bool { return upperASCII(a) == upperASCII(b) }

// run decides every message.
func (q *search) run() error {
	for i, e := range q.view.All() {
		q.found = message{i: i, e: q.s.sel.current(q.now, e)}
		switch q.eval(q.key, levelHot) {
		case match:
			q.hits[i] = true
		case undecided:
			q.open = q.open.Add(e.UID)
		}
	}
	if len(q.open) == 0 {
		return nil
	}
	return q.runCold()
}

// runCold decides what memory alone could not, in batches, so that no snapshot of the store is held while
// bodies are read.
func (q *search) runCold() error {
	for len(q.open) > 0 {
		var later []message
		next := mailbox.UID(0)
		err := q.s.sel.box.Cold(q.s.ctx, q.view, q.open, func(i int, e mailbox.Entry, c *mailbox.Cold) error {
			if c == nil {
				return nil
			}
			q.found = message{i: i, e: q.s.sel.current(q.now, e), cold: c}
			switch q.eval(q.key, levelCold) {
			case match:
				q.hits[i] = true
			case undecided:
				later = append(later, q.found.keep())
			}
			if len(later) == batchRows {
				next = e.UID + 1
				return errBatch
			}
			return nil
		})
		if err != nil && !errors.Is(err, errBatch) {
			return err
		}
		for k := range later {
			if err := q.runBody(&later[k]); err != nil {
				return err
			}
		}
		if next == 0 {
			return nil
		}
		q.open = above(q.open, next)
	}
	return nil
}

// above gives the members of set from uid on.
func above(set mailbox.UIDSet, uid mailbox.UID) mailbox.UIDSet {
	for len(set) > 0 && set[0].Hi < uid {
		set = set[1:]
	}
	if len(set) > 0 && set[0].Lo < uid {
		set = append(mailbox.UIDSet{{Lo: uid, Hi: set[0].Hi}}, set[1:]...)
	}
	return set
}

// write answers with the numbers of the hits, and with the highest modseq among them if that was asked.
func (q *search) write(uid, modseq bool) {
	out := q.s.out
	out.S("* SEARCH")
	var top mailbox.ModSeq
	for i, hit := range q.hits {
		if !hit {
			continue
		}
		e := q.view.At(i)
		n := uint64(i + 1)
		if uid {
			n = uint64(e.UID)
		}
		out.C(' ').N(n)
		top = max(top, q.s.sel.current(q.now, e).ModSeq)
	}
	if modseq && top > 0 {
		out.S(" (MODSEQ ").N(uint64(top)).C(')')
	}
	out.CRLF()
}
