package imap

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"strings"
	"testing"

	"barid/mail/mailbox"
)

// literal reads what follows a line that ends in the size of a literal.
func (c *client) literal(size int) string {
	c.t.Helper()
	b := make([]byte, size)
	if _, err := io.ReadFull(c.br, b); err != nil {
		c.t.Fatal(err)
	}
	return string(b)
}

// TestBinaryIsAppended: NUL comes by literal8, in a part of BINARY; who does not know of BINARY gets base64.
func TestBinaryIsAppended(t *testing.T) {
	w := newWorld(t, nil)
	c := w.login()
	octets := "\x00\x01binary\r\n--not a boundary\x00"
	m := "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\nContent-Transfer-Encoding: binary\r\n\r\n--b\r\n\r\ntext\r\n--b\r\n" +
		"Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: binary\r\nContent-ID: <x>\r\n\r\n" + octets + "\r\n--b--\r\n"
	c.send(fmt.Sprintf("a APPEND INBOX ~{%d+}\r\n%s\r\n", len(m), m))
	c.expect("a OK [APPENDUID ... 1] APPEND completed")
	c.do("SELECT INBOX")
	c.send("b FETCH 1 BINARY[2]\r\n")
	c.expect(fmt.Sprintf("* 1 FETCH (BINARY[2] ~{%d}", len(octets)))
	if got := c.literal(len(octets)); got != octets {
		t.Errorf("%q", got)
	}
	c.expect(` FLAGS (\Seen \Recent))`)
	c.expect("b OK FETCH completed")
	got := strings.Join(c.do("FETCH 1 BODY.PEEK[]"), "\r\n")
	for _, want := range []string{base64.StdEncoding.EncodeToString([]byte(octets)), "octet-stream\r\nContent-Transfer-Encoding: base64\r\nContent-ID: <x>\r\n\r\n", "boundary=b\r\nContent-Transfer-Encoding: 8bit"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in %q", want, got)
		}
	}
	if strings.ContainsRune(got, 0) {
		t.Error("NUL")
	}
	for _, bad := range []string{"a\x00b: c\r\n\r\n", "Content-Type: multipart/mixed; boundary=b\r\n\r\n\x00\r\n--b\r\n\r\nx\r\n--b--\r\n"} {
		c.send(fmt.Sprintf("d APPEND INBOX ~{%d+}\r\n%s\r\n", len(bad), bad))
		c.expect("d NO [UNKNOWN-CTE] ...")
	}
}

// TestLargePartsAreDecodedInPieces: what does not fit into a buffer is read twice, and stays the same.
func TestLargePartsAreDecodedInPieces(t *testing.T) {
	w := newWorld(t, nil)
	want := bytes.Repeat([]byte("0123456789abcde\x00"), 3*writeBytes/16)
	w.deliver("INBOX", []byte("MIME-Version: 1.0\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n"+
		base64.StdEncoding.EncodeToString(want)+"\r\n"))
	c := w.login()
	c.do("EXAMINE INBOX")
	for _, part := range [][2]int{{0, len(want)}, {5, writeBytes + 7}, {2 * writeBytes, 2 * writeBytes}} {
		piece := want[part[0]:min(len(want), part[0]+part[1])]
		c.send(fmt.Sprintf("b FETCH 1 BINARY[1]<%d.%d>\r\n", part[0], part[1]))
		c.expect(fmt.Sprintf("* 1 FETCH (BINARY[1]<%d> ~{%d}", part[0], len(piece)))
		if got := c.literal(len(piece)); got != string(piece) {
			t.Errorf("%v differs", part)
		}
		c.expect(")")
		c.expect("b OK FETCH completed")
	}
	if got := c.do("FETCH 1 BINARY.SIZE[1]"); got[0] != fmt.Sprintf("* 1 FETCH (BINARY.SIZE[1] %d)", len(want)) {
		t.Error(got[0])
	}
}

// TestDeliveredNULIsShownInBase64: BINARYMIME brings it, and BODYSTRUCTURE, BODY[] and sizes are as if it had come in an encoding
// that base IMAP can show (RFC 3516 §6).
func TestDeliveredNULIsShownInBase64(t *testing.T) {
	w := newWorld(t, nil)
	w.deliver("INBOX", []byte("MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\nContent-Transfer-Encoding: binary\r\n\r\n"+
		"--b\r\nContent-Type: text/plain\r\n\r\nsee below\r\n"+
		"--b\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: binary\r\n\r\na\x00\nb\r\n--b--\r\n"))
	c := w.login()
	c.do("EXAMINE INBOX")
	if got := c.do("FETCH 1 BODY")[0]; !strings.Contains(got, `("APPLICATION" "OCTET-STREAM" NIL NIL NIL "BASE64" 8)`) {
		t.Errorf("%q", got)
	}
	if got := c.do("FETCH 1 BODY[2]"); got[1] != "YQAKYg==)" {
		t.Errorf("%q", got)
	}
	if got := c.do("FETCH 1 BINARY[2]"); got[0] != "* 1 FETCH (BINARY[2] ~{4}" || got[1] != "a\x00" || got[2] != "b)" {
		t.Errorf("%q", got)
	}
	size := c.do("FETCH 1 RFC822.SIZE")[0]
	n := strings.TrimSuffix(strings.TrimPrefix(size, "* 1 FETCH (RFC822.SIZE "), ")")
	if got := c.do("FETCH 1 BODY[]")[0]; got != "* 1 FETCH (BODY[] {"+n+"}" {
		t.Errorf("%q, but %q", got, size)
	}
	c.do("SELECT INBOX")
	if got := c.do(`SEARCH BODY "see below"`)[0]; got != "* SEARCH 1" {
		t.Errorf("%q", got)
	}
}

