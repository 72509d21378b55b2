package imap

import (
	"slices"
	"strings"
)

// moment is when a capability is told, as bits.
type moment uint8

const (
	beforeLogin moment = 1 << iota
	afterLogin

	always = beforeLogin | afterLogin
)

// capability is one row of what CAPABILITY tells. Each family of extensions has a slice of its own, in
// capability_<family>.go. Invariant: a row is there when the extension works whole, and not before.
type capability struct {
	name  string
	when  moment
	rfc   string                // where it is described
	able  func(*session) bool   // whether it holds for this session; nil: it does
	value func(*session) string // what stands behind the name and "=", which change with the settings; nil: nothing
	needs []string              // rows without which this one is not told, e.g. the parts of IMAP4rev2
}

// Hide takes a capability away from clients that do not cope with it. An empty field fits everybody; both
// are compared without case. What is hidden can not be enabled either; the commands behind it stay.
type Hide struct {
	Capability string // as CAPABILITY tells it, e.g. "IMAP4rev2"
	Client     string // beginning of the name the client gave in ID (RFC 2971)
	Account    string // login name
}

func (h Hide) fits(client, user string) bool {
	return hasPrefixFold(client, h.Client) && (h.Account == "" || strings.EqualFold(h.Account, user))
}

func hasPrefixFold(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}

// capabilityTable joins the families, in the order they are told, without rows whose needs are not met.
func capabilityTable() []capability {
	all := slices.Concat(coreCapabilities(), mailboxCapabilities(), messageCapabilities(), searchCapabilities())
	return slices.DeleteFunc(slices.Clone(all), func(c capability) bool {
		return slices.ContainsFunc(c.needs, func(name string) bool { return !hasRow(all, name) })
	})
}

func hasRow(rows []capability, name string) bool {
	return slices.ContainsFunc(rows, func(c capability) bool { return c.name == name })
}

// warnOfHidden tells the administrator of rows to hide that do not exist: a name that is mistyped hides nothing.
func (srv *Server) warnOfHidden() {
	for _, h := range srv.set.Hidden {
		if !slices.ContainsFunc(srv.capabilities, func(c capability) bool { return strings.EqualFold(c.name, h.Capability) }) {
			srv.Log.Warn("imap_hide names a capability that there is not", "capability", h.Capability,
				"hint", "it hides nothing; write it as CAPABILITY tells it, without what follows the = of a limit")
		}
	}
}

// capabilities are those that hold now.
func (s *session) capabilities() string {
	now := beforeLogin
	if s.account != nil {
		now = afterLogin
	}
	var b strings.Builder
	for i := range s.srv.capabilities {
		c := &s.srv.capabilities[i]
		if c.when&now == 0 || !s.holds(c) {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(c.name)
		if c.value != nil {
			b.WriteByte('=')
			b.WriteString(c.value(s))
		}
	}
	return b.String()
}

// holds reports whether a capability holds for this session.
func (s *session) holds(c *capability) bool {
	if s.hides(c.name) || c.able != nil && !c.able(s) {
		return false
	}
	return !slices.ContainsFunc(c.needs, s.hides)
}

// hides reports whether Settings.Hidden takes a capability away from this session.
func (s *session) hides(name string) bool {
	for _, h := range s.srv.set.Hidden {
		if strings.EqualFold(h.Capability, name) && h.fits(s.client, s.user) {
			return true
		}
	}
	return false
}

// offers reports whether a capability of that name is in the table and holds for this session.
func (s *session) offers(name string) bool {
	for i := range s.srv.capabilities {
		if c := &s.srv.capabilities[i]; strings.EqualFold(c.name, name) {
			return s.holds(c)
		}
	}
	return false
}
