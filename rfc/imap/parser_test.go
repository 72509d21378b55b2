package imap

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
)

func parser(s string) *Parser {
	lim := AfterLogin(1000)
	return NewParser([]byte(s), &lim)
}

func TestStrings(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{`abc`, "abc"},
		{`a]b`, "a]b"},
		{`"a b"`, "a b"},
		{`""`, ""},
		{`"a\"b\\c"`, `a"b\c`},
		{"{3}\r\na\nb", "a\nb"},
		{"{0}\r\n", ""},
		{"{3+}\r\nabc", "abc"},
		{`"سلام"`, "سلام"},
	} {
		p := parser(c.in)
		if got := p.AString(); got != c.want || p.End() != nil {
			t.Errorf("%q: %q, %v", c.in, got, p.Err())
		}
	}
	for _, in := range []string{``, ` a`, `(`, `"a`, `"a\x"`, "\"a\r\n\"", "{5}\r\nabc", "{3}abc", "{x}\r\n", "{1}\r\n\x00", `a b`, "a\x80", `a"b`, `"`, `"\`} {
		p := parser(in)
		if s := p.AString(); p.End() == nil {
			t.Errorf("%q was taken as %q", in, s)
		}
	}
}

// TestQuotedUTF8 is RFC 9755 §3: who agreed on UTF-8 in quoted strings sends nothing else in them.
func TestQuotedUTF8(t *testing.T) {
	for in, ok := range map[string]bool{`"سلام"`: true, `"سلام \"دنیا\""`: true, "\"caf\xe9\"": false, "\"a\\\"\xed\xa0\x80\"": false, "{1}\r\n\xe9": true} {
		p := parser(in)
		p.UTF8 = true
		if _, err := p.AString(), p.End(); (err == nil) != ok {
			t.Errorf("%q: %v", in, err)
		}
		p = parser(in)
		if _, err := p.AString(), p.End(); err != nil {
			t.Errorf("%q before ENABLE: %v", in, err)
		}
	}
}

func TestSetsResolve(t *testing.T) {
	for _, c := range []struct {
		in   string
		max  uint32
		want string
	}{
		{"1", 10, "1"},
		{"2,4:7,9,12:*", 15, "2,4:7,9,12:15"},
		{"*:4,5:7", 10, "4:10"},
		{"*", 10, "10"},
		{"5:3", 10, "3:5"},
		{"1:3,2:6,7", 10, "1:7"},
		{"15:*", 10, "10:15"},
		{"*", 0, ""},
		{"1:4294967295", 10, "1:4294967295"},
		{"3,1,2,2,2", 5, "1:3"},
		{"4294967295,4294967294", 5, "4294967294:4294967295"},
	} {
		p := parser(c.in)
		s := p.SeqSet()
		if err := p.End(); err != nil {
			t.Errorf("%s: %v", c.in, err)
		}
		if got := string(AppendSet(nil, s.Resolve(c.max))); got != c.want {
			t.Errorf("%s of %d: %s, want %s", c.in, c.max, got, c.want)
		}
	}
	for _, in := range []string{"", "0", "1,", ",1", "1:", ":1", "4294967296", "1:2:3", "a", "-1", "1 2", strings.Repeat("1,", 40000) + "1"} {
		p := parser(in)
		p.UIDSet()
		if p.End() == nil {
			t.Errorf("%.20q was taken", in)
		}
	}
}

func TestFetchItems(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"FLAGS", "FLAGS"},
		{"(FLAGS UID)", "FLAGS UID"},
		{"fast", "FLAGS INTERNALDATE RFC822.SIZE"},
		{"ALL", "FLAGS INTERNALDATE RFC822.SIZE ENVELOPE"},
		{"FULL", "FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODY"},
		{"BODY", "BODY"},
		{"BODY[]", "BODY[]!"},
		{"BODY.PEEK[]<10.20>", "BODY[]<10>"},
		{"body.peek[header]", "BODY[HEADER]"},
		{"BODY.PEEK[HEADER.FIELDS (DATE FROM)]", "BODY[HEADER.FIELDS (DATE FROM)]"},
		{`BODY[HEADER.FIELDS.NOT ("Date" X-A)]`, `BODY[HEADER.FIELDS.NOT (Date X-A)]!`},
		{"BODY[1.2.MIME]", "BODY[1.2.MIME]!"},
		{"BODY[3.TEXT]<0.100>", "BODY[3.TEXT]<0>!"},
		{"BODY.PEEK[]<9223372036854775807.9223372036854775807>", "BODY[]<9223372036854775807>"},
		{"BODY[4.2.HEADER.FIELDS (a)]", "BODY[4.2.HEADER.FIELDS (a)]!"},
		{"BODY[1]", "BODY[1]!"},
		{"RFC822", "RFC822!"},
		{"RFC822.HEADER", "RFC822.HEADER"},
		{"RFC822.TEXT", "RFC822.TEXT!"},
		{"(UID MODSEQ BODYSTRUCTURE)", "UID MODSEQ BODYSTRUCTURE"},
	} {
		p := parser(c.in)
		var got []string
		for _, it := range p.FetchItems() {
			s := it.Label
			if !it.Peek {
				s += "!"
			}
			got = append(got, s)
		}
		if s := strings.Join(got, " "); s != c.want || p.End() != nil {
			t.Errorf("%s: %q, %v", c.in, s, p.Err())
		}
	}
	for _, in := range []string{
		"", "()", "FOO", "BODY[", "BODY[]<", "BODY[]<1.0>", "BODY[]<a>", "BODY[MIME]", "BODY[0]", "BODY[1.]", "BODY[1..2]",
		"BODY[HEADER.FIELDS]", "BODY[HEADER.FIELDS ()]", "BODY[HEADER.FIELDS (\"a:b\")]", "BODY[FOO]", "BODY.PEEK", "(ALL)", "(FLAGS", "FLAGS)",
		"BODY[" + strings.Repeat("1.", 200) + "1]",
	} {
		p := parser(in)
		p.FetchItems()
		if p.End() == nil {
			t.Errorf("%.40q was taken", in)
		}
	}
}

// show writes a search key in one line.
func show(k SearchKey) string {
	var sub []string
	for _, c := range k.Keys {
		sub = append(sub, show(c))
	}
	s := fmt.Sprint(k.Op)
	switch k.Op {
	case SearchAnd:
		return "(" + strings.Join(sub, " ") + ")"
	case SearchOr:
		return "or(" + strings.Join(sub, " ") + ")"
	case SearchNot:
		return "not " + sub[0]
	case SearchAll:
		return "all"
	case SearchRecent:
		return "recent"
	case SearchFlag:
		return string(k.Flag)
	case SearchHeader:
		return k.Field + "~" + k.Text
	case SearchBody:
		return "body~" + k.Text
	case SearchText:
		return "text~" + k.Text
	case SearchSeq:
		return "seq " + string(AppendSet(nil, k.Seq))
	case SearchUID:
		return "uid " + string(AppendSet(nil, k.UIDs))
	case SearchLarger:
		s = "larger"
	case SearchSmaller:
		s = "smaller"
	case SearchModSeq:
		s = "modseq"
	case SearchBefore, SearchOn, SearchSince, SearchSentBefore, SearchSentOn, SearchSentSince:
		return fmt.Sprintf("date%d %s", k.Op-SearchBefore, k.Date.Format(time.DateOnly))
	}
	return fmt.Sprintf("%s %d", s, k.Number)
}

func TestSearchKeys(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{`ALL`, `(all)`},
		{`FLAGGED SINCE 1-Feb-1994 NOT FROM "Smith"`, `(\Flagged date2 1994-02-01 not From~Smith)`}, // RFC 3501 §6.4.4
		{`TEXT "string not in mailbox"`, `(text~string not in mailbox)`},
		{"CHARSET UTF-8 TEXT {6}\r\nабв", `(text~абв)`},
		{`OR (SEEN DELETED) UNSEEN`, `(or((\Seen \Deleted) not \Seen))`},
		{`NEW OLD RECENT`, `((recent not \Seen) not recent recent)`},
		{`1:5,9 UID 7`, `(seq 1:5,9 uid 7)`},
		{`KEYWORD $Junk UNKEYWORD x`, `($Junk not x)`},
		{`HEADER X-A "" LARGER 100 SMALLER 5`, `(X-A~ larger 100 smaller 5)`},
		{`SENTON "2-Mar-2020" BEFORE 03-Mar-2020`, `(date4 2020-03-02 date0 2020-03-03)`},
		{`MODSEQ "/flags/\\draft" all 620162338`, `(modseq 620162338)`},
		{`MODSEQ 5 BODY a`, `(modseq 5 body~a)`},
		{`NOT NOT SEEN`, `(not not \Seen)`},
	} {
		p := parser(c.in)
		s := p.Search()
		if err := p.End(); err != nil || show(s.Key) != c.want {
			t.Errorf("%s: %s, %v", c.in, show(s.Key), err)
		}
	}
	for _, in := range []string{
		"", "FOO", "OR SEEN", "NOT", "(SEEN", "()", "SEEN)", "SUBJECT", "SINCE x", "HEADER a", "LARGER -1", "SEEN  SEEN",
		strings.Repeat("NOT ", 10000) + "SEEN", strings.Repeat("(", 10000), strings.Repeat("OR SEEN ", 10000) + "SEEN",
		strings.Repeat("SEEN ", 10000) + "SEEN", "CHARSET UTF-8",
	} {
		p := parser(in)
		p.Search()
		if p.End() == nil {
			t.Errorf("%.30q was taken", in)
		}
	}
}

func TestFlagsAndDates(t *testing.T) {
	p := parser(`(\seen $Forwarded \DELETED) " 7-Jul-1996 02:44:25 -0700"`)
	flags := p.Flags()
	date := p.SP().DateTime()
	if err := p.End(); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(flags, []Flag{Seen, "$Forwarded", Deleted}) {
		t.Error(flags)
	}
	if want := time.Date(1996, 7, 7, 9, 44, 25, 0, time.UTC); !date.Equal(want) {
		t.Error(date)
	}
	if p := parser(`\Seen x`); len(p.FlagsOrList()) != 2 || p.End() != nil {
		t.Error(p.Err())
	}
	for _, in := range []string{`(\Recent)`, `(\Foo)`, `(a`, `(a  b)`, `(\*)`, `("a")`, ``} {
		p := parser(in)
		p.FlagsOrList()
		if p.End() == nil {
			t.Errorf("%s was taken", in)
		}
	}
	for _, in := range []string{`"32-Jul-1996 02:44:25 -0700"`, `"17-Jul-1996"`, `x`, `"17-Jul-1996 25:44:25 -0700"`} {
		p := parser(in)
		p.DateTime()
		if p.End() == nil {
			t.Errorf("%s was taken", in)
		}
	}
}
