package account

import (
	"fmt"
	"strings"

	"golang.org/x/net/idna"
	"golang.org/x/text/secure/precis"

	"barid/rfc/addr"
)

// hostable is stricter than what we accept from others: only names that can be registered (RFC 5891, STD 3).
var hostable = idna.New(idna.MapForLookup(), idna.Transitional(false), idna.BidiRule(), idna.CheckJoiners(true),
	idna.CheckHyphens(false), idna.StrictDomainName(true), idna.ValidateLabels(true), idna.VerifyDNSLength(true))

// parseDomain gives the canonical name of a domain that we are to host.
func parseDomain(s string) (string, error) {
	name, err := addr.ParseDomain(s)
	if err == nil {
		_, err = hostable.ToASCII(name)
	}
	if err == nil && strings.ContainsRune(name, '_') || hyphenEdge(name) {
		err = fmt.Errorf("a host name has letters, digits and inner hyphens only")
	}
	if err == nil {
		return name, nil
	}
	why := "is no domain name"
	if s == "" {
		why = "a name is needed, e.g. example.org"
	}
	return "", ErrInvalid{Kind: "domain", Name: s, Why: why, Near: nearDomain(s)}
}

func hyphenEdge(name string) bool {
	for l := range strings.SplitSeq(name, ".") {
		if strings.HasPrefix(l, "-") || strings.HasSuffix(l, "-") {
			return true
		}
	}
	return false
}

// nearDomain gives the domain that s holds among other things: a URL, an address, spaces.
func nearDomain(s string) string {
	t := strings.Trim(strings.TrimSpace(s), "<>.@/")
	if _, rest, ok := strings.Cut(t, "://"); ok {
		t = rest
	}
	t = t[strings.LastIndexByte(t, '@')+1:]
	t, _, _ = strings.Cut(t, "/")
	t = strings.ReplaceAll(strings.Trim(t, "-"), "_", "-")
	name, err := addr.ParseDomain(t)
	if err != nil || t == s {
		return ""
	}
	return name
}

// parseOwn gives the canonical address of an account or alias of ours: lower case, no quotes needed.
func parseOwn(kind, name, field, s string) (addr.Mailbox, error) {
	invalid := func(why, near string) error {
		return ErrInvalid{Kind: kind, Name: name, Field: field, Value: s, Why: why, Near: near}
	}
	m, err := addr.ParseMailbox(s, true)
	if err != nil {
		return addr.Mailbox{}, invalid(err.Error(), nearAddress(s))
	}
	if m.Domain[0] == '[' {
		return addr.Mailbox{}, invalid("an address of ours has a domain name, not "+m.Domain, "")
	}
	local, err := foldName(m.Local)
	if err != nil {
		return addr.Mailbox{}, invalid("the part before @ mixes what can not stand in one name: "+err.Error(), "")
	}
	own := addr.Mailbox{Local: local, Domain: m.Domain}
	if strings.HasPrefix(own.String(), `"`) {
		return addr.Mailbox{}, invalid("the part before @ may not need quotes", nearAddress(s))
	}
	return own, nil
}

// nearAddress gives the address that s holds, or would be without spaces, quotes and brackets.
func nearAddress(s string) string {
	if items, _ := addr.ParseList(s, 1); strings.Contains(s, "<") && len(items) == 1 {
		if m, err := items[0].Canonical(); err == nil && !strings.Contains(m.String(), `"`) {
			return m.Key()
		}
	}
	t := strings.Map(func(r rune) rune {
		if strings.ContainsRune(" \t\r\n<>\"(),;:\\", r) {
			return -1
		}
		return r
	}, strings.TrimPrefix(strings.TrimSpace(s), "mailto:"))
	if t == s {
		return ""
	}
	m, err := addr.ParseMailbox(t, true)
	if err != nil {
		return ""
	}
	return m.Key()
}

// foldName gives a local part as the names of accounts are kept: RFC 8265 §3.3 (UsernameCaseMapped), and
// folded as incoming addresses are.
func foldName(local string) (string, error) {
	for i := range len(local) {
		if local[i] >= 0x80 {
			mapped, err := precis.UsernameCaseMapped.String(local)
			return addr.FoldLocal(mapped), err
		}
	}
	return addr.FoldLocal(local), nil
}

// normalPassword prepares a password as RFC 8265 §4.2 (OpaqueString) asks, so that it is the same bytes
// whatever keyboard it was typed on.
func normalPassword(s string) (string, error) {
	if len(s) > MaxPassword {
		return "", fmt.Errorf("is longer than %d octets", MaxPassword)
	}
	if s == "" {
		return "", fmt.Errorf("is empty")
	}
	p, err := precis.OpaqueString.String(s)
	if err != nil || p == "" {
		return "", fmt.Errorf("holds a control character or something else that can not be typed")
	}
	return p, nil
}
