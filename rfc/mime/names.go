package mime

// upper gives s in upper case; the names that nearly all mail uses cost no allocation.
func upper(s string) string {
	var buf [32]byte
	if len(s) > len(buf) {
		return upperLong(s)
	}
	b := buf[:0]
	for i := range len(s) {
		b = append(b, upperByte(s[i]))
	}
	if name, ok := known(b); ok {
		return name
	}
	return string(b)
}

func upperLong(s string) string {
	b := []byte(s)
	for i, c := range b {
		b[i] = upperByte(c)
	}
	return string(b)
}

func upperByte(c byte) byte {
	if 'a' <= c && c <= 'z' {
		return c - 'a' + 'A'
	}
	return c
}

// known gives a constant for the name in b.
func known(b []byte) (string, bool) {
	for _, n := range names {
		if string(b) == n {
			return n, true
		}
	}
	return "", false
}

// names are the types, subtypes and encodings that the binary form has a number for. Numbers are stored: only
// add at the end.
var names = [...]string{
	"TEXT", "PLAIN", "HTML", "MULTIPART", "ALTERNATIVE", "MIXED", "RELATED", "7BIT", "8BIT", "BASE64",
	"QUOTED-PRINTABLE", "BINARY", "APPLICATION", "IMAGE", "PNG", "JPEG", "GIF", "PDF", "OCTET-STREAM",
	"MESSAGE", "RFC822", "DELIVERY-STATUS", "REPORT", "SIGNED", "CALENDAR", "DIGEST", "AUDIO", "VIDEO",
	"ZIP", "PKCS7-SIGNATURE", "PGP-SIGNATURE", "GLOBAL", "RFC822-HEADERS", "CSV", "X-PKCS7-SIGNATURE", "ENCRYPTED",
}

// paramNames are the parameter names that the binary form has a number for. Only add at the end.
var paramNames = [...]string{
	"charset", "boundary", "name", "filename", "format", "type", "size", "delsp", "protocol", "micalg",
	"report-type", "method", "start", "creation-date", "modification-date",
}
