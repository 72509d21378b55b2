package mime

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
)

// crlf makes the lines of a test message end as they do on the wire.
func crlf(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") }

// show writes a tree as "TYPE/SUBTYPE[body](children)".
func show(raw string, p *Part) string {
	s := p.Type + "/" + p.Subtype
	if len(p.Children) == 0 {
		return s + fmt.Sprintf("[%s]", strings.ReplaceAll(raw[p.BodyOff:p.End], "\r\n", "|"))
	}
	var c []string
	for _, x := range p.Children {
		c = append(c, show(raw, x))
	}
	return s + "(" + strings.Join(c, " ") + ")"
}

func TestStructure(t *testing.T) {
	tests := []struct{ name, raw, want string }{
		{"empty", "", "TEXT/PLAIN[]"},
		{"only the empty line", "\n", "TEXT/PLAIN[]"},
		{"header only", "Subject: x\n", "TEXT/PLAIN[]"},
		{"header without an end", "Subject: x", "TEXT/PLAIN[]"},
		{"empty body", "Subject: x\n\n", "TEXT/PLAIN[]"},
		{"body", "Subject: x\n\nline\nlast", "TEXT/PLAIN[line|last]"},
		{"type", "Content-Type: Text/HTML; charset=x\n\n<p>", "TEXT/HTML[<p>]"},
		{"no type", "Content-Type: text\n\nx", "TEXT/PLAIN[x]"},
		{"nonsense type", "Content-Type: (((\n\nx", "TEXT/PLAIN[x]"},
		{"the first of two types counts", "Content-Type: text/html\nContent-Type: text/plain\n\nx", "TEXT/HTML[x]"},
		{"folded type", "Content-Type:\n multipart/mixed;\n\tboundary=b\n\n--b\n\nx\n--b--\n", "MULTIPART/MIXED(TEXT/PLAIN[x])"},
		{
			"two parts", "Content-Type: multipart/mixed; boundary=b\n\npreamble\n--b\n\none\n--b\nContent-Type: text/html\n\ntwo\n\n--b--\nepilogue\n",
			"MULTIPART/MIXED(TEXT/PLAIN[one] TEXT/HTML[two|])",
		},
		{"blanks behind a boundary", "Content-Type: multipart/mixed; boundary=\"b\"\n\n--b \t\n\none\n--b-- \n", "MULTIPART/MIXED(TEXT/PLAIN[one])"},
		{"no last boundary", "Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b\n\ntwo\n", "MULTIPART/MIXED(TEXT/PLAIN[one] TEXT/PLAIN[two|])"},
		{"last boundary without a line end", "Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b--", "MULTIPART/MIXED(TEXT/PLAIN[one])"},
		{"ends behind a boundary", "Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b", "MULTIPART/MIXED(TEXT/PLAIN[one] TEXT/PLAIN[])"},
		{"ends in a part's header", "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/html\n", "MULTIPART/MIXED(TEXT/HTML[])"},
		{"empty parts", "Content-Type: multipart/mixed; boundary=b\n\n--b\n\n--b\n--b\nContent-Type: a/b\n\n--b--\n", "MULTIPART/MIXED(TEXT/PLAIN[] TEXT/PLAIN[] A/B[])"},
		{"part without an empty line", "Content-Type: multipart/mixed; boundary=b\n\n--b\nHello there\nmore\n--b--\n", "MULTIPART/MIXED(TEXT/PLAIN[Hello there|more])"},
		{"boundary never comes", "Content-Type: multipart/mixed; boundary=b\n\nall\nof it", "MULTIPART/MIXED(TEXT/PLAIN[all|of it])"},
		{"no boundary parameter", "Content-Type: multipart/mixed\n\n--b\n\nx\n--b--", "MULTIPART/MIXED(TEXT/PLAIN[--b||x|--b--])"},
		{"only the last boundary", "Content-Type: multipart/mixed; boundary=b\n\nx\n--b--\n", "MULTIPART/MIXED(TEXT/PLAIN[x|--b--|])"},
		{"empty boundary", "Content-Type: multipart/mixed; boundary=\"\"\n\n--\n\nx\n", "MULTIPART/MIXED(TEXT/PLAIN[--||x|])"},
		{"boundary over 70 characters", "Content-Type: multipart/mixed; boundary=" + strings.Repeat("x", 200) + "\n\n--" + strings.Repeat("x", 200) + "\n\none\n", "MULTIPART/MIXED(TEXT/PLAIN[one|])"},
		{"nothing behind the last boundary", "Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b--\n--b\n\nnot a part\n", "MULTIPART/MIXED(TEXT/PLAIN[one])"},
		{"boundary in the middle of a line", "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nx --b\n- --b\n---b\n--bc\n--b--c\n--b--\n", "MULTIPART/MIXED(TEXT/PLAIN[x --b|- --b|---b|--bc|--b--c])"},
		{
			"nested", "Content-Type: multipart/mixed; boundary=a\n\n--a\nContent-Type: multipart/alternative; boundary=ab\n\n--ab\n\n1\n--ab\n\n2\n--ab--\n\n--a\n\n3\n--a--\n",
			"MULTIPART/MIXED(MULTIPART/ALTERNATIVE(TEXT/PLAIN[1] TEXT/PLAIN[2]) TEXT/PLAIN[3])",
		},
		{
			"inner boundary is a prefix of the outer one", "Content-Type: multipart/mixed; boundary=ab\n\n--ab\nContent-Type: multipart/alternative; boundary=a\n\n--a\n\n1\n--a\n\n2\n--ab\n\n3\n--ab--\n",
			"MULTIPART/MIXED(MULTIPART/ALTERNATIVE(TEXT/PLAIN[1] TEXT/PLAIN[2]) TEXT/PLAIN[3])",
		},
		{
			"inner is not ended", "Content-Type: multipart/mixed; boundary=a\n\n--a\nContent-Type: multipart/alternative; boundary=b\n\n--b\n\n1\n--a\n\n3\n--b\n--a--\n",
			"MULTIPART/MIXED(MULTIPART/ALTERNATIVE(TEXT/PLAIN[1]) TEXT/PLAIN[3|--b])",
		},
		{
			"one boundary for both", "Content-Type: multipart/mixed; boundary=a\n\n--a\nContent-Type: multipart/alternative; boundary=a\n\n--a\n\n1\n--a--\n--a\n\n2\n--a--\n",
			"MULTIPART/MIXED(MULTIPART/ALTERNATIVE(TEXT/PLAIN[1]) TEXT/PLAIN[2])",
		},
		{
			"outer boundary in an inner header", "Content-Type: multipart/mixed; boundary=a\n\n--a\nContent-Type: multipart/x; boundary=b\n--a\n\n1\n--a--\n",
			"MULTIPART/MIXED(MULTIPART/X(TEXT/PLAIN[]) TEXT/PLAIN[1])",
		},
		{"message", "Content-Type: message/rfc822\n\nSubject: in\nContent-Type: text/html\n\nx", "MESSAGE/RFC822(TEXT/HTML[x])"},
		{"global message", "Content-Type: message/global\n\nSubject: in\n\nx", "MESSAGE/GLOBAL(TEXT/PLAIN[x])"},
		{
			"message in a multipart", "Content-Type: multipart/mixed; boundary=a\n\n--a\nContent-Type: message/rfc822\n\nSubject: in\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\n1\n--b--\n\n--a\n\n2\n--a--\n",
			"MULTIPART/MIXED(MESSAGE/RFC822(MULTIPART/MIXED(TEXT/PLAIN[1])) TEXT/PLAIN[2])",
		},
		{"message with only a header", "Content-Type: multipart/mixed; boundary=a\n\n--a\nContent-Type: message/rfc822\n\nSubject: in\n--a--\n", "MULTIPART/MIXED(MESSAGE/RFC822(TEXT/PLAIN[]))"},
		{"empty message", "Content-Type: multipart/mixed; boundary=a\n\n--a\nContent-Type: message/rfc822\n\n--a--\n", "MULTIPART/MIXED(MESSAGE/RFC822(TEXT/PLAIN[]))"},
		{"encoded message is a leaf", "Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\nU3ViamVjdDo=\n", "APPLICATION/OCTET-STREAM[U3ViamVjdDo=|]"},
		{"encoded multipart is none", "Content-Type: multipart/mixed; boundary=b\nContent-Transfer-Encoding: base64\n\n--b\n\nx\n--b--", "MULTIPART/MIXED(TEXT/PLAIN[x])"},
		{
			"digest", "Content-Type: multipart/digest; boundary=b\n\n--b\n\nSubject: one\n\n1\n--b\nContent-Type: text/plain\n\n2\n--b\nSubject is no field\n\n3\n--b--\n",
			"MULTIPART/DIGEST(MESSAGE/RFC822(TEXT/PLAIN[1]) TEXT/PLAIN[2] MESSAGE/RFC822(TEXT/PLAIN[3]))",
		},
		{"mbox line before the header", "From info@example.test Mon Jan 1 00:00:00 2024\nContent-Type: text/html\n\nx", "TEXT/HTML[x]"},
		{"field without a colon in a part", "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: application/pdf;\nname=\"x.pdf\"\nContent-Transfer-Encoding: base64\n\nAAAA\n--b--\n", "MULTIPART/MIXED(APPLICATION/PDF[AAAA])"},
		{"encoded word as boundary", "Content-Type: multipart/mixed; boundary=\"=?b?Q?x?=\"\n\n--=?b?Q?x?=\n\n1\n", "MULTIPART/MIXED(TEXT/PLAIN[1|])"},
		{"boundary above ASCII", "Content-Type: multipart/mixed; boundary=\"\xe9\"\n\n--\xe9\n\n1\n", "MULTIPART/MIXED(TEXT/PLAIN[1|])"},
		{"RFC 2231 boundary", "Content-Type: multipart/mixed; boundary*0=ab; boundary*1=cd\n\n--abcd\n\n1\n", "MULTIPART/MIXED(TEXT/PLAIN[1|])"},
	}
	for _, tt := range tests {
		for _, raw := range []string{crlf(tt.raw), tt.raw} { // a bare LF ends lines too: IMAP APPEND may carry it
			m := Scan([]byte(raw), DefaultLimits())
			want := tt.want
			if raw == tt.raw {
				want = strings.ReplaceAll(want, "|", "\n")
			}
			if got := show(raw, m.Root); got != want {
				t.Errorf("%s:\n got %s\nwant %s", tt.name, got, want)
			}
			check(t, raw, m)
		}
	}
}

// check tests what is promised of every result.
func check(t testing.TB, raw string, m *Message) {
	t.Helper()
	if m.Size != int64(len(raw)) || m.Lines != int64(strings.Count(raw, "\n")) {
		t.Errorf("size %d, lines %d", m.Size, m.Lines)
	}
	if m.Root.HeaderOff != 0 || m.Root.End != m.Size || m.Root.Envelope == nil {
		t.Errorf("the root is [%d,%d) of %d", m.Root.HeaderOff, m.Root.End, m.Size)
	}
	if !m.Truncated && string(m.Header) != raw[:m.Root.BodyOff] {
		t.Errorf("header %q, want %q", m.Header, raw[:m.Root.BodyOff])
	}
	checkPart(t, raw, m.Root, 0, m.Size)
	m.Walk(func(path []int, p *Part) bool {
		found := m.Find(path)
		if found.IsMessage() && found != p {
			found = found.Children[0] // a multipart that is all of a message has no number
		}
		if found != p {
			t.Errorf("Find(%v) is not the part that Walk gives", path)
		}
		return true
	})
	decoded, err := DecodeMessage(m.AppendBinary(nil))
	if err != nil {
		t.Errorf("binary form: %v", err)
		return
	}
	want := *m
	want.Header = nil
	root := *m.Root
	root.Envelope = nil
	want.Root = &root
	if !reflect.DeepEqual(decoded, &want) {
		t.Errorf("binary form changes the structure:\n got %+v\nwant %+v", decoded.Root, want.Root)
	}
}

func checkPart(t testing.TB, raw string, p *Part, from, to int64) {
	t.Helper()
	if p.HeaderOff < from || p.BodyOff < p.HeaderOff || p.End < p.BodyOff || p.End > to {
		t.Errorf("%s/%s is [%d,%d,%d), outside of [%d,%d)", p.Type, p.Subtype, p.HeaderOff, p.BodyOff, p.End, from, to)
		return
	}
	if n := strings.Count(raw[p.BodyOff:p.End], "\n"); int64(n) != p.Lines {
		t.Errorf("%s/%s has %d lines, not %d", p.Type, p.Subtype, n, p.Lines)
	}
	switch n := len(p.Children); {
	case p.IsMultipart() && n == 0, p.IsMessage() && n != 1, !p.IsMultipart() && !p.IsMessage() && n > 0:
		t.Errorf("%s/%s has %d children", p.Type, p.Subtype, n)
	}
	from = p.BodyOff
	for _, c := range p.Children {
		checkPart(t, raw, c, from, p.End)
		from = c.End
		if (c.Envelope != nil) != p.IsMessage() {
			t.Errorf("%s/%s in %s/%s: envelope %v", c.Type, c.Subtype, p.Type, p.Subtype, c.Envelope)
		}
	}
}

func TestFind(t *testing.T) {
	// The example of RFC 9051 §6.4.5.1.
	raw := crlf(`Content-Type: multipart/mixed; boundary=m

--m
Content-Type: text/plain

1
--m
Content-Type: application/octet-stream

2
--m
Content-Type: message/rfc822

Content-Type: multipart/mixed; boundary=n

--n

3.1
--n
Content-Type: application/octet-stream

3.2
--n--
--m
Content-Type: multipart/mixed; boundary=o

--o
Content-Type: image/gif

4.1
--o
Content-Type: message/rfc822

Content-Type: multipart/mixed; boundary=p

--p

4.2.1
--p
Content-Type: multipart/alternative; boundary=q

--q

4.2.2.1
--q
Content-Type: text/richtext

4.2.2.2
--q--
--p--
--o--
--m
Content-Type: message/rfc822

Subject: x

5.1
--m--
`)
	m := Scan([]byte(raw), DefaultLimits())
	check(t, raw, m)
	bodies := map[string]bool{}
	m.Walk(func(path []int, p *Part) bool {
		if len(p.Children) == 0 {
			number := strings.Trim(strings.ReplaceAll(fmt.Sprint(path), " ", "."), "[]")
			if got := raw[p.BodyOff:p.End]; got != number {
				t.Errorf("part %s holds %q", number, got)
			}
			bodies[number] = true
		}
		return true
	})
	if len(bodies) != 9 {
		t.Errorf("%d leaves", len(bodies))
	}
	for _, path := range [][]int{{0}, {6}, {1, 1}, {3, 3}, {5, 2}, {5, 1, 1}, {-1}, {4, 2, 2, 3}} {
		if p := m.Find(path); p != nil {
			t.Errorf("Find(%v) = %s/%s", path, p.Type, p.Subtype)
		}
	}
	single := Scan([]byte("Content-Type: text/html\r\n\r\nx"), DefaultLimits())
	if single.Find([]int{1}) != single.Root || single.Find([]int{2}) != nil || single.Find([]int{1, 1}) != nil || single.Find(nil) != single.Root {
		t.Error("a message that is no multipart has the one part 1")
	}
	whole := Scan([]byte("Content-Type: message/rfc822\r\n\r\nSubject: y\r\n\r\nz"), DefaultLimits())
	if p := whole.Find([]int{1, 1}); p == nil || p.Type != "TEXT" || whole.Find([]int{1}) != whole.Root {
		t.Error("the text of a message that is all of a message is 1.1")
	}
}

func TestFields(t *testing.T) {
	raw := crlf(`Content-Type: text/plain; charset=utf-8
Content-ID: <id@example.test>
Content-Description: =?utf-8?Q?caf=C3=A9?=
Content-MD5: Q2hlY2sgSW50ZWdyaXR5IQ==
Content-Language: ar, fa (Persian),en
Content-Location: http://example.test/
 x
Content-Disposition: Attachment; filename*0*=utf-8''%D8%B3; filename*1=".txt"
Content-Transfer-Encoding: Quoted-Printable (x)

x`)
	p := Scan([]byte(raw), DefaultLimits()).Root
	want := Part{
		Type: "TEXT", Subtype: "PLAIN", Params: []Param{{Name: "charset", Value: "utf-8", Raw: "utf-8"}},
		ID: "<id@example.test>", Description: "=?utf-8?Q?caf=C3=A9?=", MD5: "Q2hlY2sgSW50ZWdyaXR5IQ==",
		Language: []string{"ar", "fa", "en"}, Location: "http://example.test/ x", Disposition: "attachment",
		DispParams: []Param{{Name: "filename", Value: "س.txt", Raw: "utf-8''%D8%B3.txt", Extended: true}},
		Encoding:   "QUOTED-PRINTABLE", BodyOff: int64(len(raw) - 1), End: int64(len(raw)), Envelope: &Envelope{},
	}
	if !reflect.DeepEqual(*p, want) {
		t.Errorf("got\n%+v\nwant\n%+v", *p, want)
	}
	if p.FileName() != "س.txt" || p.Param("charset") != "utf-8" {
		t.Errorf("FileName %q, charset %q", p.FileName(), p.Param("charset"))
	}
	for in, want := range map[string]string{"": "7BIT", "8bit": "8BIT", "base64;": "BASE64", "\"base64\"": "BASE64", "x-new": "X-NEW", "\xff": "7BIT"} {
		p := Scan([]byte("Content-Transfer-Encoding: "+in+"\r\n\r\n"), DefaultLimits()).Root
		if p.Encoding != want {
			t.Errorf("encoding %q is read as %q", in, p.Encoding)
		}
	}
	for in, want := range map[string]string{"inline": "inline", "": "attachment", "filename=x.pdf": "attachment", "X-new; a=b": "x-new"} {
		p := Scan([]byte("Content-Disposition: "+in+"\r\n\r\n"), DefaultLimits()).Root
		if p.Disposition != want || strings.HasPrefix(in, "filename") && p.FileName() != "x.pdf" {
			t.Errorf("disposition %q is read as %q, name %q", in, p.Disposition, p.FileName())
		}
	}
}

func TestEnvelope(t *testing.T) {
	raw := crlf(`Date: Mon, 02 Jan 2006 15:04:05 -0700
Subject: =?utf-8?B?2LPZhNin2YU=?=
 world
From: Sales <sales@example.test>
from: "Second" <second@example.test>
To: a@example.test, Group: b@example.test, c@example.test;
Cc: undisclosed-recipients:;
In-Reply-To: <x@example.test>
Message-ID: <y@example.test>
Subject: another

x`)
	e := Scan([]byte(raw), DefaultLimits()).Root.Envelope
	if e.Subject != "=?utf-8?B?2LPZhNin2YU=?= world" || e.Date != "Mon, 02 Jan 2006 15:04:05 -0700" || e.InReplyTo != "<x@example.test>" || e.MessageID != "<y@example.test>" {
		t.Errorf("%+v", e)
	}
	if len(e.From) != 2 || e.From[0].Name != "Sales" || e.From[1].Mailbox.Local != "second" {
		t.Errorf("From %+v", e.From)
	}
	if len(e.To) != 5 || len(e.Cc) != 2 || e.Bcc != nil {
		t.Errorf("To %+v Cc %+v Bcc %+v", e.To, e.Cc, e.Bcc)
	}
}

func TestMarks(t *testing.T) {
	long := strings.Repeat("x", 100)
	for in, want := range map[string]string{
		"a: b\r\n\r\nc\r\n": "", long: "", long + "\x80": "8", "\x00" + long: "N", "a\rb\r\n": "R", "a\n": "L", "a\r": "R", "\r\r\n": "R", "\n\r": "RL",
		long + "\n" + long + "\r\n": "L", "a: b\r\n\r\n" + long + "\r" + long + "\r\n\n": "RL", "سلام\r\n": "8",
	} {
		for _, size := range []int{1, 2, 7, 1000} {
			m := scanPieces([]byte(in), func() int { return size })
			got := ""
			for mark, on := range map[string]bool{"8": m.Has8bit, "N": m.HasNUL} {
				if on {
					got += mark
				}
			}
			if m.HasBareCR {
				got += "R"
			}
			if m.HasBareLF {
				got += "L"
			}
			if got != want {
				t.Errorf("%.20q in pieces of %d: %q, want %q", in, size, got, want)
			}
		}
	}
}

func scanPieces(b []byte, size func() int) *Message {
	s := NewScanner(DefaultLimits())
	for len(b) > 0 {
		n := min(max(size(), 1), len(b))
		piece := append([]byte(nil), b[:n]...)
		s.Write(piece)
		clear(piece) // nothing may be kept of it
		b = b[n:]
	}
	return s.Finish()
}

func TestResetForgets(t *testing.T) {
	s := NewScanner(DefaultLimits())
	s.Write([]byte("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n\x00\xff\nunfinished"))
	first := s.Finish()
	firstShown := fmt.Sprintf("%+v %s", *first.Root, first.Header)
	s.Reset()
	raw := "Subject: x\r\n\r\n--b\r\n"
	s.Write([]byte(raw))
	m := s.Finish()
	check(t, raw, m)
	if !reflect.DeepEqual(m, Scan([]byte(raw), DefaultLimits())) {
		t.Errorf("after Reset: %+v", m.Root)
	}
	if fmt.Sprintf("%+v %s", *first.Root, first.Header) != firstShown {
		t.Error("the first result changed")
	}
}

func FuzzScanner(f *testing.F) {
	seeds := []string{
		"Content-Type: multipart/mixed; boundary=b\n\n--b\n\n1\n--b\nContent-Type: message/rfc822\n\nSubject: x\n\n--b--\n",
		"Content-Type: multipart/digest; boundary=b\n\n--b\n\nA: b\n\n--b\nx\n--b--",
		"Content-Type: multipart/a; boundary=b\n\n--b\nContent-Type: multipart/a; boundary=b--\n\n--b--\n--b----\n",
		"Content-Type: message/rfc822\n\nContent-Type: message/global\n\nFrom: a@b, c: d;\nContent-Disposition: x; y*=z''%00\n\n\r\x00\xff",
		"\r\r\n\n--\n--b", "Content-Type: multipart/mixed; boundary=b\n\n--b\n a\n--b \n\tb\n",
	}
	for i, s := range seeds {
		f.Add([]byte(s), uint64(i))
		f.Add([]byte(crlf(s)), uint64(i))
	}
	f.Fuzz(func(t *testing.T, b []byte, seed uint64) {
		m := Scan(b, DefaultLimits())
		check(t, string(b), m)
		r := rand.New(rand.NewPCG(seed, 1))
		if pieces := scanPieces(b, func() int { return r.IntN(9) }); !reflect.DeepEqual(pieces, m) {
			t.Fatalf("in pieces: %+v\nat once: %+v", pieces.Root, m.Root)
		}
		small := Limits{HeaderBytes: 40, Fields: 2, Parts: 3, Depth: 2, Params: 2, Addresses: 1, TextBytes: 30}
		cut := Scan(b, small)
		checkPart(t, string(b), cut.Root, 0, cut.Size)
	})
}

func FuzzDecodeMessage(f *testing.F) {
	for _, raw := range []string{"", "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: message/rfc822\n\nFrom: a@b\n\nx\n--b\nContent-Disposition: a; b=c; d*=e''%41\nContent-Language: ar\n\n"} {
		f.Add(Scan([]byte(raw), DefaultLimits()).AppendBinary(nil))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := DecodeMessage(b)
		if err != nil {
			return
		}
		again, err := DecodeMessage(m.AppendBinary(nil))
		if err != nil || !reflect.DeepEqual(m.Root.Children, again.Root.Children) {
			t.Fatalf("%v: %+v becomes %+v", err, m.Root, again)
		}
	})
}
