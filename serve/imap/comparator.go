package imap

import (
	"path"
	"strings"
)

// comparator is how texts are compared in SEARCH, SORT and THREAD (RFC 5255 §4).
type comparator uint8

const (
	byReader  comparator = iota // the default: foldings of base/text, the order of the account's language
	byCasemap                   // i;unicode-casemap (RFC 5051)
)

const casemapName = "i;unicode-casemap"

// comparatorName is a comparator's name by RFC 4790 §3.1: the default is ours and tells its language.
func (s *session) comparatorName(c comparator) string {
	if c == byCasemap {
		return casemapName
	}
	lang, _, _ := strings.Cut(s.locale, "-")
	if lang == "" {
		return "vnd-barid;text"
	}
	return "vnd-barid;text;lang=" + lang
}

// collate adds the key by which a text is ordered. By default that is how readers of the account's language
// expect it, capitals and small letters alike (RFC 5256 §5, RFC 5255 §4.4).
func (s *session) collate(dst []byte, text string) []byte {
	if s.order == byCasemap {
		return casemap(dst, []byte(text))
	}
	return s.srv.collation.Key(dst, s.locale, text)
}

// comparatorsLike gives the comparators that a pattern of RFC 4790 §3.2 means; "default" is the default.
func (s *session) comparatorsLike(pattern string) (out []comparator) {
	for _, c := range [...]comparator{byReader, byCasemap} {
		name := s.comparatorName(c)
		ok, err := path.Match(strings.ReplaceAll(strings.ToLower(pattern), `[`, `\[`), name)
		if err == nil && ok || pattern == "default" && c == byReader {
			out = append(out, c)
		}
	}
	return out
}
