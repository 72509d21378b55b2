package header

import "strings"

// maxIDBytes is the longest message identifier that is kept: longer than a line may be (RFC 5322 §2.1.1).
const maxIDBytes = 998

// MessageIDs gives the first max message identifiers in v (RFC 5322 §3.6.4), without <> and without white
// space inside. Phrases and comments around them, as RFC 822 had them in In-Reply-To, are skipped. If
// nothing stands in <>, words with an "@" are taken.
func MessageIDs(v []byte, max int) []string {
	var out []string
	s := string(v)
	for len(out) < max {
		open := strings.IndexByte(s, '<')
		if open < 0 {
			break
		}
		s = s[open+1:]
		end := strings.IndexAny(s, "<>")
		if end < 0 {
			end = len(s) // cut off by a mailer with short lines
		}
		if id := compact(s[:end]); id != "" && len(id) <= maxIDBytes {
			out = append(out, id)
		}
		s = s[end:]
	}
	if out == nil {
		return bareIDs(string(v), max)
	}
	return out
}

// bareIDs takes words with an "@" that nobody put brackets around.
func bareIDs(s string, max int) []string {
	var out []string
	for w := range strings.FieldsSeq(s) {
		if len(out) >= max {
			break
		}
		w = strings.Trim(w, "\"',;()>")
		if at := strings.IndexByte(w, '@'); at > 0 && at < len(w)-1 && len(w) <= maxIDBytes {
			out = append(out, w)
		}
	}
	return out
}

// compact removes white space and controls, which folding inside an identifier leaves.
func compact(s string) string {
	clean := true
	for i := range len(s) {
		if s[i] <= ' ' || s[i] == 0x7F {
			clean = false
			break
		}
	}
	if clean {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := range len(s) {
		if s[i] > ' ' && s[i] != 0x7F {
			b = append(b, s[i])
		}
	}
	return string(b)
}
