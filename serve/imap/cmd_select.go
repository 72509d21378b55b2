package imap

import (
	"barid/mail/mailbox"
	"barid/rfc/imap"
)

// cmdSelect is SELECT, RFC 3501 §6.3.1.
func cmdSelect(s *session, c *call) error { return s.open(c, false) }

// cmdExamine is EXAMINE, RFC 3501 §6.3.2.
func cmdExamine(s *session, c *call) error { return s.open(c, true) }

// open selects a mailbox. When that fails none is selected, as the RFC asks.
func (s *session) open(c *call, readOnly bool) error {
	name := c.Name()
	condstore := s.readSelectParams(c)
	if err := c.End(); err != nil {
		return err
	}
	s.deselect()
	box, err := s.account.Open(s.ctx, name)
	if err != nil {
		return err
	}
	s.condstore = s.condstore || condstore
	s.sel = &selected{box: box, name: name, readOnly: readOnly}
	s.sel.wake, s.sel.unwatch = box.Watch()
	s.sel.view = box.View()
	s.firstRecent()
	s.writeSelected()
	c.code = "READ-WRITE"
	if readOnly {
		c.code = "READ-ONLY"
	}
	return nil
}

// readSelectParams reads " (CONDSTORE)" (RFC 7162 §3.1.8).
func (s *session) readSelectParams(c *call) (condstore bool) {
	if !c.TrySP() {
		return false
	}
	c.List(func() {
		if c.Word() == "CONDSTORE" {
			condstore = true
			return
		}
		c.Fail("no such parameter")
	})
	return condstore
}

// firstRecent finds what is recent: SELECT takes it, EXAMINE only looks (RFC 3501 §6.3.2).
func (s *session) firstRecent() {
	if !s.sel.readOnly {
		s.takeRecent(s.ctx)
		return
	}
	st, err := s.account.Status(s.ctx, s.sel.name)
	if n := s.sel.view.Len(); err == nil && st.Recent > 0 && st.Recent <= n {
		s.sel.recent = s.sel.view.At(n - st.Recent).UID
	}
}

// writeSelected writes the untagged responses of SELECT.
func (s *session) writeSelected() {
	v := s.sel.view
	s.writeFlagsResponse(v)
	s.out.S("* ").N(uint64(v.Len())).S(" EXISTS\r\n")
	s.out.S("* ").N(uint64(s.sel.countRecent())).S(" RECENT\r\n")
	if i := v.FirstUnseen(); i >= 0 {
		s.out.S("* OK [UNSEEN ").N(uint64(i + 1)).S("] first unseen\r\n")
	}
	s.out.S("* OK [UIDVALIDITY ").N(uint64(v.UIDValidity())).S("] UIDs valid\r\n")
	s.out.S("* OK [UIDNEXT ").N(uint64(v.UIDNext())).S("] predicted next UID\r\n")
	s.out.S("* OK [HIGHESTMODSEQ ").N(uint64(highest(v))).S("] highest\r\n")
}

// highest is HIGHESTMODSEQ, which is at least 1 (RFC 7162 §3.1.2.1).
func highest(v *mailbox.View) mailbox.ModSeq { return max(v.HighestModSeq(), 1) }

// writeFlagsResponse writes FLAGS and PERMANENTFLAGS (RFC 3501 §7.2.6, §7.1).
func (s *session) writeFlagsResponse(v *mailbox.View) {
	s.sel.keywords = len(v.Keywords())
	all := []imap.Flag{imap.Answered, imap.Flagged, imap.Deleted, imap.Seen, imap.Draft}
	for _, k := range v.Keywords() {
		all = append(all, imap.Flag(k))
	}
	s.out.S("* FLAGS ").Flags(all).CRLF()
	if s.sel.readOnly {
		s.out.S("* OK [PERMANENTFLAGS ()] read-only\r\n")
		return
	}
	if len(v.Keywords()) < mailbox.MaxKeywords {
		all = append(all, `\*`)
	}
	s.out.S("* OK [PERMANENTFLAGS ").Flags(all).S("] kept\r\n")
}
