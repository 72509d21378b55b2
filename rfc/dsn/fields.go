package dsn

import "time"

// dateForm is RFC 5322 §3.3.
const dateForm = "Mon, 02 Jan 2006 15:04:05 -0700"

// maxName is the longest host name that is written, octets (RFC 5321 §4.5.3.1.2).
const maxName = 255

// maxEnvID is what RFC 3461 §4.4 allows for an envelope identifier, decoded.
const maxEnvID = 100

// maxRelease is more than any FUTURERELEASE parameter has.
const maxRelease = 64

// append adds the fields of RFC 3464 §2: those of the message, then a group for each recipient. global is for
// message/global-delivery-status (RFC 6533 §4).
func (r *Report) append(b []byte, global bool) []byte {
	b = appendField(b, "Reporting-MTA", mta(r.ReportingMTA))
	b = appendField(b, "Original-Envelope-Id", fieldText(r.EnvelopeID, maxEnvID, global))
	b = appendField(b, "Received-From-MTA", mta(r.ReceivedFrom))
	b = appendField(b, "Arrival-Date", date(r.Arrival))
	b = appendField(b, "Deliver-By-Date", date(r.DeliverBy))
	b = appendField(b, "Future-Release-Request", fieldText(r.Release, maxRelease, global))
	for i := range r.Recipients {
		b = append(b, "\r\n"...)
		b = r.Recipients[i].append(b, global)
	}
	return b
}

// append adds the fields of RFC 3464 §2.3.
func (r *Recipient) append(b []byte, global bool) []byte {
	if !r.Original.IsZero() {
		b = appendField(b, "Original-Recipient", r.Original.field(global))
	}
	b = appendField(b, "Final-Recipient", r.Final.field(global))
	b = appendField(b, "Action", r.Action.String())
	b = appendField(b, "Status", r.Status.String())
	b = appendField(b, "Remote-MTA", mta(r.RemoteMTA))
	if d := fieldText(r.Diagnostic, MaxDiagnostic, global); d != "" {
		kind := r.DiagType
		if !isWord(kind) {
			kind = "smtp"
		}
		b = appendField(b, "Diagnostic-Code", kind+"; "+d)
	}
	b = appendField(b, "Last-Attempt-Date", date(r.Attempt))
	b = appendField(b, "Final-Log-ID", fieldText(r.LogID, maxName, global))
	if r.Action == Delayed {
		b = appendField(b, "Will-Retry-Until", date(r.RetryUntil))
	}
	return b
}

// global tells whether something in the report can only be said in UTF-8.
func (r *Report) global() bool {
	for i := range r.Recipients {
		if !r.Recipients[i].Final.IsASCII() || !r.Recipients[i].Original.IsASCII() {
			return true
		}
	}
	return false
}

func mta(name string) string {
	if name = fieldText(name, maxName, false); name == "" {
		return ""
	}
	return "dns; " + name
}

func date(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(dateForm)
}
