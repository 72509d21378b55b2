package imap

import (
	"errors"

	"barid/base/kv"
	"barid/base/text"
	"barid/mail/mailbox"
	"barid/mail/search"
	"barid/rfc/imap"
	"barid/rfc/mime"
)

// textKey is a search key that looks for a text: what the index knows of it, and what looks for it in a
// header field.
type textKey struct {
	place      int                // in texts.keys
	candidates *search.Candidates // nil: there is no index
	field      *text.Matcher      // of a key for one header field
	fuzzy      *fuzzyKey          // of a key within FUZZY; nil: by the text alone
}

// texts are all text keys of a search, looked for in one pass over a message.
type texts struct {
	keys    []search.Key
	body    bool // some key looks behind the header
	scanner *search.Scanner
	wanted  []string     // the texts as the client wrote them
	casemap *casemapScan // for clients that chose i;unicode-casemap
}

// fieldPlaces are the fields that the index knows by themselves.
var fieldPlaces = map[string]search.Field{
	"Subject": search.Subject, "From": search.From, "To": search.To, "Cc": search.Cc, "Bcc": search.Bcc,
}

// indexKey gives the key of the index for k.
func indexKey(k *imap.SearchKey) search.Key {
	out := search.Key{Text: text.NewNeedle(k.Text)}
	place, known := fieldPlaces[k.Field]
	switch {
	case k.Op == imap.SearchBody:
		out.In = search.Parts
	case k.Op == imap.SearchText:
		out.In = search.Any
	case known && k.Text != "":
		out.In = place
	default: // by name; with an empty text: is there such a field? (RFC 3501 §6.4.4)
		out.In, out.Name = search.Header, k.Field
	}
	return out
}

// addText prepares a key that looks for a text.
func (q *finder) addText(k *imap.SearchKey) error {
	switch {
	case len(k.Text) > text.MaxNeedleBytes:
		return no("LIMIT", "the text to look for is too long")
	case len(q.texts.keys) == q.s.srv.set.MaxNeedles:
		return no("LIMIT", "too many texts to look for in one SEARCH")
	}
	key := indexKey(k)
	t := &textKey{place: len(q.texts.keys)}
	if k.Op == imap.SearchHeader {
		t.field = text.NewMatcher(key.Text)
	} else {
		q.texts.body = true
	}
	if index := q.s.srv.Index; index != nil && k.Text != "" {
		var err error
		if t.candidates, err = index.Account(q.sel.owner).Narrow(q.s.ctx, key); err != nil {
			return err
		}
	}
	q.textKeys[k] = t
	q.texts.keys = append(q.texts.keys, key)
	q.texts.wanted = append(q.texts.wanted, k.Text)
	return nil
}

// evalText judges a key for a text: by what the index knows, by listed header fields, by the whole message.
func (q *finder) evalText(k *imap.SearchKey, at level) verdict {
	t := q.textKeys[k]
	if v := t.known(q.found.e.Msg); v == miss || v == match && (q.s.order == byReader || t.fuzzy != nil) {
		return v
	}
	m := &q.found
	switch {
	case at == levelBody:
		return truth(m.texts[t.place])
	case at == levelCold && q.s.order == byReader && t.field != nil && m.cold.HeadersComplete && mailbox.Listed(k.Field):
		return truth(hasField(m.cold.Headers, k, t.field))
	}
	return undecided
}

// known is what the index knows of a message.
func (t *textKey) known(m mailbox.MsgNo) verdict {
	if t.candidates == nil {
		return undecided
	}
	v := t.candidates.Of(m)
	switch {
	case v == search.Yes, t.fuzzy != nil && t.fuzzy.scores[m] > 0:
		return match
	case v == search.No:
		return miss
	}
	return undecided
}

// scanTexts looks for all texts in a message.
func (q *finder) scanTexts(m *message, body kv.BlobReader) ([]bool, error) {
	if q.s.order != byCasemap {
		return q.texts.scan(m, body)
	}
	if q.texts.casemap == nil {
		q.texts.casemap = newCasemapScan(q.texts.keys, q.texts.wanted)
	}
	return q.texts.casemap.scan(m, body)
}

// scan looks for all texts in a message.
func (t *texts) scan(m *message, body kv.BlobReader) ([]bool, error) {
	if t.scanner == nil {
		t.scanner = search.NewScanner(t.keys...)
	}
	in := search.Message{Header: m.header, Body: body}
	if t.body {
		tree, err := mime.DecodeMessage(m.cold.Tree)
		if err != nil {
			return nil, errors.Join(err, kv.ErrCorrupt)
		}
		in.Tree = tree
	}
	return t.scanner.Scan(&in)
}
