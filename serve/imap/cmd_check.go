package imap

// cmdCheck is CHECK, RFC 3501 §6.4.1: everything is on disk already.
func cmdCheck(_ *session, c *call) error { return c.End() }
