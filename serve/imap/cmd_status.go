package imap

import (
	"slices"

	"barid/mail/mailbox"
)

// cmdStatus is STATUS, RFC 3501 §6.3.10 and RFC 9051 §6.3.11, with the items of statusItems.
func cmdStatus(s *session, c *call) error {
	name := c.Name()
	items := c.SP().StatusItems()
	if err := c.End(); err != nil {
		return err
	}
	if err := s.admitStatus(items); err != nil {
		return err
	}
	at, err := s.readable(name)
	if err != nil {
		return err
	}
	if err := s.tellStatus(at, name, items); err != nil {
		return err
	}
	s.learnModSeqs(items)
	return nil
}

// statusItem is one item of STATUS.
type statusItem struct {
	name  string
	value func(st *mailbox.Status) uint64
	write func(s *session, at place, st *mailbox.Status) error // instead of value
}

// statusItems are those of RFC 3501 §6.3.10 and of extensions.
func statusItems() []statusItem {
	return []statusItem{
		{name: "MESSAGES", value: func(st *mailbox.Status) uint64 { return uint64(st.Messages) }},
		{name: "RECENT", value: func(st *mailbox.Status) uint64 { return uint64(st.Recent) }},
		{name: "UIDNEXT", value: func(st *mailbox.Status) uint64 { return uint64(st.UIDNext) }},
		{name: "UIDVALIDITY", value: func(st *mailbox.Status) uint64 { return uint64(st.UIDValidity) }},
		{name: "UNSEEN", value: func(st *mailbox.Status) uint64 { return uint64(st.Unseen) }},
		// RFC 7162 §3.1.7
		{name: "HIGHESTMODSEQ", value: func(st *mailbox.Status) uint64 { return uint64(max(st.HighestModSeq, 1)) }},
		{name: "APPENDLIMIT", write: writeAppendLimit},                                          // RFC 7889 §4
		{name: "SIZE", value: func(st *mailbox.Status) uint64 { return uint64(st.Bytes) }},      // RFC 8438 §2
		{name: "DELETED", value: func(st *mailbox.Status) uint64 { return uint64(st.Deleted) }}, // RFC 9051 §6.3.11, RFC 9208 §4.1.4
		{name: "DELETED-STORAGE", write: writeDeletedStorage},                                   // RFC 9208 §4.1.4
		{name: "MAILBOXID", write: writeMailboxID},                                              // RFC 8474 §4.3
	}
}

// item finds a row; nil if there is none of that name.
func (srv *Server) statusItem(name string) *statusItem {
	for i := range srv.statusItems {
		if srv.statusItems[i].name == name {
			return &srv.statusItems[i]
		}
	}
	return nil
}

// admitStatus refuses items that are not known.
func (s *session) admitStatus(items []string) error {
	for _, it := range items {
		if s.srv.statusItem(it) == nil {
			return badf("no such STATUS item")
		}
	}
	return nil
}

// learnModSeqs notes that a client which asked for a modseq, and was answered, knows of them (RFC 7162 §3.1).
func (s *session) learnModSeqs(items []string) {
	if slices.Contains(items, "HIGHESTMODSEQ") {
		s.enableCondstore()
	}
}

// tellStatus writes the STATUS response of a mailbox; asked is the name as the client wrote it.
func (s *session) tellStatus(at place, asked string, items []string) error {
	st, err := at.account.Status(s.ctx, at.Name)
	if err != nil {
		return err
	}
	s.out.S("* STATUS ").Name(asked).S(" (")
	for i, it := range items {
		if i > 0 {
			s.out.C(' ')
		}
		row := s.srv.statusItem(it)
		s.out.S(it).C(' ')
		if row.write == nil {
			s.out.N(row.value(&st))
		} else if err := row.write(s, at, &st); err != nil {
			return err
		}
	}
	s.out.S(")\r\n")
	return nil
}

// listStatus is STATUS of a name of LIST. A mailbox that went meanwhile, or that may not be read, has none (RFC 5819 §2).
func (s *session) listStatus(n *named, items []string) error {
	if n.at.need(mailbox.RightRead) != nil {
		return nil
	}
	err := s.tellStatus(n.at, n.Name, items)
	if isGone(err) {
		return nil
	}
	return err
}

// writeDeletedStorage sums up the sizes of the messages with \Deleted.
func writeDeletedStorage(s *session, at place, st *mailbox.Status) error {
	var sum int64
	if st.Deleted > 0 {
		box, err := at.account.Open(s.ctx, at.Name)
		if err != nil {
			return err
		}
		defer box.Close()
		v := box.View()
		for _, e := range v.Range(0, v.Len()) {
			if e.Flags&mailbox.Deleted != 0 {
				sum += e.Size
			}
		}
	}
	s.out.N(uint64(sum))
	return nil
}

func writeAppendLimit(s *session, _ place, _ *mailbox.Status) error {
	s.out.S(appendLimit(s))
	return nil
}
