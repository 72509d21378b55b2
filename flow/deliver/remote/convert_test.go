package remote

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"barid/e2e/sink"
	"barid/rfc/addr"
	"barid/rfc/header"
	"barid/rfc/mime"
)

var without8bit = []string{"8BITMIME", "BINARYMIME", "SMTPUTF8"}

const arabic = "مرحبا بالعالم، هذا نص عربي طويل بما يكفي لأن يحتاج إلى أكثر من سطر واحد عند ترميزه."

// sent brings a message to a server without 8BITMIME and gives what arrived.
func sent(t *testing.T, text string) string {
	t.Helper()
	s := newScene(t, zone, nil)
	k := s.sink(1, sink.Options{Without: without8bit})
	s.expect(s.entry(text), relayed)
	m := k.Messages()[0]
	sevenBit(t, m.Body)
	if m.Params["BODY"] != "" || m.Params["SIZE"] != itoa(len(m.Body)) {
		t.Errorf("%v for %d octets", m.Params, len(m.Body))
	}
	return m.Body
}

// sevenBit checks what RFC 6152 §3 and RFC 5321 §4.5.3.1.6 allow a server to get.
func sevenBit(t *testing.T, text string) {
	t.Helper()
	for i, line := range strings.Split(text, "\r\n") {
		if len(line) > 998 || strings.ContainsAny(line, "\r\n\x00") || !isASCII(line) {
			t.Fatalf("line %d: %.80q", i, line)
		}
	}
}

// leaf is what a reader gets of a part.
type leaf struct{ kind, text string }

// leaves decodes all leaf parts.
func leaves(text string) (out []leaf) {
	m := mime.Scan([]byte(text), mime.DefaultLimits())
	m.Walk(func(_ []int, p *mime.Part) bool {
		if len(p.Children) == 0 {
			b, _ := io.ReadAll(mime.Decode(strings.NewReader(text[p.BodyOff:p.End]), p.Encoding))
			out = append(out, leaf{p.Type + "/" + p.Subtype, string(b)})
		}
		return true
	})
	return out
}

