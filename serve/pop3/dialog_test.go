package pop3

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"barid/mail/account"
	"barid/serve/listen"

	"golang.org/x/tools/txtar"
)

// TestDialogs runs testdata/dialogs/*.txtar on every store. An archive holds the messages of INBOX in order (*.eml), a dialog, and
// what the mailboxes hold afterwards:
//
//	C: line      the client says a line; "C2:" is a second connection, and so on
//	C~ "a\r\nb"  it says just these octets, quoted as in Go
//	C-           it closes the connection
//	S: line      the server says this line; "*" at the end stands for any rest
//	S-           the server closes the connection
//
// A line "policy: trash" in the comment sets the account's POP3Delete, "limit: junk 3" a setting.
func TestDialogs(t *testing.T) {
	files, err := filepath.Glob("testdata/dialogs/*.txtar")
	must(t, err)
	if len(files) < 10 {
		t.Fatalf("found %d dialogs only", len(files))
	}
	for _, f := range files {
		t.Run(strings.TrimSuffix(filepath.Base(f), ".txtar"), func(t *testing.T) {
			data, err := os.ReadFile(f)
			must(t, err)
			for name, open := range engines(t) {
				t.Run(name, func(t *testing.T) { runDialog(t, open(), txtar.Parse(data)) })
			}
		})
	}
}

func runDialog(t *testing.T, db engine, a *txtar.Archive) {
	set, policy := testSettings(), account.POP3Remove
	for line := range strings.Lines(string(a.Comment)) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		switch {
		case key == "policy":
			policy = value
		case key == "limit":
			limit(t, &set, value)
		}
	}
	b := newBedOn(t, db, set, policy, listen.Plain)
	for _, f := range a.Files {
		if strings.HasSuffix(f.Name, ".eml") {
			b.put(strings.ReplaceAll(string(f.Data), "\n", "\r\n"))
		}
	}
	for _, f := range a.Files {
		switch {
		case f.Name == "dialog":
			d := dialog{b: b, conns: map[string]*client{}}
			d.run(string(f.Data))
		case strings.HasPrefix(f.Name, "after "):
			name := strings.TrimPrefix(f.Name, "after ")
			if got := strings.Join(append(b.subjects(name), ""), "\n"); got != string(f.Data) {
				t.Errorf("%s holds\n%swant\n%s", name, got, f.Data)
			}
		}
	}
}

func limit(t *testing.T, set *Settings, value string) {
	what, number, _ := strings.Cut(value, " ")
	n, err := strconv.Atoi(number)
	must(t, err)
	switch what {
	case "junk":
		set.MaxJunk = n
	case "logins":
		set.MaxLogins = n
	case "delay":
		set.LoginDelay = time.Duration(n) * time.Second
	default:
		t.Fatalf("no such limit: %s", what)
	}
}

type dialog struct {
	b     *bed
	conns map[string]*client
}

func (d *dialog) run(text string) {
	for n, line := range strings.Split(text, "\n") {
		if line == "" || line[0] == '#' {
			continue
		}
		if err := d.line(line); err != nil {
			d.b.t.Fatalf("line %d, %s: %v", n+1, line, err)
		}
	}
	for _, c := range d.conns {
		_ = c.Close()
	}
	d.b.unlocked(d.b.who.ID)
}

// line does one line of a dialog.
func (d *dialog) line(line string) error {
	i := strings.IndexAny(line, ":~-")
	if i < 1 {
		return fmt.Errorf("neither C nor S")
	}
	who, verb, rest := line[:i], line[i], strings.TrimPrefix(line[i+1:], " ")
	c := d.conn(who[1:])
	switch {
	case who[0] == 'C' && verb == ':':
		c.say(rest)
	case who[0] == 'C' && verb == '~':
		s, err := strconv.Unquote(rest)
		if err != nil {
			return err
		}
		_, err = c.Write([]byte(s))
		return err
	case who[0] == 'C' && verb == '-':
		delete(d.conns, who[1:])
		d.b.done(c)
	case who[0] == 'S' && verb == '-':
		if got := c.line(); got != "EOF" {
			return fmt.Errorf("got %q, want the end", got)
		}
	case who[0] == 'S':
		return matches(c.line(), rest)
	}
	return nil
}

func (d *dialog) conn(number string) *client {
	if d.conns[number] == nil {
		d.conns[number] = d.b.dial()
	}
	return d.conns[number]
}

func matches(got, want string) error {
	prefix, open := strings.CutSuffix(want, "*")
	if got == want || open && strings.HasPrefix(got, prefix) {
		return nil
	}
	return fmt.Errorf("got %q", got)
}
