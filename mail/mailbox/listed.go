package mailbox

import "barid/rfc/header"

// coldHeaderBytes bounds Cold.Headers, bytes.
const coldHeaderBytes = 16 << 10

// listed are the fields that clients ask for when they list a mailbox: those of Thunderbird, Apple Mail,
// mutt, K-9 and webmails.
var listed = [...]string{
	"Date", "From", "Sender", "Reply-To", "To", "Cc", "Bcc", "Subject", "Message-ID", "In-Reply-To",
	"References", "Newsgroups", "Priority", "X-Priority", "Importance", "X-MSMail-Priority", "Content-Type",
	"Content-Transfer-Encoding", "Content-Disposition", "Content-Description", "MIME-Version", "Lines", "List-Id",
	"List-Post", "List-Subscribe", "List-Unsubscribe", "List-Unsubscribe-Post", "X-Label", "X-Original-To",
	"X-Spam-Flag", "X-Spam-Status", "X-Mozilla-Status", "X-Mozilla-Status2", "X-Mozilla-Keys", "Disposition-Notification-To",
	"X-Uniform-Type-Identifier", "X-Universally-Unique-Identifier", "Authentication-Results", "Autocrypt",
	"Return-Path", "Delivered-To", "User-Agent", "X-Mailer",
}

// Listed reports whether all fields of that name are kept in Cold.Headers, as long as HeadersComplete.
func Listed(name string) bool {
	for _, l := range listed {
		if len(l) == len(name) && sameFold(l, name) {
			return true
		}
	}
	return false
}

// sameFold compares ASCII of one length without regard to case.
func sameFold[T string | []byte](a string, b T) bool {
	for i := range len(a) {
		x, y := a[i], b[i]
		if x|0x20 != y|0x20 || x != y && (x|0x20 < 'a' || x|0x20 > 'z') {
			return false
		}
	}
	return true
}

func listedField(name []byte) bool {
	if len(name) == 0 {
		return false
	}
	for i := range listed {
		if l := listed[i]; len(l) == len(name) && (l[0]|0x20) == (name[0]|0x20) && sameFold(l, name) {
			return true
		}
	}
	return false
}

// pickHeaders gives the raw listed fields of a header section and the references in it. complete is false
// when some were left out for their size.
func pickHeaders(section []byte, refs int) (raw []byte, references []string, complete bool) {
	complete = true
	raw = make([]byte, 0, min(len(section), coldHeaderBytes))
	for f := range header.All(section) {
		if !listedField(f.Name) {
			continue
		}
		if len(raw)+f.Len > coldHeaderBytes {
			complete = false
		} else {
			raw = append(raw, f.Raw(section)...)
		}
		if references == nil && f.Is("References") {
			references = header.MessageIDs(f.Value, refs)
		}
	}
	return raw, references, complete
}
