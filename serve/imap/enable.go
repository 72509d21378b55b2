package imap

import (
	"slices"
	"strings"
)

// extension is what a client switched on for its session (RFC 5161), as a bit. Without any the answers are
// those of RFC 3501, byte for byte: iOS and K-9 show empty mailboxes otherwise.
type extension uint16

const (
	extCondstore extension = 1 << iota // RFC 7162 §3.1
	extQResync                         // RFC 7162 §3.2
	extRev2                            // RFC 9051
	extUTF8                            // RFC 9755
	extUIDOnly                         // RFC 9586
	extMetadata                        // RFC 5464 §4.1
)

// extensionRow is one row of what ENABLE knows. A name that is no capability of this session is passed over.
type extensionRow struct {
	name string // as ENABLED repeats it
	bit  extension
	may  func(*session) bool // whether it can be switched on now; nil: yes
	on   func(*session)      // what else happens, behind the ENABLED response; nil: nothing
}

// extensionTable joins the families.
func extensionTable() []extensionRow {
	return slices.Concat(coreExtensions(), mailboxExtensions(), messageExtensions(), searchExtensions())
}

// has reports whether one of those extensions is on.
func (s *session) has(e extension) bool { return s.enabled&e != 0 }

// extension finds a row by name; nil if it is not known or can not be had now.
func (s *session) extension(name string) *extensionRow {
	for i := range s.srv.extensions {
		x := &s.srv.extensions[i]
		if strings.EqualFold(x.name, name) && s.offers(x.name) && (x.may == nil || x.may(s)) {
			return x
		}
	}
	return nil
}

// enableCondstore notes that the client knows RFC 7162: from now on it is told modseqs. The first time
// inside a mailbox it must learn where that stands (§3.1).
func (s *session) enableCondstore() {
	if s.has(extCondstore) {
		return
	}
	s.enabled |= extCondstore
	if s.sel != nil {
		s.out.S("* OK [HIGHESTMODSEQ ").N(uint64(highest(s.sel.view)))
		s.note("highest")
	}
}

// enableUTF8Names makes names UTF-8 both ways from now on.
func (s *session) enableUTF8Names() { s.out.UTF8 = true }

// enableRev2 gives up what IMAP4rev2 does not have any more: \Recent (RFC 9051 appendix E).
func (s *session) enableRev2() {
	s.enableUTF8Names()
	if s.sel != nil {
		s.sel.recent = nil
	}
}
