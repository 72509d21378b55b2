package imap

import (
	"strconv"
	"strings"

	"barid/mail/mailbox"
	"barid/rfc/imap"
)

// cmdGetMetadata is GETMETADATA, RFC 5464 §4.2.
func cmdGetMetadata(s *session, c *call) error {
	g := c.GetMetadata()
	if err := c.End(); err != nil {
		return err
	}
	at, err := s.annotated(g.Mailbox)
	if err != nil {
		return err
	}
	longest, err := s.tellMetadata(at, g.Mailbox, &g)
	if longest > 0 {
		c.code = "METADATA LONGENTRIES " + strconv.Itoa(longest)
	}
	return err
}

// annotated finds whose annotations are meant by a name; "" is the server, that is the account.
func (s *session) annotated(name string) (place, error) {
	if name == "" {
		return place{account: s.account}, nil
	}
	at, err := s.place(name)
	if err == nil {
		err = at.need(mailbox.RightLookup)
	}
	if err == nil {
		err = at.needAny(annotateRights)
	}
	return at, err
}

// annotateRights are those of which one is needed beside RightLookup (RFC 5464 §3.3); nobody has p.
const annotateRights = mailbox.RightRead | mailbox.RightSeen | mailbox.RightWrite | mailbox.RightInsert

// whose says to mail/mailbox which annotations are meant.
func (s *session) whose(at place) mailbox.Whose {
	return mailbox.Whose{Mailbox: at.Name, Reader: s.account.ID()}
}

// tellMetadata writes the METADATA response with what is asked for; longest is the size of the longest value
// that was left out for its size.
func (s *session) tellMetadata(at place, name string, g *imap.GetMetadata) (longest int, err error) {
	m := metadataAnswer{s: s, name: name, g: g, told: make([]bool, len(g.Entries))}
	if at.Name == "" {
		m.offer(adminEntry, []byte("mailto:postmaster@"+domainOf(s.user)))
	}
	err = at.account.Annotations(s.ctx, s.whose(at), func(a mailbox.Annotation) error {
		m.offer(a.Entry, a.Value)
		return s.out.Err()
	})
	if err == nil {
		m.rest()
	}
	m.end()
	return m.longest, err
}

// adminEntry tells how to reach an administrator (RFC 5464 §3.2.1.1): every hosted domain has a postmaster.
const adminEntry = "/shared/admin"

func domainOf(user string) string { return user[strings.LastIndexByte(user, '@')+1:] }

// metadataAnswer is a METADATA response being written.
type metadataAnswer struct {
	s       *session
	name    string
	g       *imap.GetMetadata
	told    []bool // by entry asked for
	began   bool
	longest int
}

// offer tells an annotation if it is asked for.
func (m *metadataAnswer) offer(entry string, value []byte) {
	wanted := false
	for i, asked := range m.g.Entries {
		if entryWithin(entry, asked, m.g.Depth) {
			wanted = true
			m.told[i] = m.told[i] || entry == asked
		}
	}
	switch {
	case !wanted:
	case m.g.Limited && uint64(len(value)) > m.g.MaxSize:
		m.longest = max(m.longest, len(value))
	default:
		m.entry(entry)
		m.s.out.Value(value)
	}
}

// entryWithin reports whether a question for asked means entry.
func entryWithin(entry, asked string, depth imap.Depth) bool {
	rest, ok := strings.CutPrefix(entry, asked)
	switch {
	case !ok:
		return false
	case rest == "":
		return true
	case rest[0] != '/' || depth == imap.DepthZero:
		return false
	}
	return depth == imap.DepthInfinity || !strings.Contains(rest[1:], "/")
}

func (m *metadataAnswer) entry(name string) {
	if m.began {
		m.s.out.C(' ')
	} else {
		m.s.out.S("* METADATA ").Name(m.name).S(" (")
		m.began = true
	}
	m.s.out.AStr(name).C(' ')
}

// rest tells the entries that are not there as NIL, if nothing but themselves was asked for.
func (m *metadataAnswer) rest() {
	for i, asked := range m.g.Entries {
		if !m.told[i] && m.g.Depth == imap.DepthZero {
			m.entry(asked)
			m.s.out.S("NIL")
		}
	}
}

// end ends the line, if there is one.
func (m *metadataAnswer) end() {
	if m.began {
		m.s.out.S(")\r\n")
	}
}
