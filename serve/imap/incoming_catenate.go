package imap

import (
	"errors"
	"fmt"
	"io"

	"barid/mail/link"
	"barid/rfc/imap"
)

// catenate reads "(" parts ")", each TEXT literal, URL url or UTF8 (literal8), which together are a message (RFC 4469 §3,
// RFC 6855 §4). What URLs bring in one command is bounded as one message is, so that a short command does not write without
// end. A URL may begin at the selected mailbox, ";UID=20": RFC 4469 §3 wants it, though RFC 5092 §7.2 would not have it.
func (in *incoming) catenate(w io.Writer) error {
	c := in.c
	c.SP().Open()
	var size int64
	for n := 0; ; n++ {
		before := in.made()
		switch word := c.Word(); {
		case c.Err() != nil:
			return c.Err()
		case word == "TEXT":
			c.SP()
			if err := c.atLiteral(); err != nil {
				return err
			}
			if err := in.room(size + c.body.Size); err != nil {
				return err
			}
			if err := in.literal(w, c.body.Binary); err != nil {
				return err
			}
		case word == "UTF8":
			if err := in.utf8(w, size); err != nil {
				return err
			}
		case word == "URL":
			if err := in.url(w, c.SP().AString(), size); err != nil {
				return err
			}
		default:
			return badf("expected TEXT or URL")
		}
		size += in.made() - before
		if !c.TrySP() {
			break
		}
	}
	c.Close()
	return c.Err()
}

// room refuses a message that grows over the limit, and what admit refuses.
func (in *incoming) room(size int64) error {
	if size > in.s.srv.set.MaxMessageBytes {
		return no("TOOBIG", "message is over the size limit")
	}
	return in.admit(max(size, 1))
}

// url copies what a URL names.
func (in *incoming) url(w io.Writer, s string, size int64) error {
	if err := in.c.Err(); err != nil {
		return err
	}
	p, err := in.s.openURL(s)
	if errors.Is(err, link.ErrUnknown) {
		return badURL(s)
	}
	if err != nil {
		return err
	}
	defer p.Close()
	if in.copied += p.Size(); in.copied > in.s.srv.set.MaxMessageBytes {
		return no("TOOBIG", "message is over the size limit")
	}
	if err := in.room(size + p.Size()); err != nil {
		return err
	}
	_, err = io.Copy(w, p.Reader())
	return err
}

// badURL is the refusal that names the URL (RFC 4469 §4.1). What can not stand in a response code, and in no URL, is
// percent-encoded; what is far too long for a URL is cut off.
func badURL(s string) error {
	b := append(make([]byte, 0, len(s)+16), `BADURL "`...)
	for i := 0; i < min(len(s), maxCodeURL); i++ {
		switch c := s[i]; {
		case c <= ' ' || c >= 0x7f || c == '"' || c == '\\' || c == ']':
			b = fmt.Appendf(b, "%%%02X", c)
		default:
			b = append(b, c)
		}
	}
	return no(string(append(b, '"')), "the URL names nothing that may be had")
}

// maxCodeURL bounds a URL that is repeated in a response code, bytes.
const maxCodeURL = 1000

// openURL opens a URL of this session's own mailboxes: one without a server, or with this one and this user.
func (s *session) openURL(text string) (*link.Part, error) {
	u, why := imap.ParseURL(text, s.in.Limits())
	if why != "" || u.Access != "" || u.Host != "" && (u.Host != s.urlHost() || !s.isMe(u.User)) {
		return nil, link.ErrUnknown
	}
	if u.Mailbox == "" {
		if s.sel == nil {
			return nil, link.ErrUnknown
		}
		return link.Open(s.ctx, s.srv.Mail.Account(s.sel.owner), s.sel.box.Name(), &u)
	}
	at, err := s.readable(u.Mailbox)
	if err != nil {
		return nil, link.ErrUnknown
	}
	return link.Open(s.ctx, at.account, at.Name, &u)
}

// isMe reports whether a name in a URL is a login of this session's account.
func (s *session) isMe(name string) bool {
	a, err := s.srv.Accounts.ByName(s.ctx, name)
	return err == nil && a.ID == s.account.ID()
}
