package imap

import (
	"errors"
	"io"
	"strings"
	"time"

	"barid/mail/link"
	"barid/rfc/imap"
)

// cmdURLFetch is URLFETCH, RFC 4467 §7: what signed URLs name, NIL for those that are not for this client, and nothing,
// which is not NIL, for those whose message has no such part (§8).
func cmdURLFetch(s *session, c *call) error {
	var urls []string
	for first := true; first || c.More(); first = false {
		urls = append(urls, c.SPUnless(first).AString())
		if len(urls) > maxURLs {
			return badf("too many URLs")
		}
	}
	if err := c.End(); err != nil {
		return err
	}
	for _, text := range urls {
		p, err := s.fetchURL(text)
		if err != nil && !errors.Is(err, link.ErrUnknown) {
			return err
		}
		s.out.S("* URLFETCH ").Str(text).C(' ')
		switch {
		case errors.Is(err, link.ErrNoPart):
			s.out.Str("").CRLF()
			continue
		case err != nil:
			s.out.S("NIL\r\n")
			continue
		}
		err = s.out.LiteralOf(maskNUL{p.Reader()}, p.Size(), false)
		_ = p.Close() // nothing was written through it
		if err != nil {
			return brokenLiteral{err}
		}
		s.out.CRLF()
	}
	return nil
}

func (s *session) fetchURL(text string) (*link.Part, error) {
	u, why := imap.ParseURL(text, s.in.Limits())
	if why != "" {
		return nil, link.ErrUnknown
	}
	o := link.Opener{Mail: s.srv.Mail, Accounts: s.srv.Accounts, Host: s.urlHost(), Now: time.Now}
	return o.Fetch(s.ctx, s.account.ID(), &u)
}

// urlHost is this server's name as URLs have it.
func (s *session) urlHost() string { return strings.ToLower(s.srv.set.Host) }

// maskNUL shows NUL as 0x80; see noNUL.
type maskNUL struct{ r io.Reader }

// Read implements io.Reader.
func (m maskNUL) Read(p []byte) (int, error) {
	n, err := m.r.Read(p)
	for i, c := range p[:n] {
		if c == 0 {
			p[i] = 0x80
		}
	}
	return n, err
}
