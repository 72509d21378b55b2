package imap

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// mirror is what a client believes of the mailbox it is in, built from untagged responses alone.
type mirror struct {
	*client
	name  string
	uids  []int // by sequence number; 0 is not known yet
	flags []string
	// silent: it uses .SILENT, and does not work out what that did, so its flags may be old.
	silent bool
	quiet  bool // EXPUNGE must not come now (RFC 3501 §7.4.1)
}

var fetchLine = regexp.MustCompile(`^\* (\d+) FETCH \((.*)\)$`)

func (m *mirror) take(line string) {
	var n int
	switch {
	case strings.HasSuffix(line, " EXISTS"):
		_, _ = fmt.Sscanf(line, "* %d EXISTS", &n)
		if n < len(m.uids) {
			m.t.Fatalf("%s: %d messages shrank to %q", m.name, len(m.uids), line)
		}
		for len(m.uids) < n {
			m.uids, m.flags = append(m.uids, 0), append(m.flags, "")
		}
	case strings.HasSuffix(line, " EXPUNGE"):
		_, _ = fmt.Sscanf(line, "* %d EXPUNGE", &n)
		if m.quiet || n < 1 || n > len(m.uids) {
			m.t.Fatalf("%s: %q of %d messages, quiet %v", m.name, line, len(m.uids), m.quiet)
		}
		m.uids, m.flags = slices.Delete(m.uids, n-1, n), slices.Delete(m.flags, n-1, n)
	case fetchLine.MatchString(line):
		f := fetchLine.FindStringSubmatch(line)
		n, _ = strconv.Atoi(f[1])
		if n < 1 || n > len(m.uids) {
			m.t.Fatalf("%s: %q of %d messages", m.name, line, len(m.uids))
		}
		m.fetched(n-1, f[2])
	}
}

func (m *mirror) fetched(i int, items string) {
	if _, rest, ok := strings.Cut(items, "UID "); ok {
		uid, _ := strconv.Atoi(strings.Fields(rest)[0])
		if m.uids[i] != 0 && m.uids[i] != uid {
			m.t.Fatalf("%s: message %d was UID %d and is %d", m.name, i+1, m.uids[i], uid)
		}
		m.uids[i] = uid
	}
	if _, rest, ok := strings.Cut(items, "FLAGS ("); ok {
		flags, _, _ := strings.Cut(rest, ")")
		m.flags[i] = strings.TrimSpace(strings.ReplaceAll(flags, `\Recent`, ""))
	}
}

func (m *mirror) run(cmd string) string {
	word := strings.Fields(cmd)[0]
	m.quiet = word == "FETCH" || word == "STORE" || word == "SEARCH"
	lines := m.try("%s", cmd)
	for _, l := range lines[:len(lines)-1] {
		m.take(l)
	}
	m.quiet = false
	return lines[len(lines)-1]
}

// command makes up one that is right for what the client believes.
func (m *mirror) command(r *rand.Rand) string {
	appendOne := "APPEND INBOX {3+}\r\nx\r\n"
	if len(m.uids) == 0 {
		return appendOne
	}
	lo := r.IntN(len(m.uids)) + 1
	set := fmt.Sprintf("%d:%d", lo, min(len(m.uids), lo+r.IntN(4)))
	flag := []string{`\Seen`, `\Flagged`, `\Deleted`, `\Deleted`, "$Label1", "key"}[r.IntN(6)]
	silent := ""
	if m.silent && r.IntN(2) == 0 {
		silent = ".SILENT"
	}
	return []string{
		appendOne, appendOne, appendOne,
		fmt.Sprintf("STORE %s +FLAGS%s (%s)", set, silent, flag),
		fmt.Sprintf("STORE %s -FLAGS%s (%s)", set, silent, flag),
		fmt.Sprintf("UID STORE 1:* FLAGS%s (%s)", silent, flag),
		fmt.Sprintf("UID FETCH %d:* (FLAGS)", r.IntN(30)+1),
		"FETCH " + set + " (UID FLAGS)", "FETCH " + set + " (UID BODY[])",
		"SEARCH DELETED", "NOOP", "NOOP", "EXPUNGE", "CHECK",
		"COPY " + set + " INBOX", "MOVE " + set + " INBOX", "COPY " + set + " Trash", "UID MOVE " + fmt.Sprint(r.IntN(30)+1) + " Trash",
	}[r.IntN(18)]
}

// TestSessionsOfOneMailboxConverge lets three sessions act on one mailbox at random. Each believes only what
// it is told; in the end all must believe the same, and the truth.
func TestSessionsOfOneMailboxConverge(t *testing.T) {
	for seed := range uint64(12) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(seed, 1))
			w := newWorld(t, nil)
			ms := make([]*mirror, 3)
			for i := range ms {
				ms[i] = &mirror{client: w.login(), name: fmt.Sprintf("session %d", i), silent: seed%2 == 1}
				ms[i].run("SELECT INBOX")
			}
			for range 300 {
				m := ms[r.IntN(len(ms))]
				cmd := m.command(r)
				if got := m.run(cmd); !strings.HasPrefix(got, "OK") && !strings.HasPrefix(got, "NO [EXPUNGEISSUED]") {
					t.Fatalf("%s: %q was answered %q", m.name, cmd, got)
				}
			}
			compare(t, ms, w)
		})
	}
}

// compare checks that all sessions believe what a new session sees.
func compare(t *testing.T, ms []*mirror, w *world) {
	truth := &mirror{client: w.login(), name: "truth"}
	truth.run("EXAMINE INBOX")
	truth.run("UID FETCH 1:* FLAGS")
	for _, m := range ms {
		m.run("NOOP")
		told := slices.Clone(m.flags)
		m.run("UID FETCH 1:* FLAGS")
		if !slices.Equal(m.uids, truth.uids) || !slices.Equal(m.flags, truth.flags) {
			t.Errorf("%s has %v %q\ntruth is %v %q", m.name, m.uids, m.flags, truth.uids, truth.flags)
		}
		for i, f := range told { // what it was told unasked must not be stale
			if f != "" && f != m.flags[i] && !m.silent {
				t.Errorf("%s believed %q of message %d, which has %q", m.name, f, i+1, m.flags[i])
			}
		}
	}
}
