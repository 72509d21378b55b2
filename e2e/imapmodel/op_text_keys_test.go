package imapmodel

import (
	"fmt"
	"strings"
	"time"
)

// sent is when a message was sent: without a Date it is when it came (RFC 5256 §2.2).
func (m *model) sent(x *message) time.Time {
	if t := m.bodies[x.body].sent; !t.IsZero() {
		return t
	}
	return time.Unix(x.date, 0).UTC()
}

// dateKey makes up a search for a day, near that of a message. Days are compared without time and time zone
// (RFC 9051 §6.4.4).
func (h *history) dateKey(s *session) key {
	word := []string{"BEFORE", "ON", "SINCE"}[h.r.IntN(3)]
	at := func(m *message) time.Time { return time.Unix(m.date, 0).UTC() }
	if h.r.IntN(2) == 0 {
		word, at = "SENT"+word, h.m.sent
	}
	day := func(t time.Time) time.Time { return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC) }
	pivot := day(h.w.now().UTC())
	if n := len(s.box.msgs); n > 0 {
		pivot = day(at(&s.box.msgs[h.r.IntN(n)]))
	}
	pivot = pivot.AddDate(0, 0, h.r.IntN(3)-1)
	k := key{text: word + " " + pivot.Format("2-Jan-2006")}
	switch strings.TrimPrefix(word, "SENT") {
	case "BEFORE":
		k.has = func(_ int, m *message) bool { return day(at(m)).Before(pivot) }
	case "ON":
		k.has = func(_ int, m *message) bool { return day(at(m)).Equal(pivot) }
	default:
		k.has = func(_ int, m *message) bool { return !day(at(m)).Before(pivot) }
	}
	return k
}

// textKey makes up a search for a text in headers or bodies.
func (h *history) textKey() key {
	n := h.r.IntN(len(h.m.bodies) + 1)
	in := func(find func(b *body) bool) func(int, *message) bool {
		return func(_ int, m *message) bool { return find(&h.m.bodies[m.body]) }
	}
	switch h.r.IntN(6) {
	case 0:
		id := fmt.Sprintf("<m%d@", n)
		return key{text: fmt.Sprintf("TEXT %q", id), has: in(func(b *body) bool { return strings.Contains(b.header()+b.words(), id) })}
	case 1: // a text with a colon means the line
		line := fmt.Sprintf("Subject: m%d", n)
		return key{text: fmt.Sprintf("TEXT %q", strings.ToUpper(line)), has: in(func(b *body) bool { return strings.Contains(b.header()+b.words(), line) })}
	case 2:
		return key{text: `HEADER Message-ID ""`, has: in(func(b *body) bool { return b.hasID })}
	case 3:
		id := fmt.Sprintf("m%d@example", n)
		return key{text: "HEADER In-Reply-To " + id, has: in(func(b *body) bool {
			return b.parent >= 0 && strings.HasPrefix(fmt.Sprintf("m%d@example", b.parent), id)
		})}
	case 4: // of parts what they decode to, and their headers' values
		digits := fmt.Sprint(n)
		return key{text: "BODY " + digits, has: in(func(b *body) bool { return strings.Contains(b.words(), digits) })}
	}
	xs := strings.Repeat("x", 2+h.r.IntN(40))
	return key{text: "BODY " + xs, has: in(func(b *body) bool { return strings.Contains(strings.ToLower(b.words()), xs) })}
}

// words are what is searched behind the header: the text, or of parts the one that is text and their fields.
func (b *body) words() string {
	if len(b.parts) == 0 {
		return b.rest()
	}
	return b.parts[0].decoded + "\r\ntext/plain; charset=utf-8\r\nbase64\r\napplication/octet-stream\r\nquoted-printable\r\n"
}
