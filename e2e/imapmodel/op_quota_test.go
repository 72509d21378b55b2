package imapmodel

import (
	"fmt"
	"strings"

	"barid/mail/mailbox"
)

// quota limits an account; 0 is no limit.
type quota struct{ bytes, messages int64 }

// object makes up one: a message of an account, which may be in several mailboxes of it.
func (m *model) object() int {
	m.objects++
	return m.objects
}

// usage is what an account has, each object once.
func (m *model) usage(who int) (u quota) {
	counted := make(map[int]bool)
	for _, b := range m.boxes {
		if b == nil || b.account() != who {
			continue
		}
		for i := range b.msgs {
			if x := &b.msgs[i]; !counted[x.object] {
				counted[x.object] = true
				u.bytes, u.messages = u.bytes+int64(m.size(x)), u.messages+1
			}
		}
	}
	return u
}

// room reports whether new messages fit into an account: all of them, or none may come.
func (m *model) room(who int, ms []message) bool {
	u, q := m.usage(who), m.quotas[who]
	for i := range ms {
		u.bytes += int64(m.size(&ms[i]))
	}
	u.messages += int64(len(ms))
	return (q.bytes == 0 || u.bytes <= q.bytes) && (q.messages == 0 || u.messages <= q.messages)
}

// undrop takes back the last drop.
func (b *box) undrop(x message) {
	b.gone = b.gone[:len(b.gone)-1]
	i := 0
	for i < len(b.msgs) && b.msgs[i].uid < x.uid {
		i++
	}
	b.msgs = append(b.msgs[:i], append([]message{x}, b.msgs[i:]...)...)
}

// checkUsage holds what the store counts against the model.
func (h *history) checkUsage() {
	for who, a := range h.w.accts {
		got, err := a.Usage(h.w.ctx)
		check(err)
		want, q := h.m.usage(who), h.m.quotas[who]
		if got != (mailbox.Usage{Bytes: want.bytes, Messages: want.messages, Quota: mailbox.Quota{Bytes: q.bytes, Messages: q.messages}}) {
			panic(failed("%s uses %+v, want %+v of %+v", users[who], got, want, q))
		}
	}
}

// limit sets a quota not far from what there is, or takes it away.
func (h *history) limit() {
	who := 0
	if h.guests {
		who = h.r.IntN(2)
	}
	u, q := h.m.usage(who), quota{}
	switch h.r.IntN(4) {
	case 0:
		q.messages = max(u.messages+int64(h.r.IntN(6))-1, 1)
	case 1:
		q.bytes = max(u.bytes+int64(h.r.IntN(600))-50, 1)
	case 2:
		q = quota{max(u.bytes+int64(h.r.IntN(1000))-50, 1), max(u.messages+int64(h.r.IntN(8))-1, 1)}
	}
	h.log("", "", fmt.Sprintf("quota of %s is %+v, it has %+v", users[who], q, u))
	h.m.quotas[who] = q
	check(h.w.accts[who].SetQuota(h.w.ctx, mailbox.Quota{Bytes: q.bytes, Messages: q.messages}))
	h.checkUsage()
}

func (s *session) wantOverQuota(c *command, r *reply) {
	if r.tagged.word != "NO" || r.tagged.code != "OVERQUOTA" {
		who := s.account
		s.fail("%q was answered %q, want OVERQUOTA; %s has %+v of %+v", c.text, r.tagged.raw, users[who], s.h.m.usage(who), s.h.m.quotas[who])
	}
}

// getQuota makes up a GETQUOTA or GETQUOTAROOT.
func (h *history) getQuota(s *session) *command {
	name := h.name()
	who := accountOf(name)
	c := &command{text: "GETQUOTAROOT " + s.wire(name), words: " QUOTA QUOTAROOT "}
	byRoot := h.r.IntN(2) == 0
	if byRoot {
		who = h.r.IntN(2)
		c.text = "GETQUOTA " + users[who]
	}
	c.check = func(r *reply) {
		has := h.m.rights(s.account, name)
		switch {
		case byRoot && who != s.account:
			s.wantNo(c, r)
			return
		case !byRoot && has == 0 && who != s.account:
			if r.ok() && h.m.exists(name) {
				s.fail("%q was answered %q without any right", c.text, r.tagged.raw)
			}
			return
		case !byRoot && who != s.account && !r.ok(): // RFC 9208 §4.1.2 leaves open who may ask
			return
		}
		lines := r.all("QUOTA")
		if !r.ok() || len(lines) != 1 || len(r.all("QUOTAROOT")) != 1 != byRoot || lines[0].args[0].s != users[who] {
			s.fail("%q was answered %q and %v", c.text, r.tagged.raw, lines)
		}
		got := lines[0].raw[strings.Index(lines[0].raw, "("):]
		if want := h.quotaLine(who, byRoot || has&mayRead != 0); got != want {
			s.fail("%q: %s, want %s", c.text, got, want)
		}
	}
	return c
}

// quotaLine is what a QUOTA response tells (RFC 9208 §4.2.1, §5).
func (h *history) quotaLine(who int, all bool) string {
	u, q := h.m.usage(who), h.m.quotas[who]
	var out []string
	units := func(n int64) int64 { return (n + 1023) / 1024 }
	if all && q.bytes > 0 {
		out = append(out, fmt.Sprintf("STORAGE %d %d", units(u.bytes), units(q.bytes)))
	}
	if all && q.messages > 0 {
		out = append(out, fmt.Sprintf("MESSAGE %d %d", u.messages, q.messages))
	}
	n := 0
	for name := range h.m.boxes {
		if accountOf(name) == who {
			n++
		}
	}
	return "(" + strings.Join(append(out, fmt.Sprintf("MAILBOX %d %d", n, mailbox.MaxMailboxes)), " ") + ")"
}
