package imap

// cmdCancelUpdate is CANCELUPDATE, RFC 5267 §4.3.5. A tag that names no context has none that could go on.
func cmdCancelUpdate(s *session, c *call) error {
	tags := []string{c.String()}
	for c.More() {
		tags = append(tags, c.SP().String())
	}
	if err := c.End(); err != nil {
		return err
	}
	for _, tag := range tags {
		if at := s.sel.context(tag); at >= 0 {
			s.sel.contexts = append(s.sel.contexts[:at], s.sel.contexts[at+1:]...)
		}
	}
	return nil
}
