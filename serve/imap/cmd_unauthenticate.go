package imap

import "time"

// cmdUnauthenticate is UNAUTHENTICATE, RFC 8437: the connection is as it was before login, for another one. A mailbox
// that was selected is left without EXPUNGE. Under COMPRESS, which has no end, it is not offered.
func cmdUnauthenticate(s *session, c *call) error {
	if err := c.End(); err != nil {
		return err
	}
	if s.unpack != nil {
		return badf("not after COMPRESS")
	}
	s.deselect()
	s.unwatch()
	s.notifying = nil
	s.log.Info("imap logout", "user", s.user)
	s.user, s.account, s.admin = "", nil, false
	s.enabled, s.out.UTF8 = 0, false
	s.locale, s.lang, s.order = "", "", byReader
	s.started = time.Now() // there is time for another login
	s.limit()
	c.code = "CAPABILITY " + s.capabilities()
	c.text = "log in again"
	return nil
}
