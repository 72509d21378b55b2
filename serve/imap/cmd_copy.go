package imap

import (
	"errors"
	"strconv"

	"barid/mail/mailbox"
	"barid/rfc/imap"
)

// cmdCopy is COPY, RFC 3501 §6.4.7, and UID COPY, with COPYUID of RFC 4315 §3.
func cmdCopy(s *session, c *call) error {
	spans, dst, err := s.readCopy(c)
	if err != nil || len(spans) == 0 {
		return err
	}
	if limit := s.saveLimit(); limit > 0 {
		if kept, over := lastOf(spans, limit); over { // all or nothing (RFC 9738 §3.1)
			return overLimit(limit, s.sel.view.At(kept[0].lo).UID)
		}
	}
	set := s.sel.uids(spans)
	res, err := s.transfer(set, dst, false)
	if err != nil {
		return tryCreate(err)
	}
	c.code = copyUID(res, dst)
	return nil
}

// readCopy reads the set and the destination of COPY and MOVE.
func (s *session) readCopy(c *call) ([]span, place, error) {
	spans, err := s.readSpans(c)
	if err != nil {
		return nil, place{}, err
	}
	name := c.SP().Name()
	if err := c.End(); err != nil {
		return nil, place{}, err
	}
	dst, err := s.writable(name)
	if err == nil && len(spans) == 0 && !dst.Exists { // also for nothing it must be there (RFC 9051 §6.4.7)
		err = mailbox.ErrNoMailbox
	}
	if err != nil {
		return nil, place{}, tryCreate(err)
	}
	return spans, dst, nil
}

// tryCreate turns "no such mailbox" into the hint that COPY and APPEND owe (RFC 3501 §7.1).
func tryCreate(err error) error {
	if errors.Is(err, mailbox.ErrNoMailbox) {
		return no("TRYCREATE", "there is no such mailbox")
	}
	return err
}

// copyUID writes COPYUID, "" if nothing was copied or the session may not read what it copied to (RFC 9051 §6.4.7).
func copyUID(r mailbox.CopyResult, dst place) string {
	if len(r.To) == 0 || dst.rights&mailbox.RightRead == 0 {
		return ""
	}
	b := strconv.AppendUint([]byte("COPYUID "), uint64(r.UIDValidity), 10)
	b = imap.AppendSet(append(b, ' '), ranges(r.From))
	return string(imap.AppendSet(append(b, ' '), ranges(r.To)))
}
