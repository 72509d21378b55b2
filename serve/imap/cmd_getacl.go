package imap

import (
	"barid/mail/mailbox"
)

// cmdGetACL is GETACL, RFC 4314 §3.3: the owner first, then who else has rights.
func cmdGetACL(s *session, c *call) error {
	name := c.Name()
	if err := c.End(); err != nil {
		return err
	}
	at, err := s.administered(name)
	if err != nil {
		return err
	}
	grants, err := at.account.Grants(s.ctx, at.Name)
	if err != nil {
		return err
	}
	s.out.S("* ACL ").Name(name).C(' ').AStr(at.owner).C(' ').S(wireRights(mailbox.AllRights))
	for _, g := range grants {
		who, err := s.identifierName(g)
		if err != nil {
			return err
		}
		if who != "" {
			s.out.C(' ').AStr(who).C(' ').S(wireRights(g.Rights))
		}
	}
	s.out.CRLF()
	return nil
}

// wireRights writes rights with the virtual "c" and "d" of RFC 2086 where one of their members is (RFC 4314 §2.1.1).
func wireRights(r mailbox.Rights) string {
	w := r.String()
	if r&(mailbox.RightCreate|mailbox.RightRemove) != 0 {
		w += "c"
	}
	if r&(mailbox.RightDelete|mailbox.RightExpunge) != 0 {
		w += "d"
	}
	if w == "" {
		return `""`
	}
	return w
}

// cmdListRights is LISTRIGHTS, RFC 4314 §3.4: the owner always has all rights, others can be given each; none is tied to another.
func cmdListRights(s *session, c *call) error {
	name := c.Name()
	who := c.SP().AString()
	if err := c.End(); err != nil {
		return err
	}
	at, err := s.administered(name)
	if err != nil {
		return err
	}
	g, err := s.identifier(who)
	if err != nil {
		return err
	}
	s.out.S("* LISTRIGHTS ").Name(name).C(' ').AStr(who)
	if g.Account == at.account.ID() {
		s.out.C(' ').S(wireRights(mailbox.AllRights)).CRLF()
		return nil
	}
	s.out.S(` ""`)
	for _, r := range wireRights(mailbox.AllRights) {
		s.out.C(' ').C(byte(r))
	}
	s.out.CRLF()
	return nil
}

// cmdMyRights is MYRIGHTS, RFC 4314 §3.5.
func cmdMyRights(s *session, c *call) error {
	name := c.Name()
	if err := c.End(); err != nil {
		return err
	}
	at, err := s.place(name)
	if err != nil {
		return err
	}
	if !at.Exists {
		return mailbox.ErrNoMailbox
	}
	if err := at.needAny(seeRights); err != nil {
		return err
	}
	s.tellMyRights(at, name)
	return nil
}

// seeRights are those of which one is needed to ask for one's rights (RFC 4314 §4).
const seeRights = mailbox.RightLookup | mailbox.RightRead | mailbox.RightInsert | mailbox.RightCreate | mailbox.RightRemove | mailbox.RightAdmin

func (s *session) tellMyRights(at place, name string) {
	s.out.S("* MYRIGHTS ").Name(name).C(' ').S(wireRights(at.rights)).CRLF()
}
