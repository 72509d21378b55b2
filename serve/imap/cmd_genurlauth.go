package imap

import (
	"errors"

	"barid/mail/link"
	"barid/rfc/imap"
)

// cmdGenURLAuth is GENURLAUTH, RFC 4467 §7: URLs of messages of this account are signed for others. The RFC wants BAD for
// every URL that can not be signed; a mailbox that is somebody else's can not, whoever shares it. Whether there is the
// login that "user+" or "submit+" names nobody learns: a URL for one that is not there never opens.
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
		case u.Access == "":
			return badf("missing access identifier in the URL")
		case u.Mechanism != "":
			return badf("the URL is signed already")
		case u.Mailbox == "" || u.Host != s.urlHost():
			return badf("not a URL of this server")
		case u.User == "":
			return badf("missing owner in the URL")
		case !s.isMe(u.User):
			return badf("not a URL of this login's mailboxes")
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
		if errors.Is(err, link.ErrUnknown) || isGone(err) {
			return badf("the URL names no mailbox of this login")
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