func TestBodiesAreConvertedWithoutLoss(t *testing.T) {
	const head = "From: a@here.test\r\nMIME-Version: 1.0\r\n"
	multi := func(inner string) string {
		return head + "Content-Type: multipart/mixed; boundary=b\r\nContent-Transfer-Encoding: 8bit\r\n\r\npreamble\r\n--b\r\n" + inner + "\r\n--b--\r\nepilogue\r\n"
	}
	for _, c := range []struct {
		name, text string
		has        []string // what the converted form holds
	}{
		{"plain text, mostly Arabic", head + "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" + arabic + "\r\n", []string{"Content-Transfer-Encoding: base64\r\n"}},
		{"plain text with a few letters", head + "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nCafé and much more text around it = here, \r\n\ttabs \r\nFrom me\r\n.\r\n", []string{"Content-Transfer-Encoding: quoted-printable\r\n", "Caf=C3=A9", "=3D"}},
		{"no MIME at all", "From: a@here.test\r\n\r\nCafé and much more text around it\r\n", []string{"MIME-Version: 1.0\r\n", "charset=utf-8", "Content-Transfer-Encoding: quoted-printable"}},
		{"no MIME and no UTF-8", "From: a@here.test\r\n\r\nCaf\xe9 and much more text around it\r\n", []string{"charset=unknown-8bit", "Caf=E9"}},
		{"text cut in the middle of a character", "From: a@here.test\r\n\r\nCaf\xc3", []string{"charset=unknown-8bit"}},
		{"labelled 7bit", head + "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 7bit\r\n\r\n" + arabic + "\r\n", nil},
		{"an image in 8 bits", multi("Content-Type: image/png\r\nContent-Transfer-Encoding: binary\r\n\r\n\x89PNG\x80\x81\xff"), []string{"Content-Transfer-Encoding: 7bit\r\n", "Content-Transfer-Encoding: base64\r\n"}},
		{
			"text beside clean parts", multi("Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" + arabic + "\r\n--b\r\nContent-Type: text/plain\r\n\r\nclean = text \r\n--b\r\nContent-Transfer-Encoding: base64\r\nContent-Type: application/zip\r\n\r\nUEsDBA==\r\n"),
			[]string{"Content-Type: text/plain\r\n\r\nclean = text \r\n--b\r\n", "UEsDBA==\r\n"},
		},
		{"a clean part labelled 8bit", multi("Content-Type: text/plain\r\nContent-Transfer-Encoding: 8BIT\r\n\r\nclean\r\n--b\r\n\r\n" + arabic), []string{"Content-Type: text/plain\r\nContent-Transfer-Encoding: 7bit\r\n\r\nclean\r\n"}},
		{"a header that goes on with what is no field", multi("Content-Transfer-Encoding: 8bit\r\nnot a field\r\nContent-Type: text/html; charset=utf-8\r\n\r\n" + arabic), nil},
		{"a part without header", multi("\r\n" + arabic), []string{"charset=utf-8"}},
		{"multiparts in multiparts", multi("Content-Type: multipart/alternative; boundary=\"c d\"\r\n\r\n--c d\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n" + arabic + "\r\n--c d\r\nContent-Type: text/html; charset=windows-1256\r\n\r\n\xe3\xd1\xcd\xc8\xc7 <b>and mostly plain letters</b> around it\r\n--c d--\r\n"), []string{"=E3=D1=CD"}},
		{"a message in a message", multi("Content-Type: message/rfc822\r\nContent-Transfer-Encoding: 8bit\r\n\r\nFrom: b@here.test\r\nSubject: inner\r\n\r\n" + arabic + "\r\n"), []string{"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: 7bit\r\n\r\nFrom: b@here.test\r\nSubject: inner\r\n"}},
		{"quoted-printable with 8 bits in it", head + "Content-Transfer-Encoding: quoted-printable\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nCaf=C3=A9 é\r\n", []string{"base64"}},
		{"a long line of Arabic", head + "Content-Type: text/plain; charset=utf-8\r\n\r\n" + strings.Repeat(arabic, 100) + "\r\n", nil},
		{"a long body", head + "Content-Type: text/plain; charset=utf-8\r\n\r\n" + strings.Repeat(arabic+"\r\nplain line\r\n", 2000), nil},
		{"a multipart without its end", strings.TrimSuffix(multi("\r\n"+arabic+"\r\n"), "--b--\r\nepilogue\r\n"), nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := sent(t, c.text)
			before, after := leaves(c.text), leaves(got)
			if len(before) != len(after) {
				t.Fatalf("%d parts became %d:\n%s", len(before), len(after), got)
			}
			for i := range before {
				if before[i] != after[i] {
					t.Errorf("part %d:\n%.200q\nwant\n%.200q\nin %.600q", i, after[i], before[i], got)
				}
			}
			for _, h := range c.has {
				if !strings.Contains(got, h) {
					t.Errorf("no %q in\n%s", h, got)
				}
			}
		})
	}
}

