package smtp

import (
	"slices"
	"strings"

	"barid/rfc/smtp"
)

// help is HELP: the commands that are live now (RFC 5321 §4.1.1.8, duty D30).
func (s *session) help([]byte) error {
	lines := []string{"commands: " + strings.Join(s.live(), " ")}
	if s.srv.set.HelpURL != "" {
		lines = append(lines, "see "+s.srv.set.HelpURL)
	}
	s.out = smtp.AppendReplyLines(s.out, 214, "2.0.0", lines...)
	return s.spill()
}

// live gives the verbs that may be of use in this session.
func (s *session) live() []string {
	var names []string
	for name, v := range s.srv.verbs {
		switch {
		case v.proceed == nil:
		case name == "STARTTLS" && !s.conn.CanStartTLS():
		case name == "AUTH" && !s.mayLogin():
		default:
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
