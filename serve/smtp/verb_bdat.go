package smtp

import (
	"errors"
	"io"
	"strconv"

	"barid/mail/link"
	"barid/rfc/smtp"
)

// errBrokenOff is a message by BDAT that another command breaks off; the command is done next.
var errBrokenOff = errors.New("serve/smtp: message broken off by another command")

// bdat is BDAT (RFC 3030 §2). The first chunk begins the message; intake reads it through a chunked, which
// comes back here for the next ones. A chunk that is not wanted is read all the same, before it is answered.
func (s *session) bdat(args []byte) error {
	size, last, err := smtp.ParseBDAT(string(args))
	if err != nil {
		return ended("bad-chunk-size", paramError(err)) // nobody knows where the next command begins
	}
	if s.chunked != nil {
		return s.chunked.begin(size, last)
	}
	if s.phase != ready {
		return s.unwanted(size)
	}
	s.phase = chunks
	c := &chunked{s: s, check: smtp.Checker{HeaderOnly: s.params.Body == smtp.BodyBinaryMIME}}
	s.chunked = c
	s.beginMessage()
	defer s.endMessage()
	if err := c.begin(size, last); err != nil {
		return err
	}
	return s.takeChunks(c)
}

// takeChunks hands the message to intake, and answers when it has come to its end.
func (s *session) takeChunks(c *chunked) error {
	defer c.endURL()
	receipt, err := s.tx.Data(s.ctx, c)
	if c.err == errBrokenOff {
		s.clear()
		return nil
	}
	return s.conclude(receipt, err, c)
}

// unwanted reads a chunk that has no place, and refuses it.
func (s *session) unwanted(size int64) error {
	refusal := badSequence("MAIL and RCPT come first")
	if s.phase == mailed {
		refusal = noValidRecipients()
	}
	if size > s.srv.set.MaxDrain {
		return ended("endless-chunk", refusal)
	}
	s.beginMessage()
	defer s.endMessage()
	if err := s.r.Skip(size); err != nil {
		return lost(err)
	}
	return refusal
}

// chunked is the body that BDAT brings. When a chunk is used up it answers for it and runs commands until the
// next one, so that intake sees one reader.
type chunked struct {
	s     *session
	check smtp.Checker
	left  int64 // octets of this chunk
	size  int64 // octets of the message so far
	n     int   // chunks so far
	now   int64 // size of this chunk
	last  bool
	end   bool
	err   error

	part   *link.Part // of BURL: where this chunk comes from instead of the wire
	source io.Reader
}

// begin takes the next chunk.
func (c *chunked) begin(size int64, last bool) error {
	set := &c.s.srv.set
	c.n++
	c.now, c.left, c.last = size, size, last
	switch {
	case size > set.MaxMessage-c.size:
		c.err = smtp.ErrTooBig
	case c.n > set.MaxChunks && int64(c.n-set.MaxChunks) > c.size>>10:
		c.err = tooManyChunks()
	}
	return nil
}

// Read implements io.Reader for intake.
func (c *chunked) Read(p []byte) (n int, err error) {
	for c.err == nil && c.left == 0 && !c.end {
		c.endURL()
		if !c.last {
			c.err = c.next()
			continue
		}
		if c.err = c.check.End(); c.err == nil {
			c.end = true
		}
	}
	if c.err == nil && !c.end {
		if c.part != nil {
			n, c.err = c.readURL(p)
		} else {
			n, c.err = c.s.r.ReadChunk(p, c.left)
		}
		c.left -= int64(n)
		c.size += int64(n)
		if c.err == nil {
			c.err = c.check.Check(p[:n])
		}
	}
	switch {
	case c.err != nil:
		return 0, c.refusal()
	case c.end:
		return 0, io.EOF
	}
	return n, nil
}

// refusal is what intake is told of c.err.
func (c *chunked) refusal() error {
	if c.err == errBrokenOff {
		return bodyError(io.ErrUnexpectedEOF)
	}
	if isStatus(c.err) {
		return c.err
	}
	return bodyError(c.err)
}

// next answers for a chunk and does commands until the following one begins.
func (c *chunked) next() error {
	s, n := c.s, c.n
	if err := s.reply(250, "2.0.0", strconv.FormatInt(c.now, 10)+" octets received"); err != nil {
		return err
	}
	for c.n == n {
		line, err := s.command()
		if err == nil {
			err = s.do(line)
		}
		if err := s.settle(err); err != nil {
			return err
		}
	}
	return c.err
}

func (c *chunked) failed() error {
	if isStatus(c.err) {
		return nil
	}
	return c.err
}

func (c *chunked) whole() bool { return c.end && c.err == nil }

// drain reads the rest of the chunk.
func (c *chunked) drain(limit int64) error {
	if c.part != nil {
		return nil
	}
	if c.left > limit {
		return smtp.ErrEndless
	}
	left := c.left
	c.left = 0
	return c.s.r.Skip(left)
}
