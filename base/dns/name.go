package dns

import (
	"net/netip"
	"strings"

	mdns "github.com/miekg/dns"
)

// Names are in presentation form (RFC 1035 §5.1) in both directions: a dot inside a label is "\.", other
// bytes may be written as they are or as "\DDD"; ASCII letters are folded to lower case; no final dot; the
// root is "".

// canonical folds a name, brings its escapes into one form and adds the final dot; ok is false if no such
// name can be in the DNS (RFC 1035 §2.3.4: labels of 1 to 63 octets, 255 in all). "" is no name; the root is ".".
func canonical(name string) (fqdn string, ok bool) {
	if name == "" || len(name) > 4*maxName {
		return "", false
	}
	var wire [maxName]byte
	n, err := mdns.PackDomainName(mdns.Fqdn(name), wire[:], 0, nil, false)
	if err != nil {
		return "", false
	}
	fqdn, _, err = mdns.UnpackDomainName(wire[:n], 0)
	return fold(fqdn), err == nil
}

// plain is canonical's other way: what a caller sees.
func plain(fqdn string) string { return strings.TrimSuffix(fold(fqdn), ".") }

// fold lowers ASCII letters only (RFC 4343 §3).
func fold(s string) string {
	for i := 0; i < len(s); i++ {
		if 'A' <= s[i] && s[i] <= 'Z' {
			return foldFrom(s, i)
		}
	}
	return s
}

func foldFrom(s string, i int) string {
	b := []byte(s)
	for ; i < len(b); i++ {
		if 'A' <= b[i] && b[i] <= 'Z' {
			b[i] += 'a' - 'A'
		}
	}
	return string(b)
}

// Reverse gives the name whose PTR records name a: "1.2.0.192.in-addr.arpa" (RFC 1035 §3.5, RFC 3596 §2.5).
// "" for the zero Addr.
func Reverse(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	n, _ := mdns.ReverseAddr(a.Unmap().WithZone("").String())
	return plain(n)
}

// text joins the strings of a TXT record (RFC 7208 §3.3) as the bytes that were sent, without the escapes of
// the presentation form.
func text(parts []string) string {
	var b strings.Builder
	for _, p := range parts {
		unescape(&b, p)
	}
	return b.String()
}

func unescape(b *strings.Builder, s string) {
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] != '\\' || i+1 == len(s):
			b.WriteByte(s[i])
		case i+3 < len(s) && digit(s[i+1]) && digit(s[i+2]) && digit(s[i+3]):
			b.WriteByte((s[i+1]-'0')*100 + (s[i+2]-'0')*10 + (s[i+3] - '0'))
			i += 3
		default:
			i++
			b.WriteByte(s[i])
		}
	}
}

func digit(c byte) bool { return '0' <= c && c <= '9' }
