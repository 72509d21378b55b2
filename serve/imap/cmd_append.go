package imap

import (
	"strconv"

	"barid/mail/mailbox"
	"barid/rfc/imap"
)

// cmdAppend is APPEND, RFC 3501 §6.3.11, of one message or, all or none, of several (RFC 3502), whose bytes come as
// they are (RFC 3516 §4.4, RFC 9755 §4) or in parts (RFC 4469). It answers APPENDUID (RFC 4315 §3). What can be
// refused is refused before a client that waits sends a message.
func cmdAppend(s *session, c *call) error {
	in, err := s.incoming(c, c.Name())
	if err != nil {
		return err
	}
	defer in.close()
	for more := true; more; more = c.body != nil || c.More() {
		if err := in.next(); err != nil {
			return err
		}
	}
	if err := c.End(); err != nil {
		return err
	}
	ds, err := in.append()
	if err != nil {
		return tryCreate(err)
	}
	uids := make([]mailbox.UID, len(ds))
	for i := range ds {
		uids[i] = ds[i].UID
	}
	s.brought(ds[0].Mailbox, in.account, uids)
	if in.told {
		c.code = appendUID(ds)
	}
	return nil
}

// appendUID writes APPENDUID.
func appendUID(ds []mailbox.Delivered) string {
	uids := make([]mailbox.UID, len(ds))
	for i := range ds {
		uids[i] = ds[i].UID
	}
	b := strconv.AppendUint([]byte("APPENDUID "), uint64(ds[0].UIDValidity), 10)
	return string(imap.AppendSet(append(b, ' '), ranges(uids)))
}