// TestLongLines: a server refuses lines over 998 octets, and programs that write HTML do not break lines. What can be
// changed is sent again without them; otherwise the refusal stands.
func TestLongLines(t *testing.T) {
	long := strings.Repeat("word ", 1000)
	const head = "From: a@here.test\r\nMIME-Version: 1.0\r\nSubject: گزارش\r\n"
	html := "Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n<p>é " + long + "</p>\r\n"
	multi := func(kind, inner string) string {
		return head + "Content-Type: multipart/" + kind + "; boundary=b\r\nContent-Transfer-Encoding: 8bit\r\n\r\npréamble\r\n--b\r\n" + inner + "\r\n--b--\r\n"
	}
	for _, c := range []struct {
		name, text string
		same       bool
		has        string
	}{
		{"text", head + html, false, "\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n<p>=C3=A9 word"},
		{"no MIME at all", "From: a@here.test\r\n\r\n" + long + "\r\n", false, "\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n"},
		{"base64 in one line", head + "Content-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\n" + strings.Repeat("QUJD", 300) + "\r\n", false, "\r\nContent-Transfer-Encoding: base64\r\n"},
		{"beside others, which stay", multi("mixed", "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"+arabic+"\r\n--b\r\n"+html), false, "préamble\r\n--b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" + arabic},
		{"998 octets", head + "\r\n" + strings.Repeat("x", 998) + "\r\n", true, ""},
		{"999 octets", "From: a@here.test\r\n\r\n" + strings.Repeat("x", 999) + "\r\n", false, "quoted-printable"},
		{"signed parts", multi("signed", html+"--b\r\nContent-Type: application/pgp-signature\r\n\r\nx"), true, ""},
		{"a signature over all", "DKIM-Signature: v=1\r\n" + head + html, true, ""},
		{"a long field", head + "X-Long: " + strings.ReplaceAll(long, " ", "") + "\r\n\r\nx\r\n", true, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newScene(t, zone, nil)
			k := s.sink(1, sink.Options{Behave: map[sink.Stage]sink.Behaviour{
				sink.End: {Reply: "550 maximum allowed line length is 998 octets, got 5010", Times: 1},
			}})
			want := relayed
			if c.same {
				want = "failed 5.0.0 data"
			}
			s.expect(s.entry(c.text), want)
			ms := k.Messages()
			m := ms[len(ms)-1]
			if m.Params["SIZE"] != itoa(len(m.Body)) || k.Conns() != 1 {
				t.Errorf("%v for %d octets in %d connections", m.Params, len(m.Body), k.Conns())
			}
			if c.same {
				if m.Body != c.text {
					t.Errorf("changed:\n%s", m.Body)
				}
				return
			}
			for _, line := range strings.Split(m.Body, "\r\n") {
				if len(line) > 998 {
					t.Errorf("%.80q", line)
				}
			}
			if !strings.Contains(m.Body, c.has) || !strings.Contains(m.Body, "From: a@here.test\r\n") {
				t.Errorf("no %q in\n%.900s", c.has, m.Body)
			}
			before, after := leaves(c.text), leaves(m.Body)
			for i := range before {
				if len(after) != len(before) || before[i] != after[i] {
					t.Fatalf("part %d is another", i)
				}
			}
		})
	}
}

func TestTextNobodyIsShownIsMadeClean(t *testing.T) {
	got := sent(t, "Content-Type: multipart/mixed; boundary=b\r\n\r\ncafé\r\n-é\r\n--b\r\n\r\n"+arabic+"\r\n--b--\r\né--é\r\n")
	for _, want := range []string{"\r\n\r\ncaf??\r\n-??\r\n--b\r\n", "\r\n--b--\r\n??--??\r\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q", got)
		}
	}
}

