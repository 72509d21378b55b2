package imap

import (
	"errors"

	"barid/mail/mailbox"
)

// cmdReplace is REPLACE and UID REPLACE, RFC 8508: a message comes and another goes, in one commit. The one that goes
// is found before the new one is sent.
func cmdReplace(s *session, c *call) error {
	old, err := s.readOne(c)
	if err != nil {
		return err
	}
	in, err := s.incoming(c, c.SP().Name())
	if err != nil {
		return err
	}
	defer in.close()
	r := s.rights()
	switch {
	case s.sel.readOnly:
		return errReadOnly
	case r&mailbox.RightDelete == 0 || r&mailbox.RightExpunge == 0:
		return errNoPerm
	case old == nil:
		return no("NONEXISTENT", "there is no such message")
	case in.account.ID() != s.sel.owner:
		return no("CANNOT", "the mailboxes are of two accounts")
	}
	in.replaces = old
	if err := in.next(); err != nil {
		return err
	}
	if c.body != nil || c.More() || in.single == nil {
		return badf("REPLACE takes one message")
	}
	d, _, err := s.sel.box.Replace(in.ctx, old.UID, in.name, *in.single)
	if errors.Is(err, mailbox.ErrGone) {
		return no("NONEXISTENT", "the message was expunged")
	}
	if err != nil {
		return tryCreate(err)
	}
	if in.told {
		s.out.S("* OK [").S(appendUID([]mailbox.Delivered{d}))
		s.note("replacement is stored")
	}
	c.modseq = true
	return nil
}

// readOne reads the number of one message; nil if there is none of that UID.
func (s *session) readOne(c *call) (*mailbox.Entry, error) {
	n, last := c.NumberOrStar()
	v := s.sel.view
	i, ok := v.Len()-1, v.Len() > 0
	switch {
	case c.Err() != nil:
		return nil, c.Err()
	case last:
	case c.uid:
		i, ok = v.Seq(mailbox.UID(n))
	default:
		i, ok = int(n)-1, int64(n) <= int64(v.Len())
	}
	switch {
	case !ok && c.uid:
		return nil, nil
	case !ok:
		return nil, badf("there is no message with that sequence number")
	}
	e := v.At(i)
	return &e, nil
}
