package smtp

import (
	"bytes"
	"context"
	"errors"
	"io"

	"barid/mail"
	"barid/mail/link"
	"barid/rfc/smtp"
)

// URLs opens the IMAP URLs that BURL names, for who logged in; a *link.Opener is one. link.ErrUnknown: it names
// nothing for them.
type URLs interface {
	SubmitURL(ctx context.Context, who mail.AccountID, url string) (*link.Part, error)
}

// takesURLs reports whether BURL is done here: by submission, with mailboxes behind it.
func (s *session) takesURLs() bool { return s.srv.urls != nil && s.srv.set.Role == mail.RoleSubmission }

// checkBURL tells why it may not come.
func checkBURL(s *session, _ []byte) error {
	switch {
	case s.phase == mailed:
		return noValidRecipients()
	case s.phase != ready && s.chunked == nil:
		return badSequence("MAIL and RCPT come first")
	}
	return nil
}

// burl is BURL (RFC 4468): a chunk of the message, or all of it, comes out of a mailbox of ours. It goes the way of
// BDAT's chunks, with which it may be mixed.
func (s *session) burl(args []byte) error {
	url, rest, more := bytes.Cut(args, []byte{' '})
	last := more && bytes.EqualFold(rest, []byte("LAST"))
	if len(url) == 0 || more && !last {
		return badArgument("BURL takes a URL, and LAST")
	}
	part, err := s.srv.urls.SubmitURL(s.ctx, s.client.Login, string(url))
	if errors.Is(err, link.ErrUnknown) {
		err = urlUnknown().Wrap(err)
	}
	if s.chunked != nil {
		s.chunked.beginURL(part, err, last)
		return nil
	}
	if err != nil {
		s.clear()
		return err
	}
	s.phase = chunks
	c := &chunked{s: s, check: smtp.Checker{HeaderOnly: s.params.Body == smtp.BodyBinaryMIME}}
	s.chunked = c
	s.beginMessage()
	defer s.endMessage()
	c.beginURL(part, nil, last)
	return s.takeChunks(c)
}

// beginURL takes what a URL names as the next chunk; err is why there is none.
func (c *chunked) beginURL(part *link.Part, err error, last bool) {
	size := int64(0)
	if part != nil {
		size = part.Size()
		c.part, c.source = part, part.Reader()
	}
	_ = c.begin(size, last) // it leaves its errors in c.err
	if c.err == nil {
		c.err = err
	}
}

// endURL lets go of what a URL named.
func (c *chunked) endURL() {
	if c.part != nil {
		_ = c.part.Close() // nothing was written through it
		c.part, c.source = nil, nil
	}
}

// readURL reads some of this chunk.
func (c *chunked) readURL(p []byte) (int, error) {
	n, err := c.source.Read(p[:min(int64(len(p)), c.left)])
	if err == io.EOF && int64(n) < c.left {
		return n, io.ErrUnexpectedEOF
	}
	if err == io.EOF {
		err = nil
	}
	return n, err
}