func TestHeadersAreConverted(t *testing.T) {
	body := "\r\n" + arabic + "\r\n"
	got := sent(t, "Received: from فروش.example by here.test with UTF8SMTP\r\n\tfor <فروش@here.test>; Mon, 2 Nov 2026 10:00:00 +0000\r\n"+
		"Authentication-Results: here.test; auth=pass smtp.mailfrom=فروش@here.test\r\n"+
		"DKIM-Signature: v=1; i=فروش@here.test\r\n"+
		"From: محمد <a@here.test>, \"Plain, Name\" <b@here.test>, c@here.test\r\n"+
		"To: دوستان: info@there.test, علي <ali@there.test>;\r\n"+
		"Subject: "+arabic+" =?utf-8?B?2YU=?=\r\n"+
		"X-Note: é\r\nX-Clean: as   it\r\n is\r\n"+
		"Content-Type: text/plain; charset=utf-8; name=\"گزارش.txt\"\r\nContent-Disposition: attachment;\r\n filename=\"گزارش.txt\"\r\n"+
		"Content-Transfer-Encoding: 8bit\r\nMIME-Version: 1.0\r\n"+body)
	section := []byte(got[:header.BodyOffset([]byte(got))])
	for name, want := range map[string]string{
		"From": "محمد <a@here.test>, \"Plain, Name\" <b@here.test>, <c@here.test>", "Subject": arabic + " م", "X-Note": "é",
	} {
		if v := header.DecodeWords(header.Get(section, name)); v != want {
			t.Errorf("%s: %q, want %q", name, v, want)
		}
	}
	items, err := addr.ParseList(header.Get(section, "To"), 10)
	if err != nil || len(items) != 4 || header.DecodeWords(items[0].Name) != "دوستان" || header.DecodeWords(items[2].Name) != "علي" || items[2].Mailbox.Local != "ali" {
		t.Errorf("%+v %v", items, err)
	}
	for _, field := range []string{"Content-Type", "Content-Disposition"} {
		_, params := header.Params([]byte(header.Get(section, field)), 10)
		name, _ := header.Lookup(params, "name")
		file, _ := header.Lookup(params, "filename")
		if name+file != "گزارش.txt" {
			t.Errorf("%s: %+v", field, params)
		}
	}
	for _, gone := range []string{"DKIM-Signature", "Authentication-Results", "for <"} {
		if strings.Contains(string(section), gone) {
			t.Errorf("%s is still there", gone)
		}
	}
	if v := header.Get(section, "Received"); !strings.HasSuffix(v, ".example by here.test with UTF8SMTP; Mon, 2 Nov 2026 10:00:00 +0000") {
		t.Errorf("Received: %q", v)
	}
	if !strings.Contains(string(section), "X-Clean: as   it\r\n is\r\n") {
		t.Errorf("what was clean was changed:\n%s", section)
	}
}

func TestWhatCanNotBeConvertedIsNotSent(t *testing.T) {
	signed := "Content-Type: multipart/signed; boundary=b; protocol=\"application/pgp-signature\"\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\n%s\r\n--b\r\nContent-Type: application/pgp-signature\r\n\r\nxyz\r\n--b--\r\n"
	for _, c := range []struct{ name, text, want string }{
		{"signed", strings.Replace(signed, "%s", arabic, 1), "failed 5.6.3 mail"},
		{"signed far inside", "Content-Type: multipart/mixed; boundary=o\r\n\r\n--o\r\n" + strings.Replace(signed, "%s", arabic, 1) + "--o--\r\n", "failed 5.6.3 mail"},
		{"signed, but seven bits; another part is not", "Content-Type: multipart/mixed; boundary=o\r\n\r\n--o\r\n" + strings.Replace(signed, "%s", "clean", 1) + "--o\r\n\r\n" + arabic + "\r\n--o--\r\n", relayed},
		{"a piece of a message", "Content-Type: message/partial; id=x; number=1\r\n\r\n" + arabic + "\r\n", "failed 5.6.3 mail"},
		{"an encoding nobody knows", "Content-Transfer-Encoding: x-other\r\n\r\n" + arabic + "\r\n", "failed 5.6.3 mail"},
		{"a boundary in Arabic", "Content-Type: multipart/mixed; boundary=\"حد\"\r\n\r\n--حد\r\n\r\nx\r\n--حد--\r\n", "failed 5.6.3 mail"},
		{"an address in Arabic in a header", "To: فروش@here.test\r\n\r\nx\r\n", "failed 5.6.9 mail"},
		{"a message-id in Arabic", "Message-ID: <م@here.test>\r\n\r\nx\r\n", "failed 5.6.9 mail"},
		{"deeper than we look", deep(300, arabic), "failed 5.6.3 mail"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newScene(t, zone, nil)
			k := s.sink(1, sink.Options{Without: without8bit})
			out := s.expect(s.entry(c.text), c.want)
			if c.want == relayed {
				sevenBit(t, k.Messages()[0].Body)
			} else if k.Count() > 0 || strings.Contains(commands(k), "MAIL") || !strings.Contains(out[0].Answer.Text, "fit for this server") {
				t.Errorf("%+v\n%s", out[0].Answer, commands(k))
			}
		})
	}
}

