package imap

import (
	"strconv"

	"barid/mail/mailbox"
	"barid/rfc/imap"
)

// A server may bound the messages that one command works on (RFC 9738). What is processed then are those with the
// highest UIDs, from the highest down, and the client is told where the work stopped. COPY and APPEND are all or
// nothing: they are refused. EXPUNGE, CLOSE and STATUS are never bounded.

// messageLimit is how many messages one command of this session may work on; 0 is any number. A client that is not
// told of MESSAGELIMIT is not bounded: it would not see that something is missing.
func (s *session) messageLimit() int {
	if s.hides("MESSAGELIMIT") {
		return 0
	}
	return s.srv.set.CommandMessages
}

// saveLimit is how many messages one COPY or APPEND may bring; 0 is any number.
func (s *session) saveLimit() int {
	if n := s.messageLimit(); n > 0 {
		return n
	}
	if s.hides("SAVELIMIT") {
		return 0
	}
	return s.srv.set.SavedMessages
}

// limitsCommands, limitsSaving: the one capability includes the other, so never both are told (RFC 9738 §3).
func limitsCommands(s *session) bool { return s.messageLimit() > 0 }
func limitsSaving(s *session) bool   { return s.messageLimit() == 0 && s.saveLimit() > 0 }

func messageLimitValue(s *session) string { return strconv.Itoa(s.messageLimit()) }
func saveLimitValue(s *session) string    { return strconv.Itoa(s.saveLimit()) }

// overLimit refuses work on more than limit messages.
func overLimit(limit int, lowest mailbox.UID) error {
	return no(limitCode(limit, lowest), "too many messages for one command")
}

// limitCode is the response code of RFC 9738 §3.1; lowest 0: nothing was processed.
func limitCode(limit int, lowest mailbox.UID) string {
	b := strconv.AppendInt([]byte("MESSAGELIMIT "), int64(limit), 10)
	if lowest > 0 {
		b = strconv.AppendUint(append(b, ' '), uint64(lowest), 10)
	}
	return string(b)
}

// limited leaves of spans the last messages, as many as c may work on, and notes in c where they begin if that
// leaves some out.
func (s *session) limited(c *call, spans []span) []span {
	kept, over := lastOf(spans, s.messageLimit())
	if over {
		c.lowest = s.sel.view.At(kept[0].lo).UID
	}
	return kept
}

// lastOf gives the last n messages of spans, and whether that leaves some out; n 0 is all.
func lastOf(spans []span, n int) (kept []span, over bool) {
	if n == 0 {
		return spans, false
	}
	for k := len(spans) - 1; k >= 0; k-- {
		if size := spans[k].hi - spans[k].lo; size <= n {
			n -= size
			continue
		}
		if n == 0 {
			return spans[k+1:], true
		}
		kept = append([]span{{spans[k].hi - n, spans[k].hi}}, spans[k+1:]...)
		return kept, true
	}
	return spans, false
}

// limitDeleted leaves of what UID EXPUNGE is to look at as much as has no more deleted messages than c may work on.
func (s *session) limitDeleted(c *call, spans []span) []span {
	limit := s.messageLimit()
	if limit == 0 {
		return spans
	}
	now := s.sel.box.View()
	var deleted []span
	for _, sp := range spans {
		for i, e := range s.sel.view.Range(sp.lo, sp.hi) {
			if s.sel.current(now, e).Flags&mailbox.Deleted != 0 {
				deleted = append(deleted, span{i, i + 1})
			}
		}
	}
	return s.limited(c, deleted)
}

// limitSearch gives the messages that a search may look at: the last of those that its sets of numbers allow. What
// counts is what is searched, not what is found (RFC 9738 §3.1). A search that must see all is refused (§3.3).
func (s *session) limitSearch(c *call, q *finder) (mailbox.UIDSet, error) {
	limit := s.messageLimit()
	if limit == 0 {
		return mailbox.All(), nil
	}
	n, lowest := q.scope(limit - c.searched)
	if c.searched += n; c.searched <= limit {
		return mailbox.All(), nil
	}
	if c.whole {
		return nil, overLimit(limit, 0)
	}
	c.lowest = lowest
	return mailbox.UIDSet{{Lo: lowest, Hi: mailbox.MaxUID}}, nil
}

// scope counts the messages that a search has to look at, at most one more than limit, and says where the last limit
// of them begin.
func (q *finder) scope(limit int) (n int, lowest mailbox.UID) {
	for i := q.view.Len() - 1; i >= 0 && n <= limit; i-- {
		e := q.view.At(i)
		if !q.inScope(q.key, i, e.UID) {
			continue
		}
		if n++; n <= limit {
			lowest = e.UID
		}
	}
	return n, lowest
}

// inScope reports whether the sets of numbers that all results are in allow a message.
func (q *finder) inScope(k *imap.SearchKey, i int, uid mailbox.UID) bool {
	switch k.Op {
	case imap.SearchAnd:
		for x := range k.Keys {
			if !q.inScope(&k.Keys[x], i, uid) {
				return false
			}
		}
	case imap.SearchSeq:
		return inRanges(q.sets[k], uint32(i+1))
	case imap.SearchUID, imap.SearchSaved:
		return inRanges(q.sets[k], uint32(uid))
	}
	return true
}

// tellLimit tells where the work stopped, if it did: in the OK or, if that has a code already, before it.
func (s *session) tellLimit(c *call, code string) string {
	if c.lowest == 0 {
		return code
	}
	limit := limitCode(s.messageLimit(), c.lowest)
	if code == "" {
		return limit
	}
	s.out.S("* NO [").S(limit)
	s.note("only the last messages were looked at")
	return code
}
