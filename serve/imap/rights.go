package imap

import (
	"barid/mail/mailbox"
	"barid/rfc/imap"
)

// rights is what the session may do with the selected mailbox now.
func (s *session) rights() mailbox.Rights {
	if s.sel.at.prefix == "" {
		return mailbox.AllRights
	}
	return s.sel.box.Rights(s.reader(s.sel.at.owner))
}

// writeRights are those of which one makes a mailbox READ-WRITE (RFC 4314 §5.2).
const writeRights = mailbox.RightInsert | mailbox.RightExpunge | mailbox.RightSeen | mailbox.RightWrite | mailbox.RightDelete

// settable are the flags that somebody with rights may set (RFC 4314 §4): \Seen, \Deleted, and all others.
func settable(r mailbox.Rights) (f mailbox.Flags) {
	if r&mailbox.RightSeen != 0 {
		f |= mailbox.Seen
	}
	if r&mailbox.RightDelete != 0 {
		f |= mailbox.Deleted
	}
	if r&mailbox.RightWrite != 0 {
		f |= mailbox.AllFlags &^ (mailbox.Seen | mailbox.Deleted)
	}
	return f
}

// changeable are the flags of the selected mailbox that the session may change.
func (s *session) changeable() mailbox.Flags {
	if s.sel.readOnly {
		return 0
	}
	return settable(s.rights())
}

// mayKeywords reports whether keywords are among flags.
func mayKeywords(f mailbox.Flags) bool { return f&mailbox.Keyword(0) != 0 }

// limitFlags leaves of a message's flags what may be set.
func limitFlags(may mailbox.Flags, sys *mailbox.Flags, keywords *[]string) {
	*sys &= may
	if !mayKeywords(may) {
		*keywords = nil
	}
}

// revoked looks whether the rights in the selected mailbox of somebody else changed. Without the right to read the session
// ends, as RFC 4314 §5.1.1 allows; else flags are told anew if others may be changed.
func (s *session) revoked() bool {
	if s.sel == nil || s.sel.at.prefix == "" {
		return false
	}
	r := s.rights()
	if r == s.sel.at.rights {
		return false
	}
	if r&mailbox.RightRead == 0 {
		s.bye("the mailbox is no longer shared with you")
		return true
	}
	before := s.changeableOf(s.sel.at.rights)
	s.sel.at.rights = r
	if s.changeable() != before {
		s.writeFlagsResponse(s.sel.box.View())
	}
	return false
}

func (s *session) changeableOf(r mailbox.Rights) mailbox.Flags {
	if s.sel.readOnly {
		return 0
	}
	return settable(r)
}

// permanent picks from all flags those that may be changed.
func permanent(all []imap.Flag, may mailbox.Flags) (out []imap.Flag) {
	for _, f := range all {
		if sys, words := splitFlags([]imap.Flag{f}); sys&may != 0 || len(words) > 0 && mayKeywords(may) {
			out = append(out, f)
		}
	}
	return out
}