// deep is a text inside n multiparts.
func deep(n int, text string) string {
	var b strings.Builder
	for i := range n {
		b.WriteString("Content-Type: multipart/mixed; boundary=b" + itoa(i) + "x\r\n\r\n--b" + itoa(i) + "x\r\n")
	}
	return b.String() + "\r\n" + text + "\r\n"
}

func TestEightBitsGoOutAsTheyAreWhereTheyMay(t *testing.T) {
	text := "From: a@here.test\r\nSubject: " + arabic + "\r\n\r\n" + arabic + "\r\n"
	s := newScene(t, zone, nil)
	k := s.sink(1, sink.Options{Without: []string{"SMTPUTF8"}})
	s.expect(s.entry(text), relayed)
	if m := k.Messages()[0]; m.Body != text || m.Params["BODY"] != "8BITMIME" {
		t.Errorf("%+v", m)
	}
}

func TestTheNextServerMayTakeWhatTheFirstDoesNot(t *testing.T) {
	s := newScene(t, `
		$ORIGIN there.test.
		$TTL 0
		@ MX 10 a
		@ MX 20 b
		a A 127.0.0.1
		b A 127.0.0.2
	`, nil)
	s.sink(1, sink.Options{Without: without8bit})
	k := s.sink(2, sink.Options{})
	text := "Content-Type: message/partial; id=x; number=1\r\n\r\n" + arabic + "\r\n"
	s.expect(s.entry(text), relayed)
	if k.Messages()[0].Body != text {
		t.Error("changed")
	}
}

func TestBinaryMessages(t *testing.T) {
	text := "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\nContent-Transfer-Encoding: binary\r\n\r\n--b\r\n" +
		"Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: binary\r\n\r\n\x00\x01\n\r\xff\r\n.\r\n\x00\r\n--b--\r\n"
	t.Run("as they are", func(t *testing.T) {
		s := newScene(t, zone, nil)
		k := s.sink(1, sink.Options{})
		e := s.entry(text)
		e.Body, e.Attempts = "BINARYMIME", 1
		s.expect(e, relayed)
		if m := k.Messages()[0]; m.Body != text || m.Params["BODY"] != "BINARYMIME" || !m.BDAT {
			t.Errorf("%+v", m)
		}
	})
	for _, without := range [][]string{{"BINARYMIME"}, {"CHUNKING"}, without8bit} {
		t.Run("converted for a server without "+without[0], func(t *testing.T) {
			s := newScene(t, zone, nil)
			k := s.sink(1, sink.Options{Without: without})
			e := s.entry(text)
			e.Body = "BINARYMIME"
			s.expect(e, relayed)
			got := k.Messages()[0].Body
			sevenBit(t, got)
			if before, after := leaves(text), leaves(got); before[0] != after[0] || strings.Contains(got, "binary") {
				t.Errorf("%q\n%q\n%q", before, after, got)
			}
		})
	}
	t.Run("with a header that is no text", func(t *testing.T) {
		s := newScene(t, zone, nil)
		k := s.sink(1, sink.Options{})
		e := s.entry("A: b\nc\r\n\r\n\x00")
		e.Body = "BINARYMIME"
		s.expect(e, "failed 5.6.11 local")
		if k.Count() > 0 {
			t.Error("sent")
		}
	})
}

// TestCorpusIsConverted sends what people send, as e2e/corpus has it, to a server without 8BITMIME.
func TestCorpusIsConverted(t *testing.T) {
	files, _ := filepath.Glob("../../../e2e/corpus/*/*.eml")
	if len(files) < 20 {
		t.Fatalf("%d files", len(files))
	}
	done := 0
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if convertible(t, file, b) {
			done++
		}
	}
	if done < 10 {
		t.Errorf("%d of %d were converted", done, len(files))
	}
}

