package imap

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"barid/rfc/addr"
	"barid/rfc/mime"
)

func item(name, local, domain string) addr.Item {
	return addr.Item{Name: name, Mailbox: addr.Mailbox{Local: local, Domain: domain}}
}

func TestEnvelope(t *testing.T) {
	imc := []addr.Item{item("", "imap", "cac.washington.edu")}
	gray := []addr.Item{item("Terry Gray", "gray", "cac.washington.edu")}
	for name, c := range map[string]struct {
		e    mime.Envelope
		want string
	}{
		"rfc 3501 section 8": {
			mime.Envelope{
				Date: "Wed, 17 Jul 1996 02:23:25 -0700 (PDT)", Subject: "IMAP4rev1 WG mtg summary and minutes", From: gray, To: imc,
				Cc:        []addr.Item{item("", "minutes", "CNRI.Reston.VA.US"), item("John Klensin", "KLENSIN", "MIT.EDU")},
				MessageID: "<B27397-0100000@cac.washington.edu>",
			},
			`("Wed, 17 Jul 1996 02:23:25 -0700 (PDT)" "IMAP4rev1 WG mtg summary and minutes" ` +
				`(("Terry Gray" NIL "gray" "cac.washington.edu"))(("Terry Gray" NIL "gray" "cac.washington.edu"))(("Terry Gray" NIL "gray" "cac.washington.edu"))` +
				`((NIL NIL "imap" "cac.washington.edu"))((NIL NIL "minutes" "CNRI.Reston.VA.US")("John Klensin" NIL "KLENSIN" "MIT.EDU")) NIL NIL ` +
				`"<B27397-0100000@cac.washington.edu>")`,
		},
		"nothing":   {mime.Envelope{}, `(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)`},
		"quotes":    {mime.Envelope{Subject: `a "b" \c`}, `(NIL "a \"b\" \\c" NIL NIL NIL NIL NIL NIL NIL NIL)`},
		"8-bit":     {mime.Envelope{Subject: "سلام"}, "(NIL {8}\r\nسلام NIL NIL NIL NIL NIL NIL NIL NIL)"},
		"broken":    {mime.Envelope{Subject: "a\xff\r\nb"}, "(NIL {5}\r\na\xff\r\nb NIL NIL NIL NIL NIL NIL NIL NIL)"},
		"NUL":       {mime.Envelope{Subject: "a\x00b"}, "(NIL {2}\r\nab NIL NIL NIL NIL NIL NIL NIL NIL)"},
		"word kept": {mime.Envelope{Subject: "=?utf-8?B?2LM=?="}, `(NIL "=?utf-8?B?2LM=?=" NIL NIL NIL NIL NIL NIL NIL NIL)`},
		"group": {
			mime.Envelope{To: []addr.Item{{Kind: addr.GroupStart, Name: "A Group"}, item("Info", "info", "example.test"), {Kind: addr.GroupEnd}}},
			`(NIL NIL NIL NIL NIL ((NIL NIL "A Group" NIL)("Info" NIL "info" "example.test")(NIL NIL NIL NIL)) NIL NIL NIL NIL)`,
		},
		"group left open":    {mime.Envelope{To: []addr.Item{{Kind: addr.GroupStart, Name: "g"}}}, `(NIL NIL NIL NIL NIL ((NIL NIL "g" NIL)(NIL NIL NIL NIL)) NIL NIL NIL NIL)`},
		"group never opened": {mime.Envelope{To: []addr.Item{{Kind: addr.GroupEnd}}}, `(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)`},
		"no domain":          {mime.Envelope{To: []addr.Item{item("", "root", "")}}, `(NIL NIL NIL NIL NIL ((NIL NIL "root" "")) NIL NIL NIL NIL)`},
		"null path":          {mime.Envelope{To: []addr.Item{item("", "", "")}}, `(NIL NIL NIL NIL NIL ((NIL NIL "" "")) NIL NIL NIL NIL)`},
		"raw name":           {mime.Envelope{To: []addr.Item{item("فروش", "فروش", "example.test")}}, "(NIL NIL NIL NIL NIL (({8}\r\nفروش NIL {8}\r\nفروش \"example.test\")) NIL NIL NIL NIL)"},
	} {
		got := string(AppendEnvelope(nil, &c.e))
		if got = strings.ReplaceAll(got, "))((", "))(("); strings.ReplaceAll(got, ")) ((", "))((") != c.want {
			t.Errorf("%s:\n%s\nwant\n%s", name, got, c.want)
		}
		wellFormed(t, got)
	}
}

