package intake

// complete adds the fields that a submitted message lacks and must have (RFC 6409 §8, RFC 5322 §3.6): Date,
// Message-ID, and From, which is the reverse-path that the login was found to own. Nothing that is there is
// changed.
func (t *trace) complete(b []byte, h *head) []byte {
	if !h.date {
		b = append(b, "Date: "...)
		b = t.now.AppendFormat(b, dateForm)
		b = append(b, "\r\n"...)
	}
	if !h.from && t.mailbox != "" {
		b = append(b, "From: "...)
		b = append(b, t.from...)
		b = append(b, "\r\n"...)
	}
	if !h.messageID {
		b = append(b, "Message-ID: <"...)
		b = append(b, t.id...)
		b = append(b, '@')
		b = append(b, t.host...)
		b = append(b, ">\r\n"...)
	}
	return b
}