// convertible converts a message in memory and checks the result; false: it can not be, or need not be.
func convertible(t *testing.T, name string, b []byte) bool {
	t.Helper()
	before := mime.Scan(b, mime.DefaultLimits())
	if !before.Has8bit {
		return false
	}
	c := &converter{src: bytes.NewReader(b), want: conversion{sevenBit: true}, msg: before, twin: noTwin}
	var out bytes.Buffer
	if err := c.run(&out); err != nil {
		if _, ok := err.(*cannot); !ok {
			t.Fatalf("%s: %v", name, err)
		}
		return false
	}
	for i, x := range out.Bytes() {
		if x >= 0x80 {
			t.Fatalf("%s: octet %d is %x: %.200q", name, i, x, out.Bytes()[max(0, i-100):])
		}
	}
	if before.HasBareCR || before.HasBareLF || before.HasNUL {
		return false // not a message that would be sent so: what follows need not hold
	}
	old, now := leaves(string(b)), leaves(out.String())
	if len(old) != len(now) {
		t.Errorf("%s: %d parts became %d", name, len(old), len(now))
		return true
	}
	for i := range old {
		if old[i].text != now[i].text {
			t.Errorf("%s: part %d:\n%.100q\n%.100q", name, i, old[i].text, now[i].text)
		}
	}
	return true
}

func noTwin(addr.Mailbox) (string, bool) { return "", false }

func FuzzConvert(f *testing.F) {
	for _, s := range []string{
		"a: b\r\n\r\né\r\n", "Content-Type: multipart/mixed; boundary=b\r\n\r\né\r\n--b\r\n\r\né\r\n--b--\r\né",
		"Content-Type: message/rfc822\r\n\r\nSubject: é\r\n\r\né", "From: é <é@é>, x:;\r\nContent-Type: é; é=é\r\n\r\n\xff\x00\r\n",
		"Content-Type: text/plain\r\nReceived: é; é\r\n\r\n", "é\r\n", ": é\r\n\r\né", "Content-Transfer-Encoding: base64\r\n\r\né",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m := mime.Scan(b, mime.DefaultLimits())
		for _, want := range []conversion{{sevenBit: true}, {header: true}, {header: true, sevenBit: true}, {lines: true}, {lines: true, sevenBit: true}} {
			var size counter
			var out bytes.Buffer
			c := &converter{src: bytes.NewReader(b), want: want, msg: m, twin: noTwin}
			err := c.run(&size)
			if again := c.run(&out); (err == nil) != (again == nil) || err == nil && int(size) != out.Len() {
				t.Fatalf("%v %v, %d %d", err, again, size, out.Len())
			}
			if _, ok := err.(*cannot); err != nil && !ok {
				t.Fatal(err)
			}
			if err == nil && want.sevenBit && !isASCII(out.String()) {
				t.Fatalf("%q", out.String())
			}
		}
	})
}

