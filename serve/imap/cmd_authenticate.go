package imap

import (
	"errors"

	"barid/rfc/sasl"
)

// cmdAuthenticate is AUTHENTICATE, RFC 3501 §6.2.2, with an initial response (RFC 4959).
func cmdAuthenticate(s *session, c *call) error {
	mechanism := c.Word()
	var first []byte
	hasFirst := c.TrySP()
	if hasFirst {
		first = c.Raw()
	}
	if err := c.End(); err != nil {
		return err
	}
	if !s.mayLogIn() {
		return errPrivacy
	}
	auth := func(authzid, user, password string) error {
		if authzid != "" && authzid != user {
			return no("AUTHORIZATIONFAILED", "acting for another account is not allowed")
		}
		return s.logIn(user, password)
	}
	server, ok := sasl.New(mechanism, auth)
	if !ok {
		return no("CANNOT", "no such mechanism")
	}
	if hasFirst && !sasl.ClientFirst(mechanism) { // RFC 4959 §3
		return badf("the mechanism has no initial response")
	}
	var response []byte
	if hasFirst {
		var err error
		if response, err = sasl.DecodeInitial(first); err != nil {
			return saslError(err)
		}
	}
	if err := s.converse(server, response); err != nil {
		return saslError(err)
	}
	c.code = "CAPABILITY " + s.capabilities()
	c.text = "logged in"
	return nil
}

// converse exchanges challenges and responses until the mechanism is done. response is the one at hand,
// nil if there is none.
func (s *session) converse(server sasl.Server, response []byte) error {
	for {
		challenge, done, err := server.Next(response)
		if done || err != nil {
			return err
		}
		line, err := s.challenge(challenge)
		if err != nil {
			return err
		}
		if response, err = sasl.Decode(line); err != nil {
			return err
		}
	}
}

// challenge sends one and reads the response.
func (s *session) challenge(challenge []byte) ([]byte, error) {
	s.out.S("+ ").B(sasl.Encode(challenge)).CRLF()
	if err := s.out.Flush(); err != nil {
		return nil, err
	}
	s.allowMore()
	s.conn.Interruptible(true)
	defer s.conn.Interruptible(false)
	return s.in.Line()
}

// saslError gives what a client did wrong the answers of RFC 3501 §6.2.2; other errors are left alone.
func saslError(err error) error {
	switch {
	case errors.Is(err, sasl.ErrCancelled):
		return badf("authentication given up")
	case errors.Is(err, sasl.ErrEncoding):
		return badf("response is not base64")
	case errors.Is(err, sasl.ErrTooLong), errors.Is(err, sasl.ErrSyntax), errors.Is(err, sasl.ErrDone):
		return badf("malformed response")
	}
	return err
}
