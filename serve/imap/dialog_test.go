package imap

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"barid/mail/mailbox"
)

// TestDialogs plays testdata/dialogs: "C:" is sent, "S:" must come ("..." is anything), "S>:" must come behind any number
// of other lines, "C~:" and "S~:" are octets quoted as in Go, "C*: 9 x" is an x nine times, "C2:" and "S2:" are of a second
// connection. "login" and "login2" log in, as info@example.test or as who is named; "STARTTLS:" and "DEFLATE:" begin TLS and
// compression on the client's side. The files of the archive are delivered first: "INBOX/1" is a message for INBOX. "mail:
// INBOX 9" delivers nine messages; "slow: 5s" makes each look at the clock five seconds later than the one before. "server:
// NAME VALUE" is a setting, "quota: BYTES" the quota from there on, "clock: 2014-12-28T12:00:00Z" when messages are saved
// from there on. LITERAL+ is hidden from clients called "Strict". "{{name}}" is what stood there first. Each is played twice:
// with sessions that stay awake, and with such that rest whenever they wait.
func TestDialogs(t *testing.T) {
	files, err := filepath.Glob("testdata/dialogs/*.txtar")
	must(t, err)
	if len(files) == 0 {
		t.Fatal("no dialogs")
	}
	for _, name := range files {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			t.Parallel()
			ar, err := txtar.ParseFile(name)
			must(t, err)
			for _, awake := range []time.Duration{time.Minute, 1} {
				w := newWorld(t, func(set *Settings) {
					set.AwakeTime = awake
					set.Hidden = []Hide{{Capability: "LITERAL+", Client: "Strict"}}
					dialogSettings(t, string(ar.Comment), set)
				})
				w.addAccount(otherUser)
				for _, f := range ar.Files {
					w.deliver(path.Dir(f.Name), bytes.ReplaceAll(f.Data, []byte("\n"), []byte("\r\n")))
				}
				play(t, w, string(ar.Comment))
			}
		})
	}
}

// dialogSettings obeys lines such as "server: messages-per-command 3".
func dialogSettings(t *testing.T, dialog string, set *Settings) {
	for l := range strings.Lines(dialog) {
		rest, ok := strings.CutPrefix(strings.TrimSpace(l), "server: ")
		if !ok {
			continue
		}
		name, value, _ := strings.Cut(rest, " ")
		if name == "admin" {
			set.Admins = append(set.Admins, value)
			continue
		}
		n, err := strconv.Atoi(value)
		must(t, err)
		switch name {
		case "plain-login":
			set.PlainLogin = n > 0
		case "messages-per-command":
			set.CommandMessages = n
		case "saved-messages":
			set.SavedMessages = n
		case "message-bytes":
			set.MaxMessageBytes = int64(n)
		default:
			t.Fatalf("no setting %q", name)
		}
	}
}

func play(t *testing.T, w *world, dialog string) {
	clients, values := map[string]*client{}, map[string]string{}
	for n, l := range strings.Split(dialog, "\n") {
		if l == "" || l[0] == '#' || strings.HasPrefix(l, "server: ") {
			continue
		}
		verb, text, _ := strings.Cut(l, ":")
		text = strings.TrimPrefix(text, " ")
		kind := strings.TrimRight(verb, "0123456789")
		who := verb[len(kind):]
		if w.directs(t, kind, text) {
			continue
		}
		if clients[who] == nil {
			clients[who] = w.dial()
		}
		c := clients[who]
		c.at = fmt.Sprintf("line %d: ", n+1)
		for name, v := range values {
			text = strings.ReplaceAll(text, "{{"+name+"}}", v)
		}
		switch kind {
		case "login":
			c.do(`LOGIN %s "%s"`, cmp.Or(text, testUser), testPassword)
		case "C":
			c.send(text + "\r\n")
		case "S":
			got := c.line()
			if text = bind(text, got, values); !like(text, got) {
				t.Fatalf("line %d:\ngot  %q\nwant %q", n+1, got, text)
			}
		case "S>":
			for got := c.line(); !like(text, got); got = c.line() {
			}
		case "C*":
			count, octet, _ := strings.Cut(text, " ")
			times, err := strconv.Atoi(count)
			must(t, err)
			c.send(strings.Repeat(octet, times))
		case "C~", "S~":
			octets, err := strconv.Unquote(text)
			must(t, err)
			if kind == "C~" {
				c.send(octets)
				break
			}
			got := make([]byte, len(octets))
			_, err = io.ReadFull(c.br, got)
			must(t, err)
			if string(got) != octets {
				t.Fatalf("line %d:\ngot  %q\nwant %q", n+1, got, octets)
			}
		case "closed":
			c.closed()
		default:
			if !c.layer(kind) {
				t.Fatalf("line %d: %q", n+1, l)
			}
		}
	}
}

// directs does what a line asks of the world rather than of a connection; false if it does not.
func (w *world) directs(t *testing.T, verb, text string) bool {
	switch verb {
	case "mail":
		box, count, _ := strings.Cut(text, " ")
		n, err := strconv.Atoi(count)
		must(t, err)
		for i := range n {
			w.deliver(box, fmt.Appendf(nil, "Subject: message %d\r\n\r\ntext\r\n", i+1))
		}
	case "slow":
		step, err := time.ParseDuration(text)
		must(t, err)
		w.slow.Store(int64(step))
	case "clock":
		at, err := time.Parse(time.RFC3339, text)
		must(t, err)
		w.saved.Store(at.Unix())
	case "quota":
		n, err := strconv.ParseInt(text, 10, 64)
		must(t, err)
		must(t, w.acct.SetQuota(t.Context(), mailbox.Quota{Bytes: n}))
	default:
		return false
	}
	return true
}

// bind keeps what stands for each "{{name}}" of a pattern, and gives the pattern with it. Before the first there is no "...".
func bind(pattern, got string, values map[string]string) string {
	before, rest, ok := strings.Cut(pattern, "{{")
	name, after, closed := strings.Cut(rest, "}}")
	if !ok || !closed || !strings.HasPrefix(got, before) {
		return pattern
	}
	got = got[len(before):]
	end := len(got) - len(after)
	if next := strings.Index(after, "{{"); next >= 0 {
		end = strings.Index(got, after[:next])
	}
	if end < 0 {
		return pattern
	}
	values[name] = got[:end]
	return before + values[name] + bind(after, got[end:], values)
}
