package exchange

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"barid/rfc/addr"
)

// host is the right side of our Message-IDs.
const host = "exchange.test"

// idLine is the first line of each parcel. What comes before it was put there on the way.
var idLine = regexp.MustCompile(`(?m)^Message-ID: <([^@>\n]+)@` + regexp.QuoteMeta(host) + `>$`)

// reportPart is the part that makes a report of a message (RFC 3464 §2.1, RFC 6533 §4).
var reportPart = regexp.MustCompile(`(?mi)^content-type: *message/(?:global-)?delivery-status`)

// letter is what lies in a mailbox: a parcel, or a report.
type letter struct {
	at   string // mailbox, canonical
	raw  string // lines end with LF
	id   string
	body string // of a parcel: from our first line on
}

// read tells what a letter is. ok is false if it is nothing that we know.
func read(at, raw string) (l letter, isReport, ok bool) {
	l = letter{at: at, raw: raw}
	where := idLine.FindStringSubmatchIndex(raw)
	if where == nil {
		return l, false, false
	}
	l.id, l.body = raw[where[2]:where[3]], raw[where[0]:]
	if head, _, _ := strings.Cut(raw, "\n\n"); where[0] < len(head) {
		return l, false, true
	}
	return l, true, reportPart.MatchString(raw)
}

// failure marks the part of a report on one recipient that failed, group finds the recipient in it.
var failure, group = regexp.MustCompile(`(?mi)^action: *failed`), regexp.MustCompile(`(?mi)^(?:final|original)-recipient: *[^;\n]+; *(.+)$`)

// failed tells whether a report says that a recipient failed.
func (l letter) failed(to string) bool {
	want := canonical(to)
	for _, block := range strings.Split(l.raw, "\n\n") {
		if !failure.MatchString(block) {
			continue
		}
		for _, m := range group.FindAllStringSubmatch(block, -1) {
			if canonical(strings.Trim(plain(m[1]), "<>")) == want {
				return true
			}
		}
	}
	return false
}

// encoded are the escapes of RFC 6533 §3 and of xtext (RFC 3461 §4).
var encoded = regexp.MustCompile(`\\x\{([0-9A-Fa-f]+)\}|((?:\+[0-9A-F]{2})+)`)

// plain takes escapes out of an address in a report.
func plain(s string) string {
	return encoded.ReplaceAllStringFunc(strings.TrimSpace(s), func(e string) string {
		if m := encoded.FindStringSubmatch(e); m[1] != "" {
			n, _ := strconv.ParseUint(m[1], 16, 32)
			return string(rune(n))
		}
		var b []byte
		for _, h := range strings.Split(e, "+")[1:] {
			n, _ := strconv.ParseUint(h, 16, 8)
			b = append(b, byte(n))
		}
		return string(b)
	})
}

// canonical gives the one form of an address that the ledger uses: domain in A-labels.
func canonical(s string) string {
	m, err := addr.ParseMailbox(s, true)
	if err != nil {
		return strings.ToLower(s)
	}
	return m.Key()
}

// spaced are blanks between the name of a field and its colon, an obsolete form (RFC 5322 §4.5) that peers repair.
var spaced = regexp.MustCompile(`(?m)^([!-9;-~]+)[ \t]+:`)

// raw8bit are the fields of a header section with octets that are not ASCII.
var raw8bit = regexp.MustCompile(`(?m)^[!-9;-~]+:.*[^\x00-\x7f].*\n(?:[ \t].*\n)*`)

// words are fields that hold encoded words of UTF-8.
var words = regexp.MustCompile(`(?m)^[!-9;-~]+:.*=\?UTF-8\?.*\n(?:[ \t].*\n)*`)

// differ tells where a parcel that arrived is not the one that was sent. Between Barids, not an octet may differ.
// Peers repair an obsolete form. A Barid encodes fields for a server without SMTPUTF8 (RFC 6531 §3.5, RFC 2047).
func differ(p *parcel, got string, at *member) string {
	sent := p.text
	if p.by.site != nil || at.site != nil {
		sent, got = spaced.ReplaceAllString(sent, "$1:"), spaced.ReplaceAllString(got, "$1:")
	}
	head, body, _ := strings.Cut(sent, "\n\n")
	if !at.utf8 && !ascii(head) {
		sent = words.ReplaceAllString(raw8bit.ReplaceAllString(head+"\n", ""), "") + "\n" + body
		head, body, _ = strings.Cut(got, "\n\n")
		got = words.ReplaceAllString(raw8bit.ReplaceAllString(head+"\n", ""), "") + "\n" + body
	}
	if sent == got {
		return ""
	}
	a, b := strings.Split(sent, "\n"), strings.Split(got, "\n")
	for i := range max(len(a), len(b)) {
		x, y := "(end)", "(end)"
		if i < len(a) {
			x = a[i]
		}
		if i < len(b) {
			y = b[i]
		}
		if x != y {
			return fmt.Sprintf("line %d of %d is %.120q, was %.120q", i+1, len(b), y, x)
		}
	}
	return ""
}
