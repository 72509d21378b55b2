package imap

import (
	"errors"
	"strings"

	"barid/rfc/imap"
)

// Texts gives what is said to a client in another language, by the English words; *locales.Texts is one.
type Texts interface {
	Text(lang, english string) (string, bool)
}

// languages are those we speak. English is what RFC 2277 calls i-default.
var languages = [...]string{"en", "ar", "fa"}

const defaultLanguage = "i-default"

// speaks: LANGUAGE needs a catalogue.
func speaks(s *session) bool { return s.srv.Texts != nil }

// cmdLanguage is LANGUAGE, RFC 5255 §3.2: it lists what we speak, or chooses the first of the client's
// languages that we do. "fa-IR" is served by "fa" (RFC 4647 §3.4).
func cmdLanguage(s *session, c *call) error {
	var ranges []string
	for c.More() {
		if len(ranges) > 0 {
			c.SP()
		}
		ranges = append(ranges, strings.ToLower(c.AString()))
	}
	if err := c.End(); err != nil {
		return err
	}
	if s.srv.Texts == nil {
		return no("CANNOT", "only English is spoken here")
	}
	if len(ranges) == 0 {
		s.out.S("* LANGUAGE (").S(strings.Join(languages[:], " ")).C(' ').S(defaultLanguage).S(")\r\n")
		return nil
	}
	for _, r := range ranges {
		if tag, ok := languageFor(r); ok {
			s.lang = tag
			s.out.S("* LANGUAGE (").S(tag).S(")\r\n")
			if s.account != nil && tag != languages[0] {
				s.tellNamespace()
			}
			c.text = "this is the language now"
			return nil
		}
	}
	return no("CANNOT", "that language is not spoken here")
}

// languageFor finds the language that a range means.
func languageFor(r string) (string, bool) {
	if r == "default" || r == "*" || r == defaultLanguage {
		return languages[0], true
	}
	primary, _, _ := strings.Cut(r, "-")
	for _, l := range languages {
		if l == primary {
			return l, true
		}
	}
	return "", false
}

// said gives a text in the language of the session; one that is not in the catalogue stays English.
func (s *session) said(english string) string {
	if s.lang == "" || s.lang == languages[0] {
		return english
	}
	if t, ok := s.srv.Texts.Text(s.lang, english); ok {
		return t
	}
	return english
}

// inWords puts a refusal into the session's language. What is wrong with a command is told in English only,
// with its place.
func (s *session) inWords(r refusal, err error) refusal {
	var syntax *imap.SyntaxError
	if s.lang != "" && s.lang != languages[0] && errors.As(err, &syntax) {
		r.text = "the command can not be understood"
	}
	r.text = s.said(r.text)
	return r
}

// note ends an untagged response with its text.
func (s *session) note(text string) { s.out.S("] ").S(s.said(text)).CRLF() }
