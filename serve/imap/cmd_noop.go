package imap

// cmdNoop is NOOP, RFC 3501 §6.1.2: execute tells what changed.
func cmdNoop(_ *session, c *call) error { return c.End() }

// cmdCheck is CHECK, RFC 3501 §6.4.1: everything is on disk already.
func cmdCheck(_ *session, c *call) error { return c.End() }
