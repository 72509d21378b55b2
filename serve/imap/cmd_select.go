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
	var params imap.SelectParams
	if c.TrySP() {
		params = c.SelectParams()
	}
	if err := c.End(); err != nil {
		if !isBad(err) {
			s.leave() // nothing is wrong but the name
		}
		return err
	}
	if params.QResync != nil && !s.has(extQResync) {
		return badf("enable QRESYNC first")
	}
	if q := params.QResync; q != nil && q.Seqs != nil && s.has(extUIDOnly) {
		return errUIDRequired
	}
	s.leave()
	at, err := s.readable(name)
	if err != nil {
		return err
	}
	readOnly = readOnly || at.rights&writeRights == 0
	box, err := at.account.Open(s.ctx, at.Name)
	if err != nil {
		return err
	}
	if params.Condstore {
		s.enabled |= extCondstore
	}
	s.enter(at, box, readOnly)
	if err = s.writeSelected(name); err == nil {
		err = s.resync(params.QResync)
	}
	if err != nil {
		s.deselect()
		return err
	}
	c.code = "READ-WRITE"
	if readOnly {
		c.code = "READ-ONLY"
	}
	return nil
}

// leave deselects for another mailbox and tells so: what comes behind is of the other one. RFC 7162 §3.2.11
// and RFC 9051 §7.1 want it whatever the client enabled.
func (s *session) leave() {
	if s.sel == nil {
		return
	}
	s.deselect()
	s.out.S("* OK [CLOSED")
	s.note("the mailbox selected before is closed")
}

// enter makes box the selected mailbox.
func (s *session) enter(at place, box *mailbox.Mailbox, readOnly bool) {
	s.sel = &selected{box: box, at: at, owner: at.account.ID(), name: at.shown(), readOnly: readOnly}
	s.sel.unwatch = box.Watch(s.ring)
	s.sel.view = box.View()
	s.firstRecent()
}

// firstRecent finds what is recent: SELECT takes it, EXAMINE only looks (RFC 3501 §6.3.2).
func (s *session) firstRecent() {
	if s.has(extRev2) {
		return
	}
	if !s.sel.readOnly {
		s.takeRecent(s.ctx)
		return
	}
	st, err := s.sel.at.account.Status(s.ctx, s.sel.at.Name)
	if n := s.sel.view.Len(); err == nil && st.Recent > 0 && st.Recent <= n {
		s.sel.recent = mailbox.UIDSet{{Lo: s.sel.view.At(n - st.Recent).UID, Hi: mailbox.MaxUID}}
	}
}

// writeSelected writes the untagged responses of SELECT; asked is the name as the client wrote it.
func (s *session) writeSelected(asked string) error {
	v := s.sel.view
	s.writeFlagsResponse(v)
	s.out.S("* ").N(uint64(v.Len())).S(" EXISTS\r\n")
	s.writeRecent()
	if i := v.FirstUnseen(); i >= 0 && !s.has(extRev2|extUIDOnly) {
		s.out.S("* OK [UNSEEN ").N(uint64(i + 1))
		s.note("first unseen")
	}
	s.out.S("* OK [UIDVALIDITY ").N(uint64(v.UIDValidity()))
	s.note("UIDs valid")
	s.out.S("* OK [UIDNEXT ").N(uint64(v.UIDNext()))
	s.note("predicted next UID")
	s.out.S("* OK [HIGHESTMODSEQ ").N(uint64(highest(v)))
	s.note("highest")
	if s.offersMailboxID() {
		s.out.S("* OK [").S(mailboxID(s.sel.owner, s.sel.box.ID()))
		s.note("kept through renames")
	}
	s.tellURLMech()
	if s.has(extRev2) {
		return s.writeSelectedName(asked)
	}
	return nil
}

// writeSelectedName writes the LIST response of IMAP4rev2's SELECT with all attributes, and with the name the
// client used if that is not the one it has (RFC 9051 §6.3.2, §7.3.1).
func (s *session) writeSelectedName(asked string) error {
	in, err := s.selectedInfo()
	if err != nil {
		return err
	}
	attrs, extended := attributes(in), ""
	if in.Subscribed {
		attrs = join(`\Subscribed`, attrs)
	}
	if asked != s.sel.name {
		extended = oldName(asked, true)
	}
	s.writeListed(attrs, s.sel.name, extended)
	return nil
}

// selectedInfo gives what LIST would tell of the selected mailbox. Of one that another shares that depends on what else
// is shared.
func (s *session) selectedInfo() (mailbox.Info, error) {
	if s.sel.at.prefix == "" {
		return s.account.Find(s.ctx, s.sel.at.Name)
	}
	all, err := s.names()
	if err != nil {
		return mailbox.Info{}, err
	}
	if n := visible(all, s.sel.name); n != nil {
		return n.Info, nil
	}
	in, err := s.sel.at.account.Find(s.ctx, s.sel.at.Name) // to be read without being listed
	in.Use, in.Subscribed, in.HasChildren = mailbox.UseNone, false, false
	return in, err
}

// writeFlagsResponse writes FLAGS and PERMANENTFLAGS (RFC 3501 §7.2.6, §7.1).
func (s *session) writeFlagsResponse(v *mailbox.View) {
	s.sel.keywords = len(v.Keywords())
	all := []imap.Flag{imap.Answered, imap.Flagged, imap.Deleted, imap.Seen, imap.Draft}
	for _, k := range v.Keywords() {
		all = append(all, imap.Flag(k))
	}
	s.out.S("* FLAGS ").Flags(all).CRLF()
	if s.sel.readOnly {
		s.out.S("* OK [PERMANENTFLAGS ()")
		s.note("read-only")
		return
	}
	may := s.changeable()
	all = permanent(all, may)
	if len(v.Keywords()) < mailbox.MaxKeywords && mayKeywords(may) {
		all = append(all, `\*`)
	}
	s.out.S("* OK [PERMANENTFLAGS ").Flags(all)
	s.note("kept")
}
