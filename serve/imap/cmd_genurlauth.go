package imap

import (
	"errors"

	"barid/mail/link"
	"barid/rfc/imap"
)

// cmdGenURLAuth is GENURLAUTH, RFC 4467 §7: URLs of messages of this account are signed for others.
func cmdGenURLAuth(s *session, c *call) error {
	var asked []imap.URL
	for first := true; first || c.More(); first = false {
		text := c.SPUnless(first).AString()
		mechanism := c.SP().Word()
		if c.Err() != nil {
			break
		}
		u, why := imap.ParseURL(text, s.in.Limits())
		switch {
		case why != "":
			return badf(why)
		case len(asked) == maxURLs:
			return badf("too many URLs")
		case mechanism != link.Internal:
			return no("URLMECH "+link.Internal, "no such mechanism")
		case u.Access == "" || u.Mechanism != "" || u.Mailbox == "":
			return badf("not a URL to be signed")
		case u.Host != s.urlHost() || !s.isMe(u.User):
			return badURL(text)
		}
		asked = append(asked, u)
	}
	if err := c.End(); err != nil {
		return err
	}
	signed := make([]string, len(asked))
	for i := range asked {
		at, err := s.place(asked[i].Mailbox)
		if err == nil && at.account.ID() != s.account.ID() {
			err = link.ErrUnknown
		}
		if err == nil {
			signed[i], err = link.Sign(s.ctx, at.account, at.Name, &asked[i])
		}
		if errors.Is(err, link.ErrUnknown) {
			return badURL(asked[i].Signed)
		}
		if err != nil {
			return err
		}
	}
	s.out.S("* GENURLAUTH")
	for _, u := range signed {
		s.out.C(' ').Str(u)
	}
	s.out.CRLF()
	return nil
}

// maxURLs bounds the URLs of one command.
const maxURLs = 100
