package imap

import "barid/mail/mailbox"

// cmdStatus is STATUS, RFC 3501 §6.3.10, with HIGHESTMODSEQ of RFC 7162 §3.1.7.
func cmdStatus(s *session, c *call) error {
	name := c.Name()
	var items []string
	c.SP().List(func() { items = append(items, c.Word()) })
	if len(items) == 0 {
		c.Fail("a list of STATUS items can not be empty")
	}
	if err := c.End(); err != nil {
		return err
	}
	for _, it := range items {
		if _, ok := statusValue(it, &mailbox.Status{}); !ok {
			return badf("no such STATUS item")
		}
		if it == "HIGHESTMODSEQ" {
			s.enableCondstore()
		}
	}
	st, err := s.account.Status(s.ctx, name)
	if err != nil {
		return err
	}
	s.out.S("* STATUS ").Name(name).S(" (")
	for i, it := range items {
		if i > 0 {
			s.out.C(' ')
		}
		n, _ := statusValue(it, &st)
		s.out.S(it).C(' ').N(n)
	}
	s.out.S(")\r\n")
	return nil
}

func statusValue(item string, st *mailbox.Status) (uint64, bool) {
	switch item {
	case "MESSAGES":
		return uint64(st.Messages), true
	case "RECENT":
		return uint64(st.Recent), true
	case "UIDNEXT":
		return uint64(st.UIDNext), true
	case "UIDVALIDITY":
		return uint64(st.UIDValidity), true
	case "UNSEEN":
		return uint64(st.Unseen), true
	case "HIGHESTMODSEQ":
		return uint64(max(st.HighestModSeq, 1)), true
	}
	return 0, false
}