// TestNULThatNothingHidesIsNotSentInLiterals: between parts there is no encoding.
func TestNULThatNothingHidesIsNotSentInLiterals(t *testing.T) {
	w := newWorld(t, nil)
	w.deliver("INBOX", []byte("Content-Type: multipart/mixed; boundary=b\r\n\r\na\x00b\r\n--b\r\n\r\nx\r\n--b--\r\n"))
	c := w.login()
	c.do("EXAMINE INBOX")
	if got := c.do("FETCH 1 BODY[TEXT]"); got[1] != "a\x80b" {
		t.Errorf("%q", got)
	}
}

// TestMessageGlobalIsSeenInto: RFC 9051 §7.5.2, only by those who switched it on.
func TestMessageGlobalIsSeenInto(t *testing.T) {
	for _, c := range []struct{ enable, want string }{
		{"", `* 1 FETCH (BODYSTRUCTURE ("MESSAGE" "GLOBAL" NIL NIL NIL "8BIT" 18 NIL NIL NIL NIL) BODY ("MESSAGE" "GLOBAL" NIL NIL NIL "8BIT" 18))`},
		{
			"ENABLE UTF8=ACCEPT", `* 1 FETCH (BODYSTRUCTURE ("MESSAGE" "GLOBAL" NIL NIL NIL "8BIT" 18 (NIL "in" NIL NIL NIL NIL NIL NIL NIL NIL) ` +
				`("TEXT" "PLAIN" ... 1 NIL NIL NIL NIL) 3 NIL NIL NIL NIL) BODY ("MESSAGE" "GLOBAL" NIL NIL NIL "8BIT" 18 (NIL "in" ...) ("TEXT" "PLAIN" ... 1) 3))`,
		},
	} {
		w := newWorld(t, nil)
		w.deliver("INBOX", []byte("MIME-Version: 1.0\r\nContent-Type: message/global\r\nContent-Transfer-Encoding: 8bit\r\n\r\nSubject: in\r\n\r\nx\r\n"))
		cl := w.login()
		if c.enable != "" {
			cl.do("%s", c.enable)
		}
		cl.do("EXAMINE INBOX")
		if got := cl.do("FETCH 1 (BODYSTRUCTURE BODY)"); !like(c.want, got[0]) {
			t.Errorf("%s: %s", c.enable, got[0])
		}
	}
}

// TestParametersAreDecodedForRev2 is RFC 9051 §7.5.2 on RFC 2231: continuations are joined for all, charsets decoded for those
// who switched it on.
func TestParametersAreDecodedForRev2(t *testing.T) {
	w := newWorld(t, nil)
	w.deliver("INBOX", []byte("MIME-Version: 1.0\r\nContent-Type: text/plain; baz*0=a; baz*1=b\r\n"+
		"Content-Disposition: attachment; filename*0*=windows-1256''%CA%DE; filename*1*=%D1%ED%D1.txt\r\n\r\nx\r\n"))
	for enable, want := range map[string][]string{
		"UTF8=ACCEPT": {`...("BAZ" "ab")...("attachment" ("FILENAME*" "windows-1256''%CA%DE%D1%ED%D1.txt"))...`},
		"IMAP4rev2":   {`...("BAZ" "ab")...("attachment" ("FILENAME*" {14}`, `تقرير.txt))...`},
	} {
		c := w.login()
		c.do("ENABLE %s", enable)
		c.do("EXAMINE INBOX")
		got := c.do("FETCH 1 BODYSTRUCTURE")
		for i, l := range want {
			if !like(l, got[i]) {
				t.Errorf("%s: %q, want %q", enable, got[i], l)
			}
		}
	}
}

// TestPreviewsAreBounded: long lines, broken characters and what would turn the text around it.
func TestPreviewsAreBounded(t *testing.T) {
	long := strings.Repeat("كلمة ", 200)
	for _, c := range []struct{ in, want string }{
		{long, strings.TrimSpace(strings.Repeat("كلمة ", 40))},
		{strings.Repeat("x", 1000), strings.Repeat("x", 200)},
		{strings.Repeat("e\u0301", 200), strings.Repeat("e\u0301", 100)},
		{"a\u202eb\u2066c \u200c\u200b d", "abc d"},
		{"نامه\u200cها", "نامه\u200cها"},
		{"\u200c\u00a0\u200c\u00a0x", "x"},
		{"> all\n> quoted\n", ""},
	} {
		w := previewText{quotes: true}
		for i := range len(c.in) { // in the smallest pieces
			if _, err := w.Write([]byte(c.in[i : i+1])); err != nil {
				break
			}
		}
		if got := w.String(); got != c.want {
			t.Errorf("%.20q: %q, want %q", c.in, got, c.want)
		}
	}
}

// TestPreviewsKeptAreBounded: those that were not used for longest go.
func TestPreviewsKeptAreBounded(t *testing.T) {
	p, text := newPreviews(), strings.Repeat("x", 10000)
	const n = 2 * previewCache / 10000
	for i := range n {
		p.put(previewKey{1, mailbox.MsgNo(i)}, &preview{text})
		p.get(previewKey{1, 0})
	}
	if p.bytes > previewCache || p.order.Len() != len(p.by) {
		t.Error(p.bytes, p.order.Len(), len(p.by))
	}
	for i, want := range map[int]bool{0: true, 1: false, n/2 + 100: true, n - 1: true} {
		if got := p.get(previewKey{1, mailbox.MsgNo(i)}) != nil; got != want {
			t.Errorf("%d: %v", i, got)
		}
	}
}
