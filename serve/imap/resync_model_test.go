package imap

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// cache is what a client with QRESYNC keeps between connections: RFC 7162 §6 says how.
type cache struct {
	*client
	w        *world
	validity string
	modseq   uint64
	flags    map[int]string // by UID
	highest  uint64         // of the MODSEQs since the last tagged response
	asks     bool           // a FETCH is under way: what it asked for comes without MODSEQ
}

var (
	vanishedLine = regexp.MustCompile(`^\* VANISHED (\(EARLIER\) )?([0-9:,]+)$`)
	modseqItem   = regexp.MustCompile(`MODSEQ \((\d+)\)`)
	uidItem      = regexp.MustCompile(`UID (\d+)`)
	flagsItem    = regexp.MustCompile(`FLAGS \(([^)]*)\)`)
	highestLine  = regexp.MustCompile(`\[HIGHESTMODSEQ (\d+)\]`)
	validityLine = regexp.MustCompile(`\[UIDVALIDITY (\d+)\]`)
)

// expand gives the numbers of a set.
func expand(set string) (out []int) {
	for part := range strings.SplitSeq(set, ",") {
		lo, hi, ok := strings.Cut(part, ":")
		a, _ := strconv.Atoi(lo)
		b := a
		if ok {
			b, _ = strconv.Atoi(hi)
		}
		for n := a; n <= b; n++ {
			out = append(out, n)
		}
	}
	return out
}

func (k *cache) connect() {
	k.client = k.w.login()
	k.do("ENABLE QRESYNC")
	if k.validity == "" {
		k.run("SELECT INBOX")
		return
	}
	known := ""
	if len(k.flags) > 0 {
		known = fmt.Sprintf(" 1:%d", slices.Max(slices.Collect(maps.Keys(k.flags))))
	}
	k.run(fmt.Sprintf("SELECT INBOX (QRESYNC (%s %d%s))", k.validity, k.modseq, known))
}

func (k *cache) run(cmd string) {
	k.t.Helper()
	k.asks = strings.HasPrefix(cmd, "UID FETCH")
	lines := k.try("%s", cmd)
	for _, l := range lines {
		k.take(l)
	}
	if last := lines[len(lines)-1]; !strings.HasPrefix(last, "OK") && !strings.HasPrefix(last, "NO [EXPUNGEISSUED]") {
		k.t.Fatalf("%q was answered %q", cmd, last)
	}
	k.modseq = max(k.modseq, k.highest)
	k.highest = 0
	for _, l := range lines {
		if m := highestLine.FindStringSubmatch(l); m != nil {
			k.modseq, _ = strconv.ParseUint(m[1], 10, 64)
		}
	}
	if slices.ContainsFunc(lines, func(l string) bool { return strings.HasSuffix(l, " EXISTS") }) {
		k.fetchNew()
	}
}

// fetchNew learns of the messages above those known.
func (k *cache) fetchNew() {
	top := 0
	for u := range k.flags {
		top = max(top, u)
	}
	k.run(fmt.Sprintf("UID FETCH %d:* (FLAGS)", top+1))
}

func (k *cache) take(l string) {
	if m := validityLine.FindStringSubmatch(l); m != nil {
		k.validity = m[1]
	}
	if m := vanishedLine.FindStringSubmatch(l); m != nil {
		for _, u := range expand(m[2]) {
			delete(k.flags, u)
		}
		return
	}
	if strings.HasSuffix(l, " EXPUNGE") {
		k.t.Fatalf("a client with QRESYNC was told %q", l)
	}
	if !strings.Contains(l, " FETCH (") { // one with a literal goes on in the next lines
		return
	}
	uid, flags, modseq := uidItem.FindStringSubmatch(l), flagsItem.FindStringSubmatch(l), modseqItem.FindStringSubmatch(l)
	if uid == nil {
		k.t.Fatalf("%q has no UID", l)
	}
	n, _ := strconv.Atoi(uid[1])
	if flags != nil {
		k.flags[n] = strings.TrimSpace(strings.ReplaceAll(flags[1], `\Recent`, ""))
		if modseq == nil && !k.asks {
			k.t.Fatalf("%q has flags and no modseq", l)
		}
	}
	if modseq != nil {
		m, _ := strconv.ParseUint(modseq[1], 10, 64)
		k.highest = max(k.highest, m)
	}
}

// command makes up what a client does in a mailbox of the given UIDs.
func (k *cache) command(r *rand.Rand) string {
	uid := r.IntN(40) + 1
	flag := []string{`\Seen`, `\Flagged`, `\Deleted`, "key"}[r.IntN(4)]
	return []string{
		"NOOP", "APPEND INBOX {3+}\r\nx\r\n",
		fmt.Sprintf("UID STORE %d:%d +FLAGS (%s)", uid, uid+r.IntN(5), flag),
		fmt.Sprintf("UID STORE %d:%d -FLAGS (%s)", uid, uid+r.IntN(5), flag),
		"EXPUNGE", fmt.Sprintf("UID EXPUNGE %d:%d", uid, uid+4), fmt.Sprintf("UID FETCH %d:* (FLAGS BODY[])", uid),
		fmt.Sprintf("UID MOVE %d Trash", uid), fmt.Sprintf("UID COPY %d:%d INBOX", uid, uid+1), "UID SEARCH SEEN",
	}[r.IntN(10)]
}

