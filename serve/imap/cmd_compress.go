package imap

import (
	"bufio"

	"barid/rfc/deflate"
)

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
	case s.unpack != nil:
		return no("COMPRESSIONACTIVE", "DEFLATE is active already")
	}
	s.tagged(c.tag, okLine("", s.said("DEFLATE is active")))
	if err := s.out.Flush(); err != nil {
		return err
	}
	s.in.Through(func(br *bufio.Reader) *bufio.Reader {
		s.unpack = &inflater{Reader: deflate.NewReader(br), left: max(inflateFree, 2*s.srv.set.MaxMessageBytes)}
		return s.srv.readers.get(s.unpack)
	})
	s.out.Reset(&deflater{w: deadlineWriter{s.conn, s.srv.set.WriteTime}})
	return errAnswered
}

// isPlain: there is no way back from COMPRESS, and only one way in.
func isPlain(s *session) bool { return s.unpack == nil }
