package header

import "time"

// Param is one parameter of a structured MIME field (RFC 2045 §5.1, RFC 2231).
type Param struct {
	Name     string // lower-case, without RFC 2231 marks
	Value    string // decoded, UTF-8
	Raw      string // as sent, continuations joined; with charset'language'%XX when Extended
	Extended bool   // Raw is an RFC 2231 §4 extended value: write it as name*=
}

// Next reads the field that begins at section[off:]; ok is false at the end of the section.
func Next(section []byte, off int) (f Field, ok bool) { return Field{}, false }

// Scan gives the first max fields of section.
func Scan(section []byte, max int) []Field { return nil }

// Get gives the text of the first field with the name, "" if there is none.
func Get(section []byte, name string) string { return "" }

// Unfold removes the line ends of folds (RFC 5322 §2.2.3).
func Unfold(v []byte) []byte { return v }

// Date reads a date and time.
func Date(v string) (time.Time, error) { return time.Time{}, nil }

// MessageIDs gives the first max message identifiers in v, without <>.
func MessageIDs(v []byte, max int) []string { return nil }

// DecodeWords decodes encoded words to UTF-8.
func DecodeWords(s string) string { return s }

// EncodeText encodes s for an unstructured field where that is needed.
func EncodeText(s string) string { return s }

// EncodePhrase encodes s for a display name where that is needed.
func EncodePhrase(s string) string { return s }

// AppendField adds "name: value" folded, with CRLF, to dst.
func AppendField(dst []byte, name, value string) []byte { return dst }

// Params reads "value; name=value...".
func Params(v []byte, max int) (value string, params []Param) { return "", nil }

func equalFold(a []byte, b string) bool { return false }