func TestUnicodeAddresses(t *testing.T) {
	twins := func(_ context.Context, m addr.Mailbox) (addr.Mailbox, bool) {
		if m.Local == "فروش" {
			return addr.Mailbox{Local: "forush", Domain: m.Domain}, true
		}
		return addr.Mailbox{}, false
	}
	plain := "From: a@here.test\r\nSubject: x\r\n\r\nx\r\n"
	rich := "From: فروش <فروش@here.test>\r\nSubject: گزارش\r\n\r\nمتن\r\n"
	for _, c := range []struct {
		name, from, to, text string
		without              []string
		want                 string
		mail, rcpt           string // of the wire
	}{
		{"all the way", "فروش@here.test", "علی@there.test", rich, nil, relayed, "<فروش@here.test> SIZE=100 BODY=8BITMIME SMTPUTF8", "<علی@there.test>"},
		{"not asked for where not needed", "a@here.test", "b@there.test", plain, nil, relayed, "<a@here.test> SIZE=42", "<b@there.test>"},
		{"the sender has an ASCII address", "فروش@here.test", "b@there.test", plain, []string{"SMTPUTF8"}, relayed, "<forush@here.test> SIZE=42", "<b@there.test>"},
		{"the sender has none", "علی@here.test", "b@there.test", plain, []string{"SMTPUTF8"}, "failed 5.6.7 mail", "", ""},
		{"the recipient has an ASCII address", "a@here.test", "فروش@there.test", plain, []string{"SMTPUTF8"}, relayed, "<a@here.test> SIZE=42", "<forush@there.test>"},
		{"the recipient has none", "a@here.test", "علی@there.test", plain, []string{"SMTPUTF8"}, "failed 5.6.7 rcpt", "", ""},
		{"the header too", "فروش@here.test", "b@there.test", rich, []string{"SMTPUTF8"}, relayed, "<forush@here.test> SIZE=138 BODY=8BITMIME", "<b@there.test>"},
		{"an address of the header has no ASCII form", "a@here.test", "b@there.test", strings.Replace(rich, "<فروش@", "<علی@", 1), []string{"SMTPUTF8"}, "failed 5.6.9 mail", "", ""},
		{"the header of a message that did not ask for SMTPUTF8", "a@here.test", "b@there.test", rich, []string{"SMTPUTF8"}, relayed, "<a@here.test> SIZE=100 BODY=8BITMIME", "<b@there.test>"},
		{"a domain alone is no reason", "a@نمونه.example", "b@there.test", plain, []string{"SMTPUTF8"}, relayed, "<a@xn--hhbbbed.example> SIZE=42", "<b@there.test>"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newScene(t, zone, func(d *Deps) { d.Twin = twins })
			k := s.sink(1, sink.Options{Without: c.without})
			e := s.entry(c.text, c.to)
			e.From = path(t, "<"+c.from+">")
			e.UTF8 = c.name != "the header of a message that did not ask for SMTPUTF8"
			s.expect(e, c.want)
			if c.want != relayed {
				if k.Count() > 0 || strings.Contains(commands(k), "MAIL") {
					t.Error(commands(k))
				}
				return
			}
			m := k.Messages()[0]
			size := m.Params["SIZE"]
			if got := strings.Replace(m.Mail, "SIZE="+size, "SIZE", 1); got != "FROM:"+sizeless(c.mail) || "<"+m.Rcpts[0].To+">" != c.rcpt || size != itoa(len(m.Body)) {
				t.Errorf("%s\n%+v", m.Mail, m.Rcpts)
			}
			if c.name == "the header too" {
				section := []byte(m.Body[:header.BodyOffset([]byte(m.Body))])
				if !isASCII(string(section)) || header.DecodeWords(header.Get(section, "From")) != "فروش <forush@here.test>" || !strings.HasSuffix(m.Body, "\r\n\r\nمتن\r\n") {
					t.Errorf("%q", m.Body)
				}
			} else if m.Body != c.text {
				t.Errorf("%q", m.Body)
			}
		})
	}
}

func sizeless(s string) string {
	before, after, _ := strings.Cut(s, "SIZE=")
	return before + "SIZE" + strings.TrimLeft(after, "0123456789")
}

func TestRecipientsGoWhereTheirAddressesAreTaken(t *testing.T) {
	s := newScene(t, `
		$ORIGIN there.test.
		$TTL 0
		@ MX 10 a
		@ MX 20 b
		a A 127.0.0.1
		b A 127.0.0.2
	`, nil)
	a, b := s.sink(1, sink.Options{Without: []string{"SMTPUTF8"}}), s.sink(2, sink.Options{})
	s.expect(s.entry("A: b\r\n\r\nx\r\n", "plain@there.test", "علی@there.test"), relayed)
	if ms := a.Messages(); len(ms) != 1 || len(ms[0].Rcpts) != 1 || ms[0].Rcpts[0].To != "plain@there.test" {
		t.Errorf("%+v", ms)
	}
	if ms := b.Messages(); len(ms) != 1 || len(ms[0].Rcpts) != 1 || ms[0].Rcpts[0].To != "علی@there.test" {
		t.Errorf("%+v", ms)
	}
}
