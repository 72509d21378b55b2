package interop

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"barid/e2e/corpus"
	"barid/e2e/imap"
	"barid/e2e/peer"
	"barid/e2e/server"
)

// TestMbsyncCompresses pulls and pushes the corpus and many changes of flags. mbsync compresses wherever
// COMPRESS=DEFLATE is offered and ends each command with zlib's Z_PARTIAL_FLUSH, in the middle of an octet.
func TestMbsyncCompresses(t *testing.T) {
	s := start(t)
	user := "info@" + server.Domain
	c := imap.Dial(t, s, user)
	ms := storable(t)
	for _, m := range ms {
		mustAppend(t, c, "INBOX", `\Seen`, m.Raw)
	}
	c.Do("CREATE %q", persianName)
	const flagged = 500
	for i := range flagged {
		mustAppend(t, c, persianName, ``, letter("there", i))
	}
	m := newMaildir(t, s, user)
	said := peer.Must(t, peer.Command{Name: "mbsync", Args: []string{"-Dn", "-c", m.rc, "all"}})
	if !strings.Contains(said.Out+said.Err, "OK DEFLATE is active") {
		t.Errorf("mbsync does not compress: %.3000s", said.Out+said.Err)
	}
	m.wantSame(c, len(ms)+flagged)
	for _, msg := range ms {
		m.put(arabicName, "FS", msg.Raw)
	}
	files, _ := filepath.Glob(filepath.Join(m.dir, persianName, "*/*")) // the pattern is a good one
	for i, f := range files {
		name, _, _ := strings.Cut(filepath.Base(f), ":")
		if err := os.Rename(f, filepath.Join(m.dir, persianName, "cur", name+":2,"+[]string{"F", "R", "S", "FRS"}[i%4])); err != nil {
			t.Fatal(err)
		}
	}
	m.sync()
	m.wantSame(c, 2*len(ms)+flagged)
	c.Do("SELECT %q", persianName)
	c.Do(`STORE 1:* +FLAGS.SILENT (\Draft)`)
	m.sync()
	m.wantSame(c, 2*len(ms)+flagged)
}

// storable are the messages of the corpus that mbsync can put into a maildir: they have a body, even if it is empty, and
// no CR or LF that is not part of a CRLF.
func storable(t *testing.T) (out []corpus.Message) {
	for _, m := range corpus.All() {
		rest := bytes.ReplaceAll(m.Raw, []byte("\r\n"), nil)
		if bytes.Contains(m.Raw, []byte("\r\n\r\n")) && !bytes.ContainsAny(rest, "\r\n\x00") {
			out = append(out, m)
		}
	}
	if len(out) < 79 {
		t.Fatalf("%d messages only", len(out))
	}
	return out
}
