package imap

import (
	"errors"

	"barid/rfc/imap"
)

// cmdIdle is IDLE, RFC 2177. The session waits for DONE as it waits for commands, but is told of news meanwhile.
//
// What is new already comes behind the continuation. RFC 2177 §3 shows it before too, but Thunderbird overlooks
// an EXISTS there and does not show the message until something else happens.
func cmdIdle(s *session, c *call) error {
	if err := c.End(); err != nil {
		return err
	}
	s.rung.Store(false)
	s.out.S("+ idling\r\n")
	if s.sel != nil && s.hearsSelected() {
		s.update(true)
	}
	s.tellNews()
	if s.ended {
		return nil
	}
	s.idling = c.tag
	return errAnswered // by endIdle
}

// endIdle reads the line that ends IDLE.
func (s *session) endIdle() {
	raw, err := s.in.Line()
	line := upperASCII(string(raw))
	s.conn.Interruptible(false)
	c := &call{tag: s.idling, name: "IDLE"}
	s.idling = ""
	var syntax *imap.SyntaxError
	switch {
	case err != nil && !errors.As(err, &syntax):
		s.readError(err)
		return
	case err == nil && line != "DONE":
		err = badf("expected DONE")
	}
	s.conclude(c, s.srv.commands[c.name], err, 0)
}

func upperASCII(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c >= 'a' && c <= 'z' {
			b[i] = c - 0x20
		}
	}
	return string(b)
}
