package imap

import "bufio"

// cmdCompress is COMPRESS, RFC 4978 §3: everything behind the tagged OK is compressed, both ways. What is compressed goes
// through TLS afterwards, for STARTTLS can not come any more; our TLS does not compress, and we have no SASL layers.
// No password passes compressed: a session logs in before, and UNAUTHENTICATE is not for after.
func cmdCompress(s *session, c *call) error {
	mechanism := c.Word()
	if err := c.End(); err != nil {
		return err
	}
	switch {
	case mechanism != "DEFLATE":
		return badf("no such compression")
	case s.packed:
		return no("COMPRESSIONACTIVE", "DEFLATE is active already")
	}
	s.tagged(c.tag, okLine("", s.said("DEFLATE is active")))
	if err := s.out.Flush(); err != nil {
		return err
	}
	s.packed = true
	free := max(inflateFree, 2*s.srv.set.MaxMessageBytes)
	s.in.Through(func(br *bufio.Reader) *bufio.Reader { return inflate(br, free) })
	s.out.Reset(&deflater{w: deadlineWriter{s.conn, s.srv.set.WriteTime}})
	return errAnswered
}

// isPlain: there is no way back from COMPRESS, and only one way in.
func isPlain(s *session) bool { return !s.packed }
