package imap

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxSubject is how many bytes of a subject count for its base subject.
const MaxSubject = 1024

// BaseSubject gives the base subject of a decoded subject (RFC 5256 §2.1): without "Re:", "Fwd:", "[list]"
// and "(fwd)" in their many forms. reply says that one of those of an answer or forward was there (RFC 5256
// §3, "THREAD"). It is linear in the subject but for nested brackets, which MaxSubject bounds.
func BaseSubject(subject string) (base string, reply bool) {
	s := oneLine(subject)
	for {
		s = trimTrailers(s, &reply)
		for {
			before := len(s)
			s = trimLeaders(s, &reply)
			if rest, ok := cutBlob(s); ok && rest != "" {
				s = rest
			}
			if len(s) == before {
				break
			}
		}
		inner, ok := cutFold(s, "[fwd:")
		if !ok || !strings.HasSuffix(inner, "]") {
			return s, reply
		}
		s, reply = inner[:len(inner)-1], true
	}
}

// oneLine cuts a subject to MaxSubject and makes one space of each run of white space. The spaces of Unicode count, as they
// do for i;unicode-casemap (RFC 5051 §2): answers often have a plain one for the no-break space of what they answer.
func oneLine(s string) string {
	if len(s) > MaxSubject {
		n := MaxSubject
		for n > 0 && !utf8.RuneStart(s[n]) {
			n--
		}
		s = s[:n]
	}
	if !strings.Contains(s, "  ") && !strings.ContainsFunc(s, isOtherSpace) {
		return s
	}
	var b strings.Builder
	space := false
	for i, c := range s {
		if c == ' ' || isOtherSpace(c) {
			space = true
			continue
		}
		if space {
			b.WriteByte(' ')
			space = false
		}
		_, n := utf8.DecodeRuneInString(s[i:])
		b.WriteString(s[i : i+n])
	}
	if space {
		b.WriteByte(' ')
	}
	return b.String()
}

func isOtherSpace(c rune) bool {
	return c == '\t' || c == '\r' || c == '\n' || c >= utf8.RuneSelf && unicode.Is(unicode.Zs, c)
}

// trimTrailers takes off subj-trailer: "(fwd)" and white space at the end.
func trimTrailers(s string, reply *bool) string {
	const fwd = "(fwd)"
	for {
		s = strings.TrimRight(s, " ")
		if len(s) < len(fwd) || !strings.EqualFold(s[len(s)-len(fwd):], fwd) {
			return s
		}
		s, *reply = s[:len(s)-len(fwd)], true
	}
}

// trimLeaders takes off subj-leader: white space, and blobs that end in "re:" or its like.
func trimLeaders(s string, reply *bool) string {
	for {
		s = strings.TrimLeft(s, " ")
		rest, ok := cutLeader(s)
		if !ok {
			return s
		}
		s, *reply = rest, true
	}
}

// cutLeader takes off *subj-blob subj-refwd.
func cutLeader(s string) (string, bool) {
	for {
		if rest, ok := cutRefwd(s); ok {
			return rest, true
		}
		rest, ok := cutBlob(s)
		if !ok {
			return s, false
		}
		s = rest
	}
}

// cutRefwd takes off ("re" / "fw" / "fwd") *WSP [subj-blob] ":".
func cutRefwd(s string) (string, bool) {
	for _, word := range [...]string{"re", "fwd", "fw"} {
		rest, ok := cutFold(s, word)
		if !ok {
			continue
		}
		rest = strings.TrimLeft(rest, " ")
		if after, ok := cutBlob(rest); ok {
			rest = after
		}
		if rest, ok := strings.CutPrefix(rest, ":"); ok {
			return rest, true
		}
	}
	return s, false
}

// cutBlob takes off "[" anything but brackets "]" and white space.
func cutBlob(s string) (string, bool) {
	if s == "" || s[0] != '[' {
		return s, false
	}
	end := strings.IndexAny(s[1:], "[]")
	if end < 0 || s[1+end] != ']' {
		return s, false
	}
	return strings.TrimLeft(s[end+2:], " "), true
}

// cutFold is strings.CutPrefix without case.
func cutFold(s, prefix string) (string, bool) {
	if len(s) < len(prefix) || !strings.EqualFold(s[:len(prefix)], prefix) {
		return s, false
	}
	return s[len(prefix):], true
}
