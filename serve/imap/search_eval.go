package imap

import (
	"slices"
	"sort"
	"time"

	"barid/base/kv"
	"barid/base/text"
	"barid/mail/mailbox"
	"barid/mail/search"
	"barid/rfc/header"
	"barid/rfc/imap"
)

// verdict is what is known of a key and a message.
type verdict uint8

const (
	miss verdict = iota
	undecided
	match
)

// level says how deep a message may be looked into.
type level uint8

const (
	levelHot  level = iota // flags, sizes, dates, numbers
	levelCold              // and listed header fields
	levelBody              // and everything
)

// message is the message a search looks at.
type message struct {
	i      int
	e      mailbox.Entry
	cold   *mailbox.Cold // from levelCold on
	header []byte        // the whole header section, at levelBody
	texts  []bool        // at levelBody: which needles were found
}

// keep copies what must outlive the call that showed the cold row.
func (m message) keep() message {
	c := *m.cold
	c.Tree = slices.Clone(c.Tree)
	c.Headers = slices.Clone(c.Headers)
	c.Envelope, c.Structure = nil, nil
	m.cold = &c
	return m
}

// eval judges the message in q.found by what level allows to look at.
func (q *finder) eval(k *imap.SearchKey, at level) verdict {
	switch k.Op {
	case imap.SearchAnd:
		return q.all(k.Keys, at)
	case imap.SearchOr:
		return q.any(k.Keys, at)
	case imap.SearchFuzzy:
		return q.eval(&k.Keys[0], at)
	case imap.SearchNot:
		return match - q.eval(&k.Keys[0], at)
	case imap.SearchSentBefore, imap.SearchSentOn, imap.SearchSentSince:
		return q.evalSent(k, at)
	case imap.SearchHeader, imap.SearchBody, imap.SearchText:
		return q.evalText(k, at)
	case imap.SearchEmailID:
		return q.evalEmailID(k, at)
	case imap.SearchThreadID:
		if at == levelHot {
			return undecided
		}
		return truth(threadID(q.sel.owner, q.found.cold.Thread, q.found.cold.Origin) == k.Text)
	}
	return truth(q.evalHot(k))
}

func truth(b bool) verdict {
	if b {
		return match
	}
	return miss
}

// all is the smallest of the verdicts, any the largest; both stop as soon as that is certain.
func (q *finder) all(keys []imap.SearchKey, at level) verdict {
	out := match
	for i := range keys {
		if v := q.eval(&keys[i], at); v == miss {
			return miss
		} else if v < out {
			out = v
		}
	}
	return out
}

func (q *finder) any(keys []imap.SearchKey, at level) verdict {
	out := miss
	for i := range keys {
		if v := q.eval(&keys[i], at); v == match {
			return match
		} else if v > out {
			out = v
		}
	}
	return out
}

// evalHot judges by what is in memory.
func (q *finder) evalHot(k *imap.SearchKey) bool {
	e := &q.found.e
	switch k.Op {
	case imap.SearchFlag:
		return e.Flags&q.flags[k.Flag] != 0
	case imap.SearchRecent:
		return q.sel.isRecent(*e)
	case imap.SearchSeq:
		return inRanges(q.sets[k], uint32(q.found.i+1))
	case imap.SearchUID, imap.SearchSaved:
		return inRanges(q.sets[k], uint32(e.UID))
	case imap.SearchLarger:
		return uint64(e.Size) > k.Number
	case imap.SearchSmaller:
		return uint64(e.Size) < k.Number
	case imap.SearchModSeq:
		return uint64(e.ModSeq) >= k.Number
	case imap.SearchOlder: // RFC 5032 §2: the very second is both
		return q.at.Unix()-e.Date >= int64(k.Number)
	case imap.SearchYounger:
		return q.at.Unix()-e.Date <= int64(k.Number)
	case imap.SearchBefore, imap.SearchOn, imap.SearchSince:
		return compareDay(k.Op-imap.SearchBefore, e.Time(), k.Date)
	case imap.SearchSavedBefore, imap.SearchSavedOn, imap.SearchSavedSince: // RFC 8514 §4.3
		t := e.Time()
		if e.Saved > 0 {
			t = time.Unix(e.Saved, 0).UTC()
		}
		return compareDay(k.Op-imap.SearchSavedBefore, t, k.Date)
	}
	return true // SearchAll
}

// evalEmailID judges by what is in memory, but of messages that came from another account by the cold row.
func (q *finder) evalEmailID(k *imap.SearchKey, at level) verdict {
	var o mailbox.Origin
	if q.found.e.Foreign {
		if at == levelHot {
			return undecided
		}
		o = q.found.cold.Origin
	}
	return truth(emailID(q.sel.owner, q.found.e.Msg, o) == k.Text)
}

// compareDay compares the days alone, each in its own time zone (RFC 3501 §6.4.4: "disregarding time and
// timezone"). op 0 is before, 1 on, 2 since.
func compareDay(op imap.SearchOp, t, day time.Time) bool {
	y, m, d := t.Date()
	t = time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
	switch op {
	case 0:
		return t.Before(day)
	case 1:
		return t.Equal(day)
	}
	return !t.Before(day)
}

func inRanges(rs []imap.Range, n uint32) bool {
	i := sort.Search(len(rs), func(i int) bool { return rs[i].Hi >= n })
	return i < len(rs) && rs[i].Lo <= n
}

// evalSent judges by the Date field: that of the cold row if it is there, else of the header section.
func (q *finder) evalSent(k *imap.SearchKey, at level) verdict {
	m := &q.found
	var section []byte
	switch {
	case at == levelHot:
		return undecided
	case m.cold.HeadersComplete:
		section = m.cold.Headers
	case at == levelCold:
		return undecided
	default:
		section = m.header
	}
	t, err := header.Date(header.Get(section, "Date"))
	if err != nil {
		t = m.e.Time() // a message without a date was sent when it came
	}
	return truth(compareDay(k.Op-imap.SearchSentBefore, t, k.Date))
}

// hasField reports whether a field that k names contains its text.
func hasField(section []byte, k *imap.SearchKey, m *text.Matcher) bool {
	for off := 0; ; {
		f, ok := header.Next(section, off)
		if !ok {
			return false
		}
		off = f.Off + f.Len
		if !f.Is(k.Field) {
			continue
		}
		if m.Reset(); m.Left() > 0 {
			m.Look(search.Value(f), nil)
		}
		if m.Found(0) {
			return true
		}
	}
}

// runBody decides a message with its bytes.
func (q *finder) runBody(m *message) error {
	if err := q.s.ctx.Err(); err != nil {
		return err
	}
	body, err := q.s.srv.Blobs.Open(q.s.ctx, m.cold.Blob)
	if err != nil {
		return err
	}
	defer body.Close()
	if m.header, err = readHeader(body, m.cold.HeaderBytes); err != nil {
		return err
	}
	if len(q.texts.keys) > 0 {
		if m.texts, err = q.scanTexts(m, body); err != nil {
			return err
		}
	}
	q.found = *m
	q.hits[m.i] = q.eval(q.key, levelBody) == match
	return nil
}

// readHeader reads a header section, at most maxHeaderBytes of it.
func readHeader(body kv.BlobReader, size int64) ([]byte, error) {
	head := make([]byte, min(size, body.Size(), maxHeaderBytes))
	if n, err := body.ReadAt(head, 0); n < len(head) {
		return nil, err
	}
	return head, nil
}
