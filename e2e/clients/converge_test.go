package clients

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"barid/e2e/imap"
	"barid/e2e/server"
)

// resyncer is a client that knows INBOX only by what it was told since it last knew it: QRESYNC (RFC 7162 §3.2.5).
type resyncer struct {
	t                *testing.T
	s                *server.Server
	c                *imap.Client
	validity, modseq string
	known            map[int64]string // UID -> flags, as letters
}

// connect opens INBOX and learns what has happened since the last time.
func (r *resyncer) connect() {
	r.t.Helper()
	r.c = imap.Dial(r.t, r.s, user)
	r.c.Do("ENABLE QRESYNC")
	command := "SELECT INBOX"
	if r.known == nil {
		r.known = map[int64]string{}
	} else {
		command = fmt.Sprintf("SELECT INBOX (QRESYNC (%s %s))", r.validity, r.modseq)
	}
	r.hear(r.c.Do("%s", command))
	if command == "SELECT INBOX" {
		r.hear(r.c.Do("UID FETCH 1:* (FLAGS)"))
	}
}

var code = regexp.MustCompile(`^\[(HIGHESTMODSEQ|UIDVALIDITY) (\d+)\]`)

// hear takes in what the server says.
func (r *resyncer) hear(said [][]any) {
	r.t.Helper()
	for _, v := range said {
		switch {
		case v[0] == imap.Atom("OK"):
			switch m := code.FindStringSubmatch(fmt.Sprint(v[1])); {
			case m != nil && m[1] == "UIDVALIDITY":
				r.validity = m[2]
			case m != nil:
				r.modseq = m[2]
			}
		case v[0] == imap.Atom("VANISHED"):
			r.vanish(fmt.Sprint(v[len(v)-1]))
		case len(v) == 3 && v[1] == imap.Atom("FETCH"):
			r.learn(v[2].([]any))
		}
	}
}

func (r *resyncer) vanish(set string) {
	for part := range strings.SplitSeq(set, ",") {
		lo, hi, both := strings.Cut(part, ":")
		if !both {
			hi = lo
		}
		from, err1 := strconv.ParseInt(lo, 10, 64)
		to, err2 := strconv.ParseInt(hi, 10, 64)
		if err1 != nil || err2 != nil {
			r.t.Fatalf("VANISHED %s", set)
		}
		maps.DeleteFunc(r.known, func(uid int64, _ string) bool { return from <= uid && uid <= to })
	}
}

func (r *resyncer) learn(pairs []any) {
	var uid int64
	flags := ""
	for i := 0; i+1 < len(pairs); i += 2 {
		switch pairs[i] {
		case imap.Atom("UID"):
			uid = imap.Number(pairs[i+1])
		case imap.Atom("FLAGS"):
			flags = letters(pairs[i+1])
		}
	}
	if uid == 0 || flags == "" {
		r.t.Fatalf("FETCH without UID or FLAGS: %v", pairs)
	}
	r.known[uid] = flags
}

// look asks for news, and for the flags of messages that it does not know.
func (r *resyncer) look() {
	r.t.Helper()
	r.hear(r.c.Do("NOOP"))
	last := slices.Max(append(slices.Collect(maps.Keys(r.known)), 0))
	r.hear(r.c.Do("UID FETCH %d:* (FLAGS)", last+1))
}

// change does something to one of the messages that it knows, which may be gone.
func (r *resyncer) change(random *rand.Rand) {
	uids := slices.Sorted(maps.Keys(r.known))
	uid := uids[random.IntN(len(uids))]
	flag := []string{`\Seen`, `\Flagged`, `\Answered`}[random.IntN(3)]
	switch random.IntN(5) {
	case 0:
		r.hear(r.c.Do(`UID STORE %d +FLAGS (\Deleted)`, uid))
		r.hear(r.c.Do(`UID EXPUNGE %d`, uid))
	case 1:
		r.hear(r.c.Do(`UID STORE %d -FLAGS (%s)`, uid, flag))
	default:
		r.hear(r.c.Do(`UID STORE %d +FLAGS (%s)`, uid, flag))
	}
}