func TestBodyStructure(t *testing.T) {
	text := &mime.Part{Type: "TEXT", Subtype: "PLAIN", Params: []mime.Param{{Name: "charset", Value: "us-ascii", Raw: "us-ascii"}}, Encoding: "7BIT", End: 1152, Lines: 23}
	pdf := &mime.Part{
		Type: "APPLICATION", Subtype: "PDF", Encoding: "BASE64", BodyOff: 10, End: 110, Disposition: "attachment",
		DispParams: []mime.Param{{Name: "filename", Value: "تقرير.pdf", Raw: "utf-8''%D8%AA.pdf", Extended: true}}, Language: []string{"ar", "fa"}, MD5: "x",
	}
	for name, c := range map[string]struct {
		p        *mime.Part
		extended bool
		want     string
	}{
		"text":          {text, false, `("TEXT" "PLAIN" ("CHARSET" "us-ascii") NIL NIL "7BIT" 1152 23)`}, // RFC 3501 §7.4.2
		"text extended": {text, true, `("TEXT" "PLAIN" ("CHARSET" "us-ascii") NIL NIL "7BIT" 1152 23 NIL NIL NIL NIL)`},
		"attachment":    {pdf, true, `("APPLICATION" "PDF" NIL NIL NIL "BASE64" 100 "x" ("attachment" ("FILENAME*" "utf-8''%D8%AA.pdf")) ("ar" "fa") NIL)`},
		"multipart": {
			&mime.Part{Type: "MULTIPART", Subtype: "MIXED", Children: []*mime.Part{text, pdf}, Params: []mime.Param{{Name: "boundary", Raw: `a"b`}}}, true,
			`(("TEXT" "PLAIN" ("CHARSET" "us-ascii") NIL NIL "7BIT" 1152 23 NIL NIL NIL NIL)("APPLICATION" "PDF" NIL NIL NIL "BASE64" 100 "x" ` +
				`("attachment" ("FILENAME*" "utf-8''%D8%AA.pdf")) ("ar" "fa") NIL) "MIXED" ("BOUNDARY" "a\"b") NIL NIL NIL)`,
		},
		"message": {
			&mime.Part{Type: "MESSAGE", Subtype: "RFC822", End: 50, Lines: 4, Children: []*mime.Part{{Type: "TEXT", Subtype: "PLAIN", Envelope: &mime.Envelope{Subject: "x"}}}}, false,
			`("MESSAGE" "RFC822" NIL NIL NIL "7BIT" 50 (NIL "x" NIL NIL NIL NIL NIL NIL NIL NIL) ("TEXT" "PLAIN" NIL NIL NIL "7BIT" 0 0) 4)`,
		},
		"message without a message": {&mime.Part{Type: "MESSAGE", Subtype: "RFC822", End: 50}, false, `("APPLICATION" "OCTET-STREAM" NIL NIL NIL "7BIT" 50)`},
		"multipart without parts":   {&mime.Part{Type: "MULTIPART", Subtype: "MIXED", End: 50}, true, `("APPLICATION" "OCTET-STREAM" NIL NIL NIL "7BIT" 50)`},
		"global":                    {&mime.Part{Type: "MESSAGE", Subtype: "GLOBAL", End: 5, Children: []*mime.Part{text}}, false, `("MESSAGE" "GLOBAL" NIL NIL NIL "7BIT" 5)`},
		"zero":                      {&mime.Part{}, false, `("TEXT" "PLAIN" NIL NIL NIL "7BIT" 0 0)`},
		"raw file name": {
			&mime.Part{Type: "IMAGE", Subtype: "PNG", Params: []mime.Param{{Name: "name", Raw: "صورة.png"}}}, false,
			"(\"IMAGE\" \"PNG\" (\"NAME\" {12}\r\nصورة.png) NIL NIL \"7BIT\" 0)",
		},
	} {
		got := string(AppendBodyStructure(nil, c.p, c.extended))
		if got != c.want {
			t.Errorf("%s:\n%s\nwant\n%s", name, got, c.want)
		}
		wellFormed(t, got)
	}
}

