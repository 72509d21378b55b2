package clients

import (
	"encoding/base64"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"barid/e2e/imap"
	"barid/e2e/server"
)

// The mailboxes of these tests: their names, and how they stand on the wire (modified UTF-7, RFC 3501 §5.1.3).
const (
	arabic      = "رسائل"
	arabicWire  = "&BjEGMwYnBiYGRA-"
	persian     = "پروژه/۱۴۰۴"
	persianWire = "&Bn4GMQZIBpgGRw-/&BvEG9AbwBvQ-"
)

// user is whose mail it is.
const user = "info@" + server.Domain

// start starts a server with the usual accounts.
func start(t *testing.T) *server.Server {
	t.Helper()
	if testing.Short() {
		t.Skip("tests with real clients are left out with -short")
	}
	return server.Start(t, server.Options{})
}

// letter is a message whose subject names it: in Arabic, Persian or English by turns.
func letter(name string, n int) []byte {
	subject := []string{"فاتورة", "گزارش هفتگی", "invoice"}[n%3]
	body := []string{"السلام عليكم، هذه رسالة", "سلام، این یک نامه است", "hello, this is a letter"}[n%3]
	return fmt.Appendf(nil, "Date: Tue, 18 Nov 2025 10:%02d:30 +0300\r\nFrom: =?utf-8?B?%s?= <demo@example.test>\r\nTo: info@example.test\r\n"+
		"Subject: =?utf-8?B?%s?=\r\nMessage-ID: <%s.%d@example.test>\r\nMIME-Version: 1.0\r\n"+
		"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n%s %s %d.\r\n",
		n%60, encode("المبيعات"), encode(subject+" "+name+" "+fmt.Sprint(n)), name, n, body, name, n)
}

// report is a message with an attachment whose name is Persian.
func report() []byte {
	return fmt.Appendf(nil, "Date: Tue, 18 Nov 2025 11:00:00 +0330\r\nFrom: =?utf-8?B?%s?= <demo@example.test>\r\nTo: info@example.test\r\n"+
		"Subject: =?utf-8?B?%s?=\r\nMessage-ID: <report@example.test>\r\nMIME-Version: 1.0\r\n"+
		"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain; charset=windows-1256\r\n\r\n\xe3\xd1\xcd\xc8\xc7\r\n"+
		"--b\r\nContent-Type: text/csv; charset=utf-8\r\nContent-Disposition: attachment; filename*=utf-8''%%DA%%AF%%D8%%B2%%D8%%A7%%D8%%B1%%D8%%B4.csv\r\n\r\n"+
		"مبلغ,۱۲۳\r\n--b--\r\n", encode("فروش"), encode("پیوست: گزارش"))
}

func encode(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

func mustAppend(t *testing.T, c *imap.Client, mailbox, flags string, raw []byte) {
	t.Helper()
	if end := c.Append(mailbox, flags, raw); !strings.HasPrefix(end, "OK ") {
		t.Fatalf("APPEND to %s: %s", mailbox, end)
	}
}

// until waits for something that another process does, and fails the test when it does not.
func until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	end := time.Now().Add(patience)
	for !ok() {
		if time.Now().After(end) {
			t.Fatalf("not within %s: %s", patience, what)
		}
		time.Sleep(20 * time.Millisecond) // between two looks at another process
	}
}

// patience is how long a program may take for one step.
const patience = 90 * time.Second

// there lists the messages of an account, "mailbox flags message-id" in order, as e2e/imap sees them. Flags are
// letters as in a maildir.
func there(c *imap.Client) []string {
	var out []string
	for _, v := range c.Do(`LIST "" "*"`) {
		if v[0] != imap.Atom("LIST") {
			continue
		}
		name := fmt.Sprint(v[len(v)-1])
		c.Do("EXAMINE %q", name)
		for _, f := range c.Fetch("(FLAGS BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])") {
			_, id, _ := strings.Cut(imap.Text(f["BODY[HEADER.FIELDS (MESSAGE-ID)]"]), "<")
			id, _, _ = strings.Cut(id, "@")
			out = append(out, name+" "+letters(f["FLAGS"])+" "+id)
		}
	}
	slices.Sort(out)
	return out
}

func letters(flags any) string {
	var out []string
	for _, x := range flags.([]any) {
		if letter := maildirFlags[fmt.Sprint(x)]; letter != "" {
			out = append(out, letter)
		}
	}
	slices.Sort(out)
	return "[" + strings.Join(out, "") + "]"
}

var maildirFlags = map[string]string{`\Seen`: "S", `\Answered`: "R", `\Flagged`: "F", `\Draft`: "D", `\Deleted`: "T"}

// wantThere compares a whole account.
func wantThere(t *testing.T, c *imap.Client, want ...string) {
	t.Helper()
	slices.Sort(want)
	if got := there(c); !slices.Equal(got, want) {
		t.Errorf("the account has\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// wantSoonThere waits until an account is as it should be.
func wantSoonThere(t *testing.T, c *imap.Client, want ...string) {
	t.Helper()
	slices.Sort(want)
	end := time.Now().Add(patience)
	for !slices.Equal(there(c), want) && time.Now().Before(end) {
		time.Sleep(100 * time.Millisecond) // between two looks at what another process does
	}
	wantThere(t, c, want...)
}

func mkdir(t testing.TB, path string) {
	t.Helper()
	if err := os.MkdirAll(path, 0o700); err != nil {
		t.Fatal(err)
	}
}

func sorted(list []string) []string {
	slices.Sort(list)
	return list
}
