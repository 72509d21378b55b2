package imap

import (
	"fmt"
	"strings"
	"testing"
)

// TestHostileLiterals: sizes that nobody has, kinds where none belong, more than fits before login. The session goes on,
// or ends with a goodbye, and all others go on.
func TestHostileLiterals(t *testing.T) {
	w := newWorld(t, nil)
	for _, c := range []struct {
		name, in, want string
		login, closes  bool
	}{
		{"literal8 of 2 GiB, client waits", "a APPEND INBOX ~{2147483648}", "a NO [TOOBIG] ...", true, false},
		{"literal8 of 2 GiB, client sends", "a APPEND INBOX ~{2147483648+}", "a NO [TOOBIG] ...", true, true},
		{"second message of 2 GiB", "a APPEND INBOX {1+}\r\nx {2147483648}", "a NO [TOOBIG] ...", true, false},
		{"second message of 2 GiB, client sends", "a APPEND INBOX {1+}\r\nx {2147483648+}", "a NO [TOOBIG] ...", true, true},
		{"text of 2 GiB in a message of parts", "a APPEND INBOX CATENATE (TEXT {2147483648}", "a NO [TOOBIG] ...", true, false},
		{"URL of 2 GiB", "a APPEND INBOX CATENATE (URL {2147483648}", "a BAD literal is too long", true, false},
		{"URL of 2 GiB, client sends", "a APPEND INBOX CATENATE (URL {2147483648+}", "a BAD literal is too long", true, true},
		{"replacement of 2 GiB", "a UID REPLACE 1 INBOX {2147483648}", "a NO [TOOBIG] ...", true, false},
		{"mailbox name of 2 GiB", "a APPEND {2147483648}", "a BAD literal is too long", true, false},
		{"literal8 for a name", "a STATUS ~{3+}\r\na\x00b (MESSAGES)", "a BAD ...", true, false},
		{"many literals", "a STORE 1 FLAGS (" + strings.Repeat("{1+}\r\nx ", 40000) + ")", "a BAD ...", true, false},
		{"many literals before login", "a LOGIN" + strings.Repeat(" {1+}\r\nx", 40000), "a BAD ...", false, false},
		{"REPLACE of nothing", "a REPLACE {3+}\r\n1:* INBOX {1+}\r\nx", "a BAD ...", true, false},
	} {
		cl := w.dial()
		if c.login {
			cl.do(`LOGIN %s "%s"`, testUser, testPassword)
			cl.do("EXAMINE INBOX")
		}
		cl.send(c.in + "\r\n")
		if got := cl.line(); !like(c.want, got) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
		if c.closes {
			cl.expect("* BYE ...")
			continue
		}
		cl.do("NOOP")
	}
}

// TestBareCRAndLFAreKept: mail of the past has them; what is stored is what came.
func TestBareCRAndLFAreKept(t *testing.T) {
	w := newWorld(t, nil)
	c := w.login()
	m := "Subject: x\n\na\rb\n"
	c.send(fmt.Sprintf("a APPEND INBOX {%d+}\r\n%s\r\n", len(m), m))
	c.expect("a OK ...")
	c.do("EXAMINE INBOX")
	c.send("b FETCH 1 BODY.PEEK[]\r\n")
	c.expect(fmt.Sprintf("* 1 FETCH (BODY[] {%d}", len(m)))
	if got := c.literal(len(m)); got != m {
		t.Errorf("%q", got)
	}
}

// TestMessagesInMessages: depth that looks endless is shown as far as it is looked at, in the time it takes to read it.
func TestMessagesInMessages(t *testing.T) {
	w := newWorld(t, nil)
	deep := strings.Repeat("Content-Type: message/rfc822\r\n\r\n", 5000) + "Subject: innermost\r\n\r\ntext\r\n"
	global := strings.Repeat("Content-Type: message/global\r\n\r\n", 5000) + "\r\ntext\r\n"
	var mixed strings.Builder
	for i := range 3000 {
		fmt.Fprintf(&mixed, "Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n", i%2, i%2)
	}
	for _, m := range []string{deep, global, mixed.String()} {
		w.deliver("INBOX", []byte(m))
	}
	c := w.login()
	c.do("ENABLE IMAP4rev2")
	c.do("EXAMINE INBOX")
	path := strings.Repeat("1.", 99) + "1"
	for _, items := range []string{"BODYSTRUCTURE", "BODY", "PREVIEW", "BINARY.SIZE[" + path + "]", "BINARY.PEEK[" + path + "]", "BODY.PEEK[" + path + ".MIME]"} {
		c.do("FETCH 1:* (%s)", items)
	}
	if got := c.try("FETCH 1 BINARY.SIZE[%s.1]", path); !strings.HasPrefix(got[0], "BAD") {
		t.Error(got)
	}
}

// TestShortLiterals is RFC 7888 §5: to whom LITERAL+ is not told, literals that come unasked are short.
func TestShortLiterals(t *testing.T) {
	w := newWorld(t, func(s *Settings) { s.Hidden = []Hide{{Capability: "LITERAL+", Account: testUser}} })
	c := w.dial()
	c.send("a APPEND x {4097+}\r\n" + strings.Repeat("x", 4097) + "\r\n")
	c.expect("a BAD ...") // not logged in yet; the literal was read past
	c.do(`LOGIN %s "%s"`, testUser, testPassword)
	if got := c.do("CAPABILITY")[0]; !strings.Contains(got, " LITERAL- ") || strings.Contains(got, "LITERAL+") {
		t.Error(got)
	}
	c.send("b APPEND INBOX {4096+}\r\n" + strings.Repeat("x", 4096) + "\r\n")
	c.expect("b OK ...")
	c.send("c APPEND INBOX {4097+}\r\n" + strings.Repeat("x", 4097) + "\r\n")
	c.expect("c BAD [TOOBIG] literal is too long")
	c.send("d APPEND INBOX {4097}\r\n")
	c.expect("+ go ahead")
	c.send(strings.Repeat("x", 4097) + "\r\n")
	c.expect("d OK ...")
}
