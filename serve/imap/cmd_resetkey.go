package imap

import "barid/mail/link"

// cmdResetKey is RESETKEY, RFC 4467 §7: what was signed for a mailbox, or for all, is worth nothing from now on. URLMECH is
// told in its answer. Other sessions are not told, as INTERNAL is all there ever is.
func cmdResetKey(s *session, c *call) error {
	name, one := "", c.More()
	if one {
		name = c.Name()
		for c.TrySP() {
			if c.Word() != link.Internal && c.Err() == nil {
				return no("URLMECH "+link.Internal, "no such mechanism")
			}
		}
	}
	if err := c.End(); err != nil {
		return err
	}
	if !one {
		return s.account.DropLinkKeys(s.ctx)
	}
	c.code = "URLMECH " + link.Internal
	at, err := s.place(name)
	if err != nil {
		return err
	}
	if at.account.ID() != s.account.ID() {
		return no("NOPERM", "the mailbox is somebody else's")
	}
	box, err := at.account.Open(s.ctx, at.Name)
	if err != nil {
		return err
	}
	defer box.Close()
	return box.DropLinkKey(s.ctx)
}

// tellURLMech writes URLMECH to who selects a mailbox whose messages were signed (RFC 4467 §8): clients that never heard of
// it see what they always saw.
func (s *session) tellURLMech() {
	if s.sel.at.prefix != "" {
		return
	}
	if key, err := s.sel.box.LinkKey(s.ctx, false); err == nil && key != nil {
		s.out.S("* OK [URLMECH ").S(link.Internal)
		s.note("URLs were signed")
	}
}
