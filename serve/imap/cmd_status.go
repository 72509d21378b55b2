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
	value func(st *standing) uint64
	write func(s *session, at place, st *standing) // instead of value
}

// statusItems are those of RFC 3501 §6.3.10 and of extensions.
func statusItems() []statusItem {
	return []statusItem{
		{name: "MESSAGES", value: func(st *standing) uint64 { return uint64(st.Messages) }},
		{name: "RECENT", value: func(st *standing) uint64 { return uint64(st.Recent) }},
		{name: "UIDNEXT", value: func(st *standing) uint64 { return uint64(st.UIDNext) }},
		{name: "UIDVALIDITY", value: func(st *standing) uint64 { return uint64(st.UIDValidity) }},
		{name: "UNSEEN", value: func(st *standing) uint64 { return uint64(st.Unseen) }},
		// RFC 7162 §3.1.7
		{name: "HIGHESTMODSEQ", value: func(st *standing) uint64 { return uint64(max(st.HighestModSeq, 1)) }},
		{name: "APPENDLIMIT", write: writeAppendLimit},                                                 // RFC 7889 §4
		{name: "SIZE", value: func(st *standing) uint64 { return uint64(st.Bytes) }},                   // RFC 8438 §2
		{name: "DELETED", value: func(st *standing) uint64 { return uint64(st.Deleted) }},              // RFC 9051 §6.3.11, RFC 9208 §4.1.4
		{name: "DELETED-STORAGE", value: func(st *standing) uint64 { return uint64(st.deletedBytes) }}, // RFC 9208 §4.1.4
		{name: "MAILBOXID", write: writeMailboxID},                                                     // RFC 8474 §4.3
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

// standing is what STATUS can tell of a mailbox.
type standing struct {
	mailbox.Status
	deletedBytes int64 // of messages with \Deleted, if it was asked for
}

// standing reads it. Nothing is written before all is known: the mailbox may go meanwhile.
func (s *session) standing(at place, items []string) (*standing, error) {
	st, err := at.account.Status(s.ctx, at.Name)
	if err != nil {
		return nil, err
	}
	out := &standing{Status: st}
	if st.Deleted > 0 && slices.Contains(items, "DELETED-STORAGE") {
		out.deletedBytes, err = s.deletedBytes(at)
	}
	return out, err
}

// deletedBytes sums up the sizes of the messages with \Deleted.
func (s *session) deletedBytes(at place) (sum int64, err error) {
	box, err := at.account.Open(s.ctx, at.Name)
	if err != nil {
		return 0, err
	}
	defer box.Close()
	v := box.View()
	for _, e := range v.Range(0, v.Len()) {
		if e.Flags&mailbox.Deleted != 0 {
			sum += e.Size
		}
	}
	return sum, nil
}

// tellStatus writes the STATUS response of a mailbox; asked is the name as the client wrote it.
func (s *session) tellStatus(at place, asked string, items []string) error {
	st, err := s.standing(at, items)
	if err == nil {
		s.writeStatus(at, asked, items, st)
	}
	return err
}

func (s *session) writeStatus(at place, asked string, items []string, st *standing) {
	s.out.S("* STATUS ").Name(asked).S(" (")
	for i, it := range items {
		if i > 0 {
			s.out.C(' ')
		}
		row := s.srv.statusItem(it)
		s.out.S(it).C(' ')
		if row.write == nil {
			s.out.N(row.value(st))
		} else {
			row.write(s, at, st)
		}
	}
	s.out.S(")\r\n")
}

func writeAppendLimit(s *session, _ place, _ *standing) { s.out.S(appendLimit(s)) }
