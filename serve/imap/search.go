package imap

import (
	"errors"
	"time"

	"barid/mail/mailbox"
	"barid/rfc/imap"
)

// finder is one search being done in one mailbox. It looks at what is in memory first, then at the cold rows
// of those messages that this did not decide, then at the bodies of those still open.
type finder struct {
	s        *session
	sel      *selected // the mailbox; not the session's in a search of several
	key      *imap.SearchKey
	view     *mailbox.View
	now      *mailbox.View
	at       time.Time // when it began, for OLDER and YOUNGER
	textKeys map[*imap.SearchKey]*textKey
	flags    map[imap.Flag]mailbox.Flags
	sets     map[*imap.SearchKey][]imap.Range
	hits     []bool // by index in view
	open     mailbox.UIDSet
	found    message // the message being looked at
	texts    texts
	fuzzy    []*fuzzyKey // of text keys within FUZZY
}

func newFinder(s *session, sel *selected, in *imap.Search) (*finder, error) {
	q := &finder{
		s: s, sel: sel, key: &in.Key, view: sel.view, now: sel.box.View(), at: s.srv.Now(),
		flags: make(map[imap.Flag]mailbox.Flags), sets: make(map[*imap.SearchKey][]imap.Range),
		textKeys: make(map[*imap.SearchKey]*textKey),
	}
	if err := q.prepare(q.key); err != nil {
		return nil, err
	}
	return q, nil
}

// prepare resolves once what would else be resolved for each message.
func (q *finder) prepare(k *imap.SearchKey) error {
	switch k.Op {
	case imap.SearchFlag:
		q.flags[k.Flag] = q.flagBit(k.Flag)
	case imap.SearchSeq:
		q.sets[k] = k.Seq.Resolve(uint32(q.view.Len()))
	case imap.SearchUID:
		q.sets[k] = k.UIDs.Resolve(q.lastUID())
	case imap.SearchSaved:
		q.sets[k] = wireRanges(q.sel.saved)
	case imap.SearchHeader, imap.SearchBody, imap.SearchText:
		if err := q.addText(k); err != nil {
			return err
		}
	}
	for i := range k.Keys {
		if err := q.prepare(&k.Keys[i]); err != nil {
			return err
		}
	}
	if k.Op == imap.SearchFuzzy {
		return q.prepareFuzzy(&k.Keys[0])
	}
	return nil
}

func (q *finder) lastUID() uint32 {
	if n := q.view.Len(); n > 0 {
		return uint32(q.view.At(n - 1).UID)
	}
	return 0
}

// flagBit gives the bit of a flag in this mailbox; 0 for a keyword that no message has.
func (q *finder) flagBit(f imap.Flag) mailbox.Flags {
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

// runIn decides the messages of a set.
func (q *finder) runIn(set mailbox.UIDSet) error {
	q.hits, q.open = make([]bool, q.view.Len()), nil
	for i, e := range q.view.In(set) {
		q.found = message{i: i, e: q.sel.current(q.now, e)}
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
func (q *finder) runCold() error {
	for len(q.open) > 0 {
		var later []message
		next, end := mailbox.UID(0), 0 // end: so many were looked at
		err := q.sel.box.Cold(q.s.ctx, q.view, q.open, func(i int, e mailbox.Entry, c *mailbox.Cold) error {
			end = i + 1
			if err := q.s.working(i-len(later), q.view.Len()); err != nil || c == nil {
				return err
			}
			q.found = message{i: i, e: q.sel.current(q.now, e), cold: c}
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
			if err := q.s.working(end-len(later)+k, q.view.Len()); err != nil {
				return err
			}
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

// result gives what was found, in mailbox order.
func (q *finder) result(uid bool) *result {
	r := &result{view: q.view, now: q.now, sel: q.sel, uid: uid, relevancy: q.relevancy}
	for i, hit := range q.hits {
		if hit {
			r.hits = append(r.hits, int32(i))
		}
	}
	return r
}
