package imap

import (
	"bytes"
	"fmt"
	"io"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

// TestDialogs plays testdata/dialogs: "C:" is sent, "S:" must come ("..." is anything), "C~:" and "S~:" are octets quoted
// as in Go, "C2:" and "S2:" are
// of a second connection. "login" and "login2" log in; "server: NAME NUMBER" is a setting; "STARTTLS" is not played here. The files of the
// archive are delivered first: "INBOX/1" is a message for INBOX.
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
			w := newWorld(t, func(set *Settings) { dialogSettings(t, string(ar.Comment), set) })
			for _, f := range ar.Files {
				w.deliver(path.Dir(f.Name), bytes.ReplaceAll(f.Data, []byte("\n"), []byte("\r\n")))
			}
			play(t, w, string(ar.Comment))
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
		n, err := strconv.Atoi(value)
		must(t, err)
		switch name {
		case "messages-per-command":
			set.CommandMessages = n
		case "saved-messages":
			set.SavedMessages = n
		default:
			t.Fatalf("no setting %q", name)
		}
	}
}

func play(t *testing.T, w *world, dialog string) {
	clients := map[string]*client{}
	for n, l := range strings.Split(dialog, "\n") {
		if l == "" || l[0] == '#' || strings.HasPrefix(l, "server: ") {
			continue
		}
		verb, text, _ := strings.Cut(l, ":")
		text = strings.TrimPrefix(text, " ")
		kind := strings.TrimRight(verb, "0123456789")
		who := verb[len(kind):]
		if clients[who] == nil {
			clients[who] = w.dial()
		}
		c := clients[who]
		c.at = fmt.Sprintf("line %d: ", n+1)
		switch kind {
		case "login":
			c.do(`LOGIN %s "%s"`, testUser, testPassword)
		case "C":
			c.send(text + "\r\n")
		case "S":
			if got := c.line(); !like(text, got) {
				t.Fatalf("line %d:\ngot  %q\nwant %q", n+1, got, text)
			}
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
			t.Fatalf("line %d: %q", n+1, l)
		}
	}
}
