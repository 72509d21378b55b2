package dsn

import (
	"strings"
	"time"

	"barid/rfc/header"
)

// parseFields reads a machine-readable part (RFC 3464 §2.1). It is tolerant: groups that are not divided by
// an empty line, too many empty lines, recipients in the first group, fields in any order.
func parseFields(b []byte) Report {
	var r Report
	f := fieldReader{r: &r}
	for off := 0; off < len(b); {
		field, ok := header.Next(b, off)
		if !ok { // an empty line
			off += strings.IndexByte(string(b[off:min(len(b), off+2)]), '\n') + 1
			f.open = false
			continue
		}
		off = field.Off + field.Len
		if !f.field(lowerASCII(string(field.Name)), field.Text()) {
			break
		}
	}
	return r
}

// fieldReader puts fields where they belong.
type fieldReader struct {
	r    *Report
	open bool // the last recipient of r still takes fields
}

// field takes one; it gives false when there are too many recipients.
func (f *fieldReader) field(name, value string) bool {
	switch name {
	case "reporting-mta":
		f.r.ReportingMTA = untyped(value)
	case "original-envelope-id":
		f.r.EnvelopeID = Clean(value, maxEnvID*2)
	case "received-from-mta":
		f.r.ReceivedFrom = untyped(value)
	case "arrival-date":
		f.r.Arrival = parseDate(value)
	case "original-recipient", "final-recipient":
		if !f.start(name == "final-recipient") {
			return false
		}
		f.recipient(name, value)
	default:
		if f.open {
			f.recipient(name, value)
		}
	}
	return true
}

// start opens a new recipient unless the open one still lacks this field.
func (f *fieldReader) start(final bool) bool {
	if f.open {
		last := &f.r.Recipients[len(f.r.Recipients)-1]
		if final && last.Final.IsZero() || !final && last.Original.IsZero() {
			return true
		}
	}
	if len(f.r.Recipients) >= MaxRecipients {
		return false
	}
	f.r.Recipients = append(f.r.Recipients, Recipient{})
	f.open = true
	return true
}

// recipient takes a field of the last recipient (RFC 3464 §2.3).
func (f *fieldReader) recipient(name, value string) {
	r := &f.r.Recipients[len(f.r.Recipients)-1]
	switch name {
	case "original-recipient":
		r.Original = ParseAddress(value)
	case "final-recipient":
		r.Final = ParseAddress(value)
	case "action":
		r.Action = parseAction(value)
	case "status":
		r.Status, _ = ParseStatus(value)
	case "remote-mta":
		r.RemoteMTA = untyped(value)
	case "diagnostic-code":
		r.DiagType, r.Diagnostic = diagnostic(value)
	case "last-attempt-date":
		r.Attempt = parseDate(value)
	case "final-log-id":
		r.LogID = Clean(value, maxName)
	case "will-retry-until":
		r.RetryUntil = parseDate(value)
	}
}

// diagnostic divides "smtp; 550 5.1.1 no such user".
func diagnostic(v string) (kind, text string) {
	kind, text, ok := strings.Cut(v, ";")
	if kind = strings.TrimSpace(kind); !ok || !isWord(kind) {
		return "smtp", decodeUnitext(Clean(v, MaxDiagnostic))
	}
	return lowerASCII(kind), decodeUnitext(Clean(strings.TrimSpace(text), MaxDiagnostic))
}

// untyped gives the name of "dns; mx.example.org" (RFC 3464 §2.1.2).
func untyped(v string) string {
	if kind, name, ok := strings.Cut(v, ";"); ok && isWord(strings.TrimSpace(kind)) {
		v = name
	}
	return Clean(strings.TrimSpace(v), maxName)
}

func parseDate(v string) time.Time {
	t, err := header.Date(v)
	if err != nil {
		return time.Time{}
	}
	return t
}
