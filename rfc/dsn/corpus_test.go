package dsn

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"barid/rfc/mime"
)

// readBounce parses a message that has LF line ends.
func readBounce(t testing.TB, text string) (Bounce, bool) {
	t.Helper()
	b := []byte(strings.ReplaceAll(text, "\n", "\r\n"))
	got, ok, err := Parse(bytes.NewReader(b), mime.Scan(b, mime.DefaultLimits()))
	if err != nil {
		t.Fatal(err)
	}
	return got, ok
}

// TestForeignBounces reads testdata/bounces: each file begins with a line for each recipient that must be found:
// "# source class action status recipient message-id", or "# -" for what is no notification.
func TestForeignBounces(t *testing.T) {
	files, _ := filepath.Glob("testdata/bounces/*.eml.txt")
	if len(files) < 25 {
		t.Fatalf("%d files", len(files))
	}
	for _, name := range files {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".eml.txt"), func(t *testing.T) {
			b, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			want, text := "", string(b)
			for strings.HasPrefix(text, "# ") {
				line, rest, _ := strings.Cut(text, "\n")
				want, text = want+line[2:]+"\n", rest
			}
			if got := summary(readBounce(t, text)); got != want {
				t.Errorf("got\n%swant\n%s", got, want)
			}
		})
	}
}

func summary(b Bounce, ok bool) string {
	if !ok {
		return "-\n"
	}
	var out strings.Builder
	for _, r := range b.Recipients {
		to := r.Final.Text
		if m, ok := r.Final.Mailbox(); ok {
			to = m.String()
		}
		id := b.Returned.MessageID
		if id == "" {
			id = "-"
		}
		out.WriteString(strings.Join([]string{b.Source, r.Class().String(), r.Action.String(), r.Status.String(), to, id}, " ") + "\n")
	}
	return out.String()
}
