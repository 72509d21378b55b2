package imap

// cmdCompress is COMPRESS, RFC 4978: everything behind the tagged OK is compressed, both ways.
func cmdCompress(s *session, c *call) error {
	mechanism := c.Word()
	if err := c.End(); err != nil {
		return err
	}
	switch {
	case !s.srv.set.Compress:
		return badf("compression is not offered here")
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
	s.in.Through(inflate)
	s.out.Reset(&deflater{w: deadlineWriter{s.conn, s.srv.set.WriteTime}})
	return errAnswered
}

// isPlain: there is no way back from COMPRESS, and only one way in.
func isPlain(s *session) bool { return !s.packed }

// mayCompress reports whether COMPRESS is offered.
func mayCompress(s *session) bool { return s.srv.set.Compress && isPlain(s) }