// wellFormed reads s as a response does and fails unless it is one balanced list.
func wellFormed(t *testing.T, s string) {
	t.Helper()
	depth, i := 0, 0
	for i < len(s) {
		switch c := s[i]; {
		case c == '(':
			depth++
		case c == ')':
			if depth--; depth < 0 {
				t.Fatalf("unbalanced: %q", s)
			}
		case c == '"' || c == '{':
			lim := Limits{}
			p := NewParser([]byte(s[i:]), &lim)
			_ = p.String()
			if p.Err() != nil {
				t.Fatalf("%v in %q", p.Err(), s[i:])
			}
			i += p.i - 1
		case c != ' ' && !isAtomChar(c):
			t.Fatalf("stray %q in %q", c, s)
		}
		i++
	}
	if depth != 0 {
		t.Fatalf("unbalanced: %q", s)
	}
}

func FuzzMessage(f *testing.F) {
	f.Add([]byte("From: \"a\\\"b\" <a@b>\r\nTo: g: x@y, z;, q\r\nSubject: \xd8\xb3\"\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\na\r\n--x--\r\n"))
	f.Add([]byte("Content-Type: message/rfc822\r\n\r\nContent-Type: text/html; charset*=utf-8''%d8%b3; name=\"\xff\"\r\n\r\nx"))
	f.Fuzz(func(t *testing.T, in []byte) {
		m := mime.Scan(in, mime.DefaultLimits())
		wellFormed(t, string(AppendEnvelope(nil, m.Root.Envelope)))
		wellFormed(t, string(AppendBodyStructure(nil, m.Root, true)))
		wellFormed(t, string(AppendBodyStructure(nil, m.Root, false)))
	})
}

func TestDeepStructureIsCut(t *testing.T) {
	p := &mime.Part{Type: "TEXT", Subtype: "PLAIN"}
	for range 100000 {
		p = &mime.Part{Type: "MULTIPART", Subtype: "MIXED", Children: []*mime.Part{p}}
	}
	got := AppendBodyStructure(nil, p, true)
	if len(got) > 10000 {
		t.Errorf("%d bytes", len(got))
	}
	wellFormed(t, string(got))
}

type onePool struct{ n int }

func (p onePool) Get() []byte { return make([]byte, 0, p.n) }
func (p onePool) Put([]byte)  {}

func TestWriterSplitsLongResponses(t *testing.T) {
	var out bytes.Buffer
	w := NewWriter(&out, onePool{64})
	long := strings.Repeat("0123456789", 50)
	w.S("* ").N(7).S(" X ").S(long).C(' ').B([]byte(long)).C(' ').Str(`a"b`).C(' ').Name("صندوق").C(' ').Set([]Range{{1, 3}, {9, 9}}).C(' ')
	w.Flags([]Flag{Seen, "x"}).C(' ')
	if began, err := w.LiteralFrom(strings.NewReader("xx"+long), 2, 500); err != nil || !began {
		t.Fatal(err)
	}
	w.CRLF()
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	want := "* 7 X " + long + " " + long + ` "a\"b" &BjUGRgYvBkgGQg- 1:3,9 (\Seen x) {500}` + "\r\n" + long + "\r\n"
	if out.String() != want || w.Sent() != int64(len(want)) {
		t.Errorf("%q", out.String())
	}
}

// failing reads n good bytes, then fails.
type failing struct{ n int64 }

var errDisk = errors.New("disk")

func (f failing) ReadAt(p []byte, off int64) (int, error) {
	if off+int64(len(p)) <= f.n {
		return len(p), nil
	}
	return int(max(0, f.n-off)), errDisk
}

func TestLiteralOfDamagedBytes(t *testing.T) {
	var out bytes.Buffer
	w := NewWriter(&out, onePool{4096})
	w.S("* 1 FETCH (BODY[] ")
	if began, err := w.LiteralFrom(failing{10}, 0, 100); began || !errors.Is(err, errDisk) {
		t.Errorf("%v, %v", began, err)
	}
	w.S("NIL)\r\n")
	if began, err := w.LiteralFrom(failing{5000}, 0, 100000); !began || !errors.Is(err, errDisk) {
		t.Errorf("%v, %v", began, err)
	}
	if _, err := w.LiteralFrom(strings.NewReader("short"), 0, 10); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Error(err)
	}
	_ = w.Flush()
	if !strings.HasPrefix(out.String(), "* 1 FETCH (BODY[] NIL)\r\n") {
		t.Errorf("%q", out.String())
	}
}
