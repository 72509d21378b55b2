package mime

import (
	"slices"

	"barid/rfc/addr"
	"barid/rfc/header"
)

// envelopeFields are the raw values of the fields of an Envelope. Texts: the first counts. Addresses: all,
// since a second From must not be hidden.
type envelopeFields struct {
	date, subject, inReplyTo, messageID []byte
	lists                               [6]addressFields // from, sender, reply-to, to, cc, bcc
}

// addressFields are the values of all fields of a name, with commas between them.
type addressFields struct {
	joined []byte
	count  int
}

// take keeps the value of an envelope field.
func (e *envelopeFields) take(f header.Field) {
	switch len(f.Name) {
	case 2:
		e.list(f, 3, "to")
		e.list(f, 4, "cc")
	case 3:
		e.list(f, 5, "bcc")
	case 4:
		e.list(f, 0, "from")
		first(&e.date, f, "date")
	case 6:
		e.list(f, 1, "sender")
	case 7:
		first(&e.subject, f, "subject")
	case 8:
		e.list(f, 2, "reply-to")
	case 10:
		first(&e.messageID, f, "message-id")
	case 11:
		first(&e.inReplyTo, f, "in-reply-to")
	}
}

func first(to *[]byte, f header.Field, name string) {
	if *to == nil && f.Is(name) {
		*to = f.Value
	}
}

func (e *envelopeFields) list(f header.Field, i int, name string) {
	if !f.Is(name) {
		return
	}
	switch l := &e.lists[i]; l.count {
	case 0:
		*l = addressFields{f.Value, 1}
	case 1:
		*l = addressFields{slices.Concat(l.joined, []byte(", "), f.Value), 2}
	default:
		l.joined = append(append(l.joined, ", "...), f.Value...)
	}
}

// envelope reads the fields into an Envelope.
func (s *Scanner) envelope(e *envelopeFields) *Envelope {
	out := &Envelope{
		Date:      s.textOf(e.date),
		Subject:   s.textOf(e.subject),
		InReplyTo: s.textOf(e.inReplyTo),
		MessageID: s.textOf(e.messageID),
		From:      s.listOf(e.lists[0].joined),
		Sender:    s.listOf(e.lists[1].joined),
		ReplyTo:   s.listOf(e.lists[2].joined),
		To:        s.listOf(e.lists[3].joined),
		Cc:        s.listOf(e.lists[4].joined),
		Bcc:       s.listOf(e.lists[5].joined),
	}
	for i, there := range [...]bool{e.date != nil, e.subject != nil, e.inReplyTo != nil, e.messageID != nil} {
		if there && *out.text(i) == "" {
			out.Empty |= 1 << i
		}
	}
	return out
}

// envelopeTexts is how many texts an Envelope has.
const envelopeTexts = 4

// text gives one of the texts, in the order of EmptyFields.
func (e *Envelope) text(i int) *string {
	return [...]*string{&e.Date, &e.Subject, &e.InReplyTo, &e.MessageID}[i]
}

func (s *Scanner) listOf(v []byte) []addr.Item {
	if len(v) == 0 || s.addrs <= 0 {
		s.msg.Truncated = s.msg.Truncated || len(v) > 0
		return nil
	}
	text := s.textOf(v)
	if text == "" {
		return nil
	}
	items, err := addr.ParseList(text, s.addrs)
	if err != nil {
		s.msg.Truncated = true
	}
	s.addrs -= len(items)
	return items
}
