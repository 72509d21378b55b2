package imap

import (
	"barid/rfc/addr"
	"barid/rfc/mime"
)

// AppendEnvelope writes e as FETCH ENVELOPE answers it (RFC 3501 §7.4.2): encoded words as they stand,
// raw 8-bit as literals, Sender and Reply-To filled from From where they are missing. It is valid syntax
// whatever e holds; a nil e is an envelope of NILs.
func AppendEnvelope(dst []byte, e *mime.Envelope) []byte {
	if e == nil {
		e = &mime.Envelope{}
	}
	sender, replyTo := e.Sender, e.ReplyTo
	if len(sender) == 0 {
		sender = e.From
	}
	if len(replyTo) == 0 {
		replyTo = e.From
	}
	dst = append(dst, '(')
	dst = append(appendText(dst, e.Date, e.Empty&mime.EmptyDate != 0), ' ')
	dst = append(appendText(dst, e.Subject, e.Empty&mime.EmptySubject != 0), ' ')
	for _, list := range [...][]addr.Item{e.From, sender, replyTo, e.To, e.Cc, e.Bcc} {
		dst = append(appendAddresses(dst, list), ' ')
	}
	dst = append(appendText(dst, e.InReplyTo, e.Empty&mime.EmptyInReplyTo != 0), ' ')
	dst = appendText(dst, e.MessageID, e.Empty&mime.EmptyMessageID != 0)
	return append(dst, ')')
}

// appendText writes a text: NIL for a field that is not there, "" for one with nothing in it.
func appendText(dst []byte, s string, empty bool) []byte {
	if empty {
		return AppendString(dst, s)
	}
	return AppendNString(dst, s)
}

// appendAddresses writes an address list: NIL when empty. A group is opened by an address whose host is
// NIL and closed by one that is all NIL; every group that opens closes.
func appendAddresses(dst []byte, list []addr.Item) []byte {
	if len(list) == 0 {
		return append(dst, "NIL"...)
	}
	open := false
	dst = append(dst, '(')
	for _, it := range list {
		if open && it.Kind != addr.Address {
			dst = append(dst, groupEnd...)
			open = false
		}
		switch it.Kind {
		case addr.Address:
			dst = appendAddress(dst, it)
		case addr.GroupStart:
			dst = append(dst, "(NIL NIL "...)
			dst = append(AppendString(dst, it.Name), " NIL)"...)
			open = true
		}
	}
	if open {
		dst = append(dst, groupEnd...)
	}
	if dst[len(dst)-1] == '(' { // nothing but stray ends of groups
		return append(dst[:len(dst)-1], "NIL"...)
	}
	return append(dst, ')')
}

const groupEnd = "(NIL NIL NIL NIL)"

// appendAddress writes (name route mailbox host). Mailbox and host are never NIL here, for NIL there
// would make a group of the address: what is missing is "".
func appendAddress(dst []byte, it addr.Item) []byte {
	dst = append(dst, '(')
	dst = append(AppendNString(dst, it.Name), ' ')
	dst = append(AppendNString(dst, it.Route), ' ')
	dst = append(AppendString(dst, it.Mailbox.Local), ' ')
	dst = AppendString(dst, it.Mailbox.Domain)
	return append(dst, ')')
}
