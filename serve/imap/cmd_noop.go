package imap

// cmdNoop is NOOP, RFC 3501 §6.1.2: execute tells what changed.
func cmdNoop(_ *session, c *call) error { return c.End() }
