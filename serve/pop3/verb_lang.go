package pop3

import (
	"context"
	"strings"
)

// languages are those we speak, with their own names, the usual one first.
var languages = [...]struct{ tag, name string }{{"en", "English"}, {"ar", "العربية"}, {"fa", "فارسی"}}

// verbLang chooses the language of texts, or lists what there is (RFC 6856 §3.2). "*" is the usual one; "fa-IR" is
// served by "fa".
func verbLang(_ context.Context, s *session, args []string) error {
	if s.srv.Texts == nil {
		return errUnknown
	}
	if len(args) == 0 {
		s.ok("languages follow")
		for _, l := range languages {
			s.out.text(l.tag + " " + l.name + "\r\n")
		}
		s.out.text(".\r\n")
		return nil
	}
	want, _, _ := strings.Cut(strings.ToLower(args[0]), "-")
	if want == "*" {
		want = languages[0].tag
	}
	for _, l := range languages {
		if l.tag == want {
			s.lang = want
			s.out.text("+OK " + l.tag + " " + s.said("this is the language now") + "\r\n")
			return nil
		}
	}
	return errLanguage
}

// said gives a text in the language of the session; one that is not in the catalogue stays English.
func (s *session) said(english string) string {
	if s.lang == "" || s.lang == "en" {
		return english
	}
	if t, ok := s.srv.Texts.Text(s.lang, english); ok {
		return t
	}
	return english
}
