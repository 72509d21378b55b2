package imap

import "strings"

// collate adds the key by which a text is ordered: as readers of the account's language expect it, capitals
// and small letters alike (RFC 5256 §5).
func (s *session) collate(dst []byte, text string) []byte {
	return s.srv.collation.Key(dst, s.locale, strings.ToLower(text))
}

// comparator names what collate does.
func (s *session) comparator() string { return s.locale }
