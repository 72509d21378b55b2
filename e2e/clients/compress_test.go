package clients

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"regexp"
	"strings"
	"testing"

	"barid/e2e/imap"
	"barid/e2e/peer"
	"barid/e2e/server"
	"barid/rfc/deflate"
)

// begins are the lines behind which a side compresses, RFC 4978 §3.
var begins = map[string]*regexp.Regexp{
	"C": regexp.MustCompile(`(?i)^\S+ COMPRESS DEFLATE\r?\n`),
	"S": regexp.MustCompile(`^\S+ OK DEFLATE `),
}

// newPackedWire is a wire that passes compressed octets on as they come, and writes down what they say.
func newPackedWire(t *testing.T, s *server.Server) *wire {
	w := newWire(t, s, "imaps")
	w.packed = true
	return w
}

// carryPacked is carry behind COMPRESS: nothing is held back, or waited for.
func (w *wire) carryPacked(n int, side string, from io.Reader, to net.Conn) {
	copied, copies := io.Pipe()
	read := make(chan struct{})
	go func() {
		defer close(read)
		r := bufio.NewReaderSize(deflate.NewReader(bufio.NewReader(copied)), 64<<10)
		for {
			line, err := r.ReadSlice('\n')
			if len(line) > 0 {
				w.note(n, side, string(line))
			}
			if err != nil && err != bufio.ErrBufferFull {
				_ = copied.CloseWithError(io.EOF) // what is not understood is passed on all the same
				return
			}
		}
	}()
	octets, _ := io.Copy(to, io.TeeReader(from, tee{copies}))
	_ = copies.Close()
	<-read
	w.mu.Lock()
	defer w.mu.Unlock()
	fmt.Fprintf(&w.log, "%s%d compressed: %d octets\n", side, n, octets)
}

// tee takes all, whether anybody reads it or not.
type tee struct{ io.Writer }

func (t tee) Write(p []byte) (int, error) {
	_, _ = t.Writer.Write(p)
	return len(p), nil
}

// wantCompressed wants that a client compressed, and was understood.
func (w *wire) wantCompressed() {
	w.t.Helper()
	w.wantSaid(`^C\d+: \S+ COMPRESS DEFLATE`, `^S\d+: \S+ OK DEFLATE is active`)
	w.wantNoneRefused()
}

// add adds a line to a client's configuration.
func add(t *testing.T, path, line string) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	peer.Write(t, path, string(b)+line, 0o600)
}

// TestOfflineimapCompresses syncs in both directions.
func TestOfflineimapCompresses(t *testing.T) {
	s := start(t)
	c := imap.Dial(t, s, user)
	for i := 1; i <= 20; i++ {
		mustAppend(t, c, "INBOX", ``, letter("far", i))
	}
	w := newPackedWire(t, s)
	o := newOfflineimap(t, s, w)
	add(t, o.home+"/rc", "usecompression = yes\n")
	o.sync()
	var want []string
	for i := 1; i <= 20; i++ {
		o.reflag("INBOX", fmt.Sprintf("far.%d", i), "FS")
		o.put(arabic, "R", letter("near", i))
		want = append(want, fmt.Sprintf("INBOX [FS] far.%d", i), fmt.Sprintf("%s [R] near.%d", arabicWire, i))
	}
	o.sync()
	wantThere(t, c, want...)
	for i := range want {
		want[i] = strings.Replace(want[i], arabicWire, arabic, 1)
	}
	o.wantHere(want...)
	w.wantCompressed()
}

// TestMuttCompresses reads and flags, and hears of what comes while it idles. The neomutt of Debian can not.
func TestMuttCompresses(t *testing.T) {
	s := start(t)
	c := imap.Dial(t, s, user)
	for i := 1; i <= 6; i++ {
		mustAppend(t, c, "INBOX", ``, letter("one", i))
	}
	w := newPackedWire(t, s)
	home := t.TempDir()
	rc := muttConfig(t, s, w, home, "yes")
	add(t, rc, "set imap_deflate=yes\n")
	term := newTerminal(t, home, "mutt", "-F", rc, "-f", "+INBOX")
	term.shows("one 1>", "گزارش هفتگی one 4", "فاتورة one 6")
	term.press("Enter") // the first one
	term.shows("سلام، این یک نامه است one 1.")
	term.types("i")
	term.types("F")
	moveWithMutt(term, "2", "s", "Archive")
	term.types("$")
	wantSoonThere(t, c, "INBOX [FS] one.1", "INBOX [] one.3", "INBOX [] one.4", "INBOX [] one.5", "INBOX [] one.6", "Archive [] one.2")
	mustAppend(t, c, "INBOX", ``, letter("two", 7))
	term.shows("two 7>")
	term.types("q")
	term.ends()
	w.wantCompressed()
	w.wantSaid(`^C\d+: \S+ IDLE`, `^C\d+: \S+ LOGOUT`)
}

// TestThunderbirdCompresses downloads, flags and moves, and hears of what comes while it idles.
func TestThunderbirdCompresses(t *testing.T) {
	s := start(t)
	c := imap.Dial(t, s, user)
	c.Do("CREATE %q", arabicWire)
	c.Do("SUBSCRIBE %q", arabicWire)
	for i := range 3 {
		mustAppend(t, c, "INBOX", ``, letter("in", i))
	}
	w := newPackedWire(t, s)
	bird := startThunderbird(t, w)
	bird.gets(arabic)
	var path string
	bird.do(&path, birdDownload, "INBOX")
	wantKept(t, path, letter("in", 0), letter("in", 1), letter("in", 2))
	bird.do(nil, birdFlag, "INBOX", "in.1")
	bird.do(nil, birdMove, "INBOX", "in.2", arabic)
	wantSoonThere(t, c, "INBOX [] in.0", "INBOX [F] in.1", arabicWire+" [] in.2")
	w.untilIdle("INBOX", `^C\d+: \d+ uid move 3`)
	mustAppend(t, c, "INBOX", `\Answered`, letter("new", 1))
	bird.lists("INBOX", shown("", "in", 0), shown("F", "in", 1), shown("R", "new", 1))
	w.wantCompressed()
	w.wantSaid(`^C\d+: \d+ IDLE`)
}
