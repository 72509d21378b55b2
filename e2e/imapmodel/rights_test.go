package imapmodel

import (
	"strings"
)

// guest is what names of the second account's mailboxes begin with in the model.
const guest = "\x01"

// accountOf gives whose a mailbox is.
func accountOf(name string) int {
	if strings.HasPrefix(name, guest) {
		return 1
	}
	return 0
}

// bare is the name as its owner calls it.
func bare(name string) string { return strings.TrimPrefix(name, guest) }

func guestPrefix(name string) string { return name[:len(name)-len(bare(name))] }

func isInbox(name string) bool { return bare(name) == "INBOX" }

func (b *box) account() int { return accountOf(b.name) }

// called is the name as the session calls it.
func (s *session) called(name string) string {
	if who := accountOf(name); who != s.account {
		return "Other Users/" + users[who] + "/" + bare(name)
	}
	return bare(name)
}

// rights are what somebody may do with a mailbox (RFC 4314 §2.1): bit i is letters[i].
type rights uint16

const letters = "lrswikxtea"

const (
	mayLookup rights = 1 << iota
	mayRead
	maySeen
	mayWrite
	mayInsert
	mayCreate
	mayRemove
	mayDelete
	mayExpunge
	mayAdmin

	allRights = rights(1)<<10 - 1
	mayMove   = mayDelete | mayExpunge
	mayChange = mayInsert | mayExpunge | maySeen | mayWrite | mayDelete
)

func (r rights) String() string {
	var b strings.Builder
	for i := range len(letters) {
		if r&(1<<i) != 0 {
			b.WriteByte(letters[i])
		}
	}
	return b.String()
}

// wire is how the server writes rights: "c" and "d" stand behind them (RFC 4314 §2.1.1).
func (r rights) wire() string {
	w := r.String()
	if r&(mayCreate|mayRemove) != 0 {
		w += "c"
	}
	if r&(mayDelete|mayExpunge) != 0 {
		w += "d"
	}
	return w
}

// grants are rights by identifier: a user or "anyone", "-" in front takes away.
type grants map[string]rights

// inherit gives a new name the grants of the one above it.
func (m *model) inherit(name string) {
	delete(m.grants, name)
	i := strings.LastIndexByte(name, '/')
	if i < 0 {
		return
	}
	if up := m.grants[name[:i]]; up != nil {
		m.grants[name] = make(grants)
		for who, r := range up {
			m.grants[name][who] = r
		}
	}
}

// rights are those of an account with a mailbox or, if it is not there, with the nearest above it.
func (m *model) rights(who int, name string) rights {
	if accountOf(name) == who {
		return allRights
	}
	for !m.exists(name) {
		i := strings.LastIndexByte(name, '/')
		if i < 0 {
			return 0
		}
		name = name[:i]
	}
	g, id := m.grants[name], users[who]
	return (g[id] | g["anyone"]) &^ (g["-"+id] | g["-anyone"])
}

// rights are those in the selected mailbox.
func (s *session) rights() rights { return s.h.m.rights(s.account, s.box.name) }

// lost reports whether the selected mailbox is not there any more for this session.
func (s *session) lost() bool { return s.box != nil && (s.box.dead || s.rights()&mayRead == 0) }

// reach gives a mailbox if the session may do that with it.
func (s *session) reach(name string, need rights) *box {
	if s.h.m.rights(s.account, name)&need != need {
		return nil
	}
	return s.h.m.boxes[name]
}

// settable are the flags that may be set with rights (RFC 4314 §4).
func (r rights) settable() (f flags) {
	if r&maySeen != 0 {
		f |= seen
	}
	if r&mayDelete != 0 {
		f |= deleted
	}
	if r&mayWrite != 0 {
		f |= allWords &^ (seen | deleted)
	}
	return f
}

func (s *session) settable(b *box) flags { return s.h.m.rights(s.account, b.name).settable() }

// changeable are the flags that the session may change in its mailbox.
func (s *session) changeable() flags {
	if s.readOnly {
		return 0
	}
	return s.rights().settable()
}

// limited is apply for somebody who may not change all flags.
func (m mode) limited(old, to, may flags) flags { return old&^may | m.apply(old, to)&may }

// allowed reports whether a STORE changes anything that may be changed: if only some flags may, those are.
func (m mode) allowed(f, may flags) bool { return may != 0 && (m == replace || f&may != 0) }

// wantRefused wants a NO for a mailbox that is not there, or not for this session: one that it may not see is told
// as one that is not there (RFC 4314 §6).
func (s *session) wantRefused(c *command, r *reply, name string, need rights) {
	s.wantNo(c, r)
	has := s.h.m.rights(s.account, name)
	hidden := has&mayLookup == 0 || s.h.m.boxes[name] == nil
	switch noPerm := r.tagged.code == "NOPERM"; {
	case s.h.m.boxes[name] == nil && has&mayLookup != 0:
	case hidden && noPerm:
		s.fail("%q was answered %q, and the mailbox is none of its business", c.text, r.tagged.raw)
	case !hidden && has&need != need && !noPerm:
		s.fail("%q was answered %q with the rights %s, want NOPERM", c.text, r.tagged.raw, has)
	}
}
