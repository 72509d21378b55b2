package imapmodel

import (
	"encoding/base64"
	"fmt"
	"strings"
	"time"
)

// body is a message's text. Its size is its own, by which the store's are known.
type body struct {
	text    string
	hasID   bool   // its Message-ID is <m at its index>
	parent  int    // what it answers, -1: nothing
	root    int    // where the thread began
	preview string // "?" is not known
	parts   []part // of a multipart; none: it is one text
	sent    time.Time
	// BODY and BODYSTRUCTURE as they were told first
	structures [2]string
}

// part is one of a multipart.
type part struct{ raw, decoded string }

// body makes up the text of a new message: a short one, or one that answers another, or one with parts.
func (h *history) body() int {
	m := h.m
	n := len(m.bodies)
	b := body{parent: -1, root: n}
	head := fmt.Sprintf("Subject: m%d\r\n", n)
	if h.r.IntN(3) == 0 {
		b.sent = time.Unix(1e9+int64(h.r.IntN(1e6)), 0).In(time.FixedZone("", (h.r.IntN(25)-12)*3600))
		head += "Date: " + b.sent.Format(time.RFC1123Z) + "\r\n"
	}
	switch h.r.IntN(6) {
	case 0, 1:
		head += h.relations(&b, n)
	case 2:
		m.multipart(&b, head, n)
		m.bodies = append(m.bodies, b)
		return n
	}
	m.unique(&b, n%250, func(pad int) string {
		b.preview = strings.Repeat("x", min(pad, 200))
		return head + "\r\n" + strings.Repeat("x", pad) + "\r\n"
	})
	m.bodies = append(m.bodies, b)
	return n
}

// unique makes a text of a size that no other has.
func (m *model) unique(b *body, pad int, text func(pad int) string) {
	for {
		b.text = text(pad)
		if _, taken := m.sizes[len(b.text)]; !taken {
			m.sizes[len(b.text)] = len(m.bodies)
			return
		}
		pad++
	}
}

// relations gives the body a Message-ID, and maybe something to answer.
func (h *history) relations(b *body, n int) string {
	var all []int
	for i := range h.m.bodies {
		if h.m.bodies[i].hasID {
			all = append(all, i)
		}
	}
	b.hasID = true
	head := fmt.Sprintf("Message-ID: <m%d@example.test>\r\n", n)
	if len(all) > 0 && h.r.IntN(4) > 0 {
		b.parent = all[max(len(all)-1-h.r.IntN(6), 0)]
		b.root = h.m.bodies[b.parent].root
		head += fmt.Sprintf("In-Reply-To: <m%d@example.test>\r\n", b.parent)
	}
	return head
}

// multipart gives the body a part in base64 and one in quoted-printable that holds NUL.
func (m *model) multipart(b *body, head string, n int) {
	text := strings.Repeat(fmt.Sprintf("پیام %d ", n), n%7+1)
	b.preview = strings.TrimSpace(text)
	b.parts = []part{
		{base64.StdEncoding.EncodeToString([]byte(text)), text},
		{"=00=FF" + strings.Repeat("a=\r\n=3D", n%9), "\x00\xff" + strings.Repeat("a=", n%9)},
	}
	head += "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"b\"\r\n\r\n" +
		"--b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n" + b.parts[0].raw +
		"\r\n--b\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n" + b.parts[1].raw + "\r\n--b--\r\n"
	m.unique(b, 0, func(pad int) string { return head + strings.Repeat("x", pad) })
}