// TestFourClientsConverge lets two clients with QRESYNC, one of which loses its connection all the time, mutt, and
// mbsync, which knows nothing of either, change one mailbox at once. In the end all of them know the same.
func TestFourClientsConverge(t *testing.T) {
	s := start(t)
	owner := imap.Dial(t, s, user)
	for i := range 12 {
		mustAppend(t, owner, "INBOX", ``, letter("old", i))
	}
	w := newWire(t, s, "imaps")
	m := newMbsync(t, s, w)
	m.sync()
	steady, flaky := &resyncer{t: t, s: s}, &resyncer{t: t, s: s}
	steady.connect()
	home := t.TempDir()
	term := newTerminal(t, home, "mutt", "-F", muttConfig(t, s, w, home, "no"), "-f", "+INBOX")
	term.shows("old 0>", "old 11>")

	random := rand.New(rand.NewPCG(7, 11))
	for round := range 30 {
		flaky.connect()
		mustAppend(t, owner, "INBOX", ``, letter("new", round))
		flaky.change(random)
		steady.change(random)
		flaky.change(random)
		flaky.c.Close()
		steady.look()
		m.change(random, round)
		if round%3 == 0 {
			m.sync()
		}
		if round%10 == 5 {
			term.types("F$") // the message that mutt stands on
		}
	}
	term.types("$:set status_format=settled")
	term.press("Enter")
	term.shows("settled") // keys are taken in order: what mutt did is done
	m.sync()
	m.sync()
	// Mutt miscounts when a message comes and goes before it has looked; it counts anew with the next one that comes.
	mustAppend(t, owner, "INBOX", ``, letter("last", 0))
	m.sync()
	truth := there(owner)
	m.wantHere(truth...)
	flaky.connect()
	steady.look()
	want := map[int64]string{}
	owner.Do("EXAMINE INBOX")
	for _, f := range owner.Fetch("(FLAGS)") {
		want[imap.Number(f["UID"])] = letters(f["FLAGS"])
	}
	for name, r := range map[string]*resyncer{"the one that stayed": steady, "the one that came back": flaky} {
		if !maps.Equal(r.known, want) {
			t.Errorf("%s knows\n%v\nwant\n%v", name, r.known, want)
		}
	}
	wantOnScreen(term, truth)
	files, said := m.files(), len(w.said())
	m.sync()
	if after := m.files(); after != files {
		t.Errorf("a run with nothing to do changed\n%s\ninto\n%s", files, after)
	}
	if did := changes.FindAllString(w.said()[said:], -1); len(did) > 0 {
		t.Errorf("a run with nothing to do said %q", did)
	}
	for _, bad := range refused.FindAllString(w.said(), -1) {
		if !strings.HasSuffix(bad, "BAD there is no message with that sequence number") { // that is what mutt asks for then
			t.Errorf("refused: %q", bad)
		}
	}
}

// change flags or removes one of the messages of INBOX on the near side, or adds one.
func (m *mbsync) change(random *rand.Rand, round int) {
	files, _ := filepath.Glob(m.dir + "/INBOX/[cn]*/17*") // the pattern is a good one
	slices.Sort(files)
	f := files[random.IntN(len(files))]
	switch random.IntN(4) {
	case 0:
		if err := os.Remove(f); err != nil {
			m.t.Fatal(err)
		}
	case 1:
		m.put("INBOX", "S", letter("near", round))
	default:
		m.reflag("INBOX", idOf(m.t, f), []string{"F", "FS", "S", "RS"}[random.IntN(4)])
	}
}

// wantOnScreen waits until the index of mutt has a line for each message, and no other.
func wantOnScreen(term *terminal, truth []string) {
	term.t.Helper()
	line := regexp.MustCompile(`\|\S+(?: هفتگی)? (\w+) (\d+)>`)
	var want, got []string
	for _, one := range truth {
		want = append(want, one[strings.LastIndex(one, " ")+1:])
	}
	slices.Sort(want)
	defer func() {
		if term.t.Failed() {
			term.t.Logf("mutt shows %q, want %q", got, want)
		}
	}()
	term.press("Home")
	until(term.t, "mutt shows what is there", func() bool {
		got = nil
		for _, found := range line.FindAllStringSubmatch(term.screen(), -1) {
			got = append(got, found[1]+"."+found[2])
		}
		slices.Sort(got)
		return slices.Equal(got, want)
	})
}
