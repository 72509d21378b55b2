package charset

import (
	"strings"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/ianaindex"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"
)

// nameUTF8 is the one charset that needs no conversion.
const nameUTF8 = "utf-8"

// maxLabelBytes is longer than any registered name (RFC 2978 §2.3 allows 40).
const maxLabelBytes = 64

// kind says what a label is worth.
type kind byte

const (
	unknown  kind = iota // guess
	utf8ish              // UTF-8 or ASCII: take it as UTF-8 where it is, guess where it is not
	labelled             // convert with enc
)

type found struct {
	kind kind
	enc  encoding.Encoding
}

// lookup finds the charset for a label as it stands in a message.
func lookup(label string) found {
	name := normal(label)
	if name == "" || len(name) > maxLabelBytes {
		return found{}
	}
	if e := own(name); e != nil {
		return found{labelled, e}
	}
	switch name {
	case "utf-8", "utf8", "unicode-1-1-utf-8", "us-ascii", "ascii", "ansi_x3.4-1968", "iso646-us", "utf8mb4", "utf-8-mac", "ibm65001":
		return found{kind: utf8ish}
	}
	if e, err := htmlindex.Get(name); err == nil && e != encoding.Replacement {
		return found{labelled, e}
	}
	if e, err := ianaindex.MIME.Encoding(name); err == nil && e != nil && e != encoding.Replacement {
		return found{labelled, e}
	}
	return found{}
}

// normal removes what mailers put around and into names: quotes, a language (RFC 2231 §5), "x-" forms of
// code pages, underscores and blanks.
func normal(label string) string {
	s := strings.ToLower(strings.Trim(label, " \t\r\n\"'<>"))
	s, _, _ = strings.Cut(s, "*")
	s = strings.TrimPrefix(s, "charset=")
	if page, ok := codePage(s); ok {
		return page
	}
	return s
}

// codePage knows the many ways to write "windows-1256", "ibm864" and "iso-8859-6".
func codePage(s string) (string, bool) {
	digits := strings.TrimLeft(s, "abcdefghijklmnopqrstuvwxyz_- ")
	prefix := strings.Trim(s[:len(s)-len(digits)], "-_ ")
	prefix = strings.TrimPrefix(prefix, "x-")
	if digits == "" {
		return "", false
	}
	switch prefix {
	case "windows", "cp", "win", "ms", "ansi", "microsoft-cp", "cp-win", "dos", "ibm", "csibm", "oem", "ibm-cp":
		if !onlyDigits(digits) {
			return "", false
		}
		if strings.HasPrefix(digits, "125") && len(digits) == 4 {
			return "windows-" + digits, true
		}
		return "ibm" + digits, true
	case "iso":
		rest := strings.NewReplacer("_", "-", " ", "-").Replace(digits)
		rest = strings.TrimPrefix(strings.TrimPrefix(rest, "8859"), "-")
		if rest != "" && strings.HasPrefix(digits, "8859") {
			rest, _, _ = strings.Cut(rest, ":")
			return "iso-8859-" + rest, true
		}
	}
	return "", false
}

func onlyDigits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// own gives the charsets that x/text does not have, has under another name, or has with another meaning
// than mail gives them.
func own(name string) encoding.Encoding {
	switch name {
	case "x-mac-arabic", "macarabic", "mac-arabic", "x-macarabic", "ibm10004":
		return &macArabic
	case "x-mac-farsi", "macfarsi", "mac-farsi", "x-macfarsi", "x-mac-persian":
		return &macFarsi
	case "ibm864", "ibm-864":
		return &ibm864
	case "ibm720":
		return &ibm720
	case "utf-7", "utf7", "unicode-1-1-utf-7", "csunicode11utf7", "unicode-2-0-utf-7":
		return utf7{}
	case "iso-2022-kr", "csiso2022kr":
		return shifted{korean.EUCKR}
	case "iso-2022-cn", "iso-2022-cn-ext":
		return shifted{simplifiedchinese.GB18030}
	case "hz-gb-2312":
		return simplifiedchinese.HZGB2312
	case "gb2312", "gbk", "x-gbk", "ibm936", "gb_2312-80", "euc-cn", "csgb2312":
		return simplifiedchinese.GB18030
	case "ks_c_5601-1987", "ks_c_5601", "ksc5601", "ibm949", "uhc":
		return korean.EUCKR
	case "utf-16", "utf16", "unicode", "ucs-2", "iso-10646-ucs-2":
		return unicode.UTF16(unicode.BigEndian, unicode.UseBOM)
	case "utf-16be":
		return unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM)
	case "utf-32", "ucs-4", "iso-10646-ucs-4":
		return utf32.UTF32(utf32.BigEndian, utf32.UseBOM)
	case "ibm932", "ms_kanji":
		return japanese.ShiftJIS
	case "ibm950":
		return traditionalchinese.Big5
	case "tis-620", "ibm874":
		return charmap.Windows874
	case "iso-8859-6-i", "iso-8859-6-e", "asmo-708", "asmo_708", "ecma-114", "arabic", "ibm708", "ibm28596":
		return charmap.ISO8859_6
	case "iso-8859-8-i", "iso-8859-8-e":
		return charmap.ISO8859_8
	}
	return nil
}
