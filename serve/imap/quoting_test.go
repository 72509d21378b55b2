package imap

import (
	"fmt"
	"strings"
	"testing"

	"barid/rfc/imap"
)

// hostileHeader has everything that must be escaped where it is shown: quotes, backslashes, 8-bit in UTF-8 and in
// windows-1256, lines that are too long for a quoted string, a bare CR, and words that look like IMAP.
var hostileHeader = strings.Join([]string{
	"From: \"a \\\"quoted\\\" \\\\ name\" <\"odd \\\"local\\\" part\"@example.test>, گروه: <فروش@example.test>, )NIL( <x@y>;",
	"To: " + strings.Repeat("info@example.test, ", 300) + "info@example.test",
	"Subject: \"x\" \\ {3} NIL) \xd3\xe1\xc7\xe3 \r a",
	"Message-ID: <a\"b\\c@example.test>",
	"In-Reply-To: " + strings.Repeat("<x@example.test>", 400),
	"Date: \"now\\",
	"MIME-Version: 1.0",
	"Content-Type: text/plain; name=\"a\\\"b\\\\c.txt\"; x=\"" + strings.Repeat("y", 5000) + "\"; charset=\"سلام\"",
	"Content-ID: <\"\\>",
	"Content-Description: \"سلام\" \\",
	"Content-Disposition: attachment; filename=\"عکس \\\"۱\\\".png\"; filename*0*=utf-8''%D8; filename*1*=%B3%22",
	"Content-Language: fa, \"ar\\\"",
	"Content-Location: a\"b\\",
	"Content-MD5: \"",
	"Content-Transfer-Encoding: \"8bit\\",
}, "\r\n") + "\r\n\r\ntext\r\n"

// TestWhatAHeaderHoldsIsEscaped: ENVELOPE, BODY and BODYSTRUCTURE are lists that balance, of quoted strings without 8-bit and
// of literals as long as they say, whatever the message holds; alone, in a message/rfc822, and in sections that repeat names.
func TestWhatAHeaderHoldsIsEscaped(t *testing.T) {
	w := newWorld(t, nil)
	for _, m := range []string{
		hostileHeader,
		"Content-Type: message/rfc822\r\n\r\n" + hostileHeader,
		"Content-Type: multipart/mixed; boundary=\"b\\\"\\\\\"\r\n\r\n--b\"\\\r\n" + hostileHeader + "--b\"\\--\r\n",
		"Content-Type: message/global\r\n\r\n" + hostileHeader,
	} {
		w.deliver("INBOX", []byte(m))
	}
	for _, enable := range []string{"UTF8=NONE", "UTF8=ACCEPT", "IMAP4rev2"} {
		c := w.login()
		c.do("ENABLE %s", enable)
		c.do("EXAMINE INBOX")
		for n := 1; n <= 4; n++ {
			c.send(fmt.Sprintf("x FETCH %d (ENVELOPE BODY BODYSTRUCTURE BODY.PEEK[HEADER.FIELDS (\"a\\\"b\" \"x\\\\\")])\r\n", n))
			checkList(t, c)
			c.expect("x OK FETCH completed")
		}
	}
}

// checkList reads one response as a client does.
func checkList(t *testing.T, c *client) {
	t.Helper()
	depth := 0
	for {
		b, err := c.br.ReadByte()
		must(t, err)
		switch {
		case b == '(':
			depth++
		case b == ')':
			if depth--; depth < 0 {
				t.Fatal("a list ends that never began")
			}
		case b == '"':
			checkQuoted(t, c)
		case b == '{':
			var n int
			if _, err := fmt.Fscanf(c.br, "%d}\r\n", &n); err != nil {
				t.Fatal("not the size of a literal:", err)
			}
			if s := c.literal(n); strings.IndexByte(s, 0) >= 0 {
				t.Fatalf("NUL in %q", s)
			}
		case b == '\r':
			if depth != 0 {
				t.Fatalf("the response ends %d lists deep", depth)
			}
			_, err := c.br.ReadByte()
			must(t, err)
			return
		case b < ' ' || b >= 0x7f:
			t.Fatalf("octet %x outside of strings", b)
		}
	}
}

func checkQuoted(t *testing.T, c *client) {
	t.Helper()
	for n := 0; ; n++ {
		b, err := c.br.ReadByte()
		must(t, err)
		switch {
		case b == '"':
			return
		case b == '\\':
			if b, err = c.br.ReadByte(); err != nil || b != '"' && b != '\\' {
				t.Fatalf("a backslash before %q", b)
			}
		case b == 0, b == '\r', b == '\n', b >= 0x80, n > 8192:
			t.Fatalf("octet %x in a quoted string", b)
		}
	}
}

// TestEnvelopeOfHostileHeaders: what was escaped is what was there.
func TestEnvelopeOfHostileHeaders(t *testing.T) {
	w := newWorld(t, nil)
	w.deliver("INBOX", []byte("From: \"a \\\"b\\\" \\\\ c\" <x@example.test>\r\nSubject: \"s\" \\ \r\nMessage-ID: <a\"b@example.test>\r\n\r\n"))
	c := w.login()
	c.do("EXAMINE INBOX")
	l := c.do("FETCH 1 ENVELOPE")[0]
	k, ok := imap.ReadEnvelope([]byte(strings.TrimSuffix(strings.TrimPrefix(l, "* 1 FETCH (ENVELOPE "), ")")))
	if !ok || string(k.Subject) != `"s" \` || string(k.From.Name) != `a "b" \ c` || string(k.MessageID) != `<a"b@example.test>` {
		t.Errorf("%s: %+v, %v", l, k, ok)
	}
}
