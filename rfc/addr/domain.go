package addr

import (
	"net/netip"
	"strings"

	"golang.org/x/net/idna"
)

const (
	maxLabel = 63  // octets, RFC 1035 §2.3.4
	maxName  = 253 // octets without the dot at the end: 255 on the wire of DNS
)

// toASCII makes A-labels as a resolver should: UTS 46 mapping (lower case, NFC, full width), bidi and
// joiner rules. Names of the real world with underscores or odd hyphens pass; validName looks at the result.
var toASCII = idna.New(idna.MapForLookup(), idna.Transitional(false), idna.BidiRule(), idna.CheckJoiners(true),
	idna.CheckHyphens(false), idna.StrictDomainName(false))

// toUnicode undoes toASCII.
var toUnicode = idna.New(idna.MapForLookup(), idna.Transitional(false), idna.CheckHyphens(false),
	idna.StrictDomainName(false))

// canonicalDomain gives a DNS name in lower case with A-labels.
func canonicalDomain(s string) (string, error) {
	if s == "" {
		return "", fail(0, NoDomain)
	}
	if len(s) > 4*MaxDomain {
		return "", fail(0, LongDomain)
	}
	d := s
	if !isASCII(s) {
		if err := checkText(s, true); err != nil {
			return "", err
		}
		a, err := toASCII.ToASCII(s)
		if err != nil {
			return "", fail(0, BadDomain)
		}
		d = a
	}
	d = strings.ToLower(strings.TrimSuffix(d, "."))
	if len(d) > maxName {
		return "", fail(0, LongDomain)
	}
	if i := badName(d); i >= 0 {
		return "", fail(min(i, len(s)), BadDomain)
	}
	return d, nil
}

// badName gives the offset of what is wrong with an ASCII name, or -1. Labels of letters, digits,
// hyphens and underscores pass, 1 to 63 octets each.
func badName(d string) int {
	start := 0
	for i := 0; i <= len(d); i++ {
		if i == len(d) || d[i] == '.' {
			if i == start || i-start > maxLabel {
				return start
			}
			start = i + 1
			continue
		}
		c := d[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return i
		}
	}
	return -1
}

// canonicalLiteral gives an address literal (RFC 5321 §4.1.3), s with its brackets.
func canonicalLiteral(s string) (string, error) {
	in := s[1 : len(s)-1]
	const tag = "IPv6:"
	if len(in) > len(tag) && strings.EqualFold(in[:len(tag)], tag) {
		a, err := netip.ParseAddr(in[len(tag):])
		if err != nil || !a.Is6() || a.Zone() != "" {
			return "", fail(1+len(tag), BadLiteral)
		}
		return "[" + tag + a.String() + "]", nil
	}
	a, err := netip.ParseAddr(in)
	if err != nil || !a.Is4() {
		return "", fail(1, BadLiteral)
	}
	return "[" + a.String() + "]", nil
}

// UnicodeDomain gives a canonical domain with U-labels, for people. A label that is no proper A-label
// stays as it is, and so does a literal. Whether a name may safely be shown so is for the caller to say.
func UnicodeDomain(d string) string {
	if !strings.Contains(d, "xn--") {
		return d
	}
	labels := strings.Split(d, ".")
	for i, l := range labels {
		if !strings.HasPrefix(l, "xn--") {
			continue
		}
		u, err := toUnicode.ToUnicode(l)
		if err != nil || checkText(u, true) != nil {
			continue
		}
		labels[i] = u
	}
	u := strings.Join(labels, ".")
	if back, err := canonicalDomain(u); err != nil || back != d {
		return d
	}
	return u
}