// TestClientsComeBackAndKnowAll lets clients with QRESYNC work, go and come back at random beside one that
// stays. Whoever came back must know what a new client sees, and nothing else.
func TestClientsComeBackAndKnowAll(t *testing.T) {
	for seed := range uint64(12) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(seed, 3))
			w := newWorld(t, nil)
			for range 5 {
				w.deliver("INBOX", []byte("Subject: x\r\n\r\n"))
			}
			ks := make([]*cache, 3)
			for i := range ks {
				ks[i] = &cache{w: w, flags: make(map[int]string)}
				ks[i].connect()
			}
			for range 150 {
				k := ks[r.IntN(len(ks))]
				if r.IntN(8) == 0 {
					k.do("LOGOUT")
					k.connect()
					k.compare()
					continue
				}
				k.run(k.command(r))
			}
		})
	}
}

func (k *cache) compare() {
	k.t.Helper()
	truth := &cache{w: k.w, flags: make(map[int]string)}
	truth.connect()
	if !maps.Equal(truth.flags, k.flags) {
		k.t.Fatalf("knows %v\ntruth %v", k.flags, truth.flags)
	}
	truth.do("LOGOUT")
}

// listing is a result that a client keeps by ADDTO and REMOVEFROM (RFC 5267 §4.3).
type listing struct {
	t    *testing.T
	tag  string
	cmd  string
	uids []int
	sort bool // places count
}

var updateLine = regexp.MustCompile(`^\* ESEARCH \(TAG "([^"]+)"\) UID (ADDTO|REMOVEFROM) \(([0-9:, ]+)\)$`)

func (l *listing) take(line string) {
	m := updateLine.FindStringSubmatch(line)
	if m == nil || m[1] != l.tag {
		return
	}
	words := strings.Fields(m[3])
	for i := 0; i < len(words); i += 2 {
		at, _ := strconv.Atoi(words[i])
		set := expand(words[i+1])
		if l.sort == (at == 0) {
			l.t.Fatalf("place %d in %q", at, line)
		}
		l.apply(m[2] == "ADDTO", at, set, line)
	}
}

func (l *listing) apply(add bool, at int, set []int, line string) {
	switch {
	case add && l.sort:
		l.uids = slices.Insert(l.uids, at-1, set...)
	case add:
		l.uids = append(l.uids, set...)
		slices.Sort(l.uids)
	case l.sort:
		if !slices.Equal(l.uids[at-1:at-1+len(set)], set) {
			l.t.Fatalf("%q, but there is %v", line, l.uids)
		}
		l.uids = slices.Delete(l.uids, at-1, at-1+len(set))
	default:
		for _, u := range set {
			k := slices.Index(l.uids, u)
			if k < 0 {
				l.t.Fatalf("%q, but there is %v", line, l.uids)
			}
			l.uids = slices.Delete(l.uids, k, k+1)
		}
	}
}

// TestContextsFollowTheMailbox keeps results by updates alone while three sessions change the mailbox at
// random, and compares them with searches made anew.
func TestContextsFollowTheMailbox(t *testing.T) {
	for seed := range uint64(12) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(seed, 4))
			w := newWorld(t, nil)
			ms := make([]*mirror, 3)
			for i := range ms {
				ms[i] = &mirror{client: w.login(), name: fmt.Sprintf("session %d", i)}
				ms[i].run("SELECT INBOX")
			}
			watcher := ms[0]
			lists := []*listing{
				{t: t, cmd: "UID SEARCH RETURN (%s) FLAGGED"},
				{t: t, cmd: "UID SEARCH RETURN (%s) NOT (SEEN DELETED) SUBJECT x"},
				{t: t, cmd: "UID SORT RETURN (%s) (SUBJECT REVERSE ARRIVAL) UTF-8 NOT SEEN", sort: true},
				{t: t, cmd: "UID SORT RETURN (%s) (REVERSE SIZE SUBJECT) UTF-8 ALL", sort: true},
			}
			for _, l := range lists {
				watcher.do(l.cmd, "UPDATE ALL")
				l.tag = fmt.Sprintf("t%d", watcher.tag)
			}
			run := func(m *mirror, cmd string) {
				lines := m.try("%s", cmd)
				for _, line := range lines {
					m.take(line)
					for _, l := range lists {
						if m == watcher {
							l.take(line)
						}
					}
				}
			}
			for range 200 {
				m := ms[r.IntN(len(ms))]
				cmd := m.command(r)
				if strings.HasPrefix(cmd, "APPEND") {
					raw := fmt.Sprintf("Subject: %c x%d\r\n\r\n%s", 'a'+rune(r.IntN(26)), r.IntN(100), strings.Repeat("y", r.IntN(50)))
					cmd = fmt.Sprintf("APPEND INBOX {%d+}\r\n%s", len(raw), raw)
				}
				run(m, cmd)
			}
			run(watcher, "NOOP")
			for _, l := range lists {
				got := watcher.do(l.cmd, "ALL")
				_, set, _ := strings.Cut(got[0], " ALL ")
				var want []int
				if set != "" {
					want = expand(set)
				}
				if !slices.Equal(l.uids, want) {
					t.Errorf("%s\nkept  %v\ntruth %v", l.cmd, l.uids, want)
				}
			}
		})
	}
}
