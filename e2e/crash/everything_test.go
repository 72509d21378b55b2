package crash

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"barid/e2e/hostile/wire"
	"barid/e2e/server"
)

func newRand(seed, stream uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, stream)) }

// uptime is how long the server may live before it is killed: at once, or in the middle of work.
func (c *client) uptime() { time.Sleep(time.Duration(20+c.rng.IntN(780)) * time.Millisecond) }

// lookAtEverything reads every message of every account and compares it with the ledger, the watchers and the
// model, IMAP with POP3, and the counts of the store with a recount.
func lookAtEverything(t *testing.T, l *load, watchers []*watcher, m *mutator, early map[string]int) {
	t.Helper()
	found := map[place][]string{}
	for _, account := range []string{info, demo} {
		octets := 0
		for _, mailbox := range []string{"INBOX", "Archive", "Sent", "Drafts", "Trash", "Junk"} {
			stored := readAll(t, l.s, account, mailbox)
			for _, x := range stored {
				if x.err != nil {
					t.Errorf("torn: %s in %s of %s: %v", x.id, mailbox, account, x.err)
				}
				found[place{account, mailbox}] = append(found[place{account, mailbox}], x.id)
				octets += x.size
			}
			if mailbox == "INBOX" {
				confirm(t, watchers, account, stored)
				agree(t, l.s, account, stored, early)
			}
		}
		recount(t, l.s, account, octets)
	}
	l.ledger.audit(found).report(t)
	conn, err := wire.LoginIMAP(l.s.Addr["imaps"], "127.0.3.99", sales, server.Password)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := m.compare(conn); err != nil {
		t.Error(err)
	}
	verified(t, l.s)
}

// verified stops the server and runs `barid store verify`, which must find nothing.
func verified(t *testing.T, s *server.Server) {
	t.Helper()
	s.Stop()
	var report struct{ Problems int }
	s.JSON(&report, "store", "verify")
	if report.Problems != 0 {
		t.Errorf("store verify found %d problems", report.Problems)
	}
}

// stored is a message as IMAP shows it.
type stored struct {
	uid  uint32
	id   string
	size int
	sum  [sha256.Size]byte
	err  error // torn
}

// readAll fetches a whole mailbox, some messages at a time.
func readAll(t *testing.T, s *server.Server, account, mailbox string) []stored {
	t.Helper()
	conn, err := wire.LoginIMAP(s.Addr["imaps"], "127.0.3.99", account, server.Password)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	r, err := conn.Do("EXAMINE " + mailbox)
	if err != nil || !r.OK() {
		t.Fatalf("EXAMINE %s: %v %v", mailbox, r.Tagged, err)
	}
	var out []stored
	for _, u := range r.Untagged {
		if n, ok := strings.CutSuffix(u, " EXISTS"); ok {
			total, err := strconv.Atoi(n)
			if err != nil {
				t.Fatal(err)
			}
			for from := 1; from <= total; from += 200 {
				out = append(out, readSome(t, conn, from, min(total, from+199))...)
			}
			if len(out) != total {
				t.Errorf("%s of %s: %d messages announced, %d came", mailbox, account, total, len(out))
			}
		}
	}
	return out
}

func readSome(t *testing.T, conn *wire.IMAP, from, to int) (out []stored) {
	t.Helper()
	r, err := conn.Do(fmt.Sprintf("FETCH %d:%d (UID RFC822.SIZE BODY.PEEK[])", from, to))
	if err != nil || !r.OK() {
		t.Fatalf("FETCH %d:%d: %v %v", from, to, r.Tagged, err)
	}
	fetched, err := r.Fetches()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range fetched {
		raw := []byte(f.Items["BODY[]"].Text)
		x := stored{uid: f.UID(), size: len(raw), sum: sha256.Sum256(raw)}
		x.id, x.err = identify(raw)
		if told := f.Items["RFC822.SIZE"].Text; told != strconv.Itoa(len(raw)) {
			t.Errorf("UID %d: RFC822.SIZE %s, %d octets came", x.uid, told, len(raw))
		}
		out = append(out, x)
	}
	return out
}

func confirm(t *testing.T, watchers []*watcher, account string, all []stored) {
	t.Helper()
	now := map[uint32]string{}
	for _, x := range all {
		now[x.uid] = x.id
	}
	for _, w := range watchers {
		if w.account == account {
			for _, wrong := range w.confirm(now) {
				t.Error(wrong)
			}
			t.Logf("the watcher of %s saw %d UIDs", account, len(w.ids))
		}
	}
}

// maildrop gives the sizes of all messages that POP3 shows, by unique-id.
func maildrop(t *testing.T, s *server.Server, account string) map[string]int {
	t.Helper()
	conn, err := wire.LoginPOP3(s.Addr["pop3s"], "127.0.3.98", account, server.Password)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	ids, sizes := listing(t, conn, "UIDL"), listing(t, conn, "LIST")
	if len(ids) != len(sizes) {
		t.Errorf("POP3 lists %d unique-ids and %d sizes", len(ids), len(sizes))
	}
	out := map[string]int{}
	for i, id := range ids {
		n, err := strconv.Atoi(sizes[i])
		if _, twice := out[id]; err != nil || twice {
			t.Errorf("message %d: unique-id %q (again: %v), size %q", i+1, id, twice, sizes[i])
		}
		out[id] = n
	}
	if line, ok, err := conn.Says("QUIT"); !ok {
		t.Errorf("QUIT: %q %v", line, err)
	}
	return out
}

// listing gives the second words of LIST or UIDL; message numbers must count from 1.
func listing(t *testing.T, conn *wire.Conn, verb string) (out []string) {
	t.Helper()
	line, ok, err := conn.Says(verb)
	if !ok {
		t.Fatalf("%s: %q %v", verb, line, err)
	}
	lines, err := conn.Lines()
	if err != nil {
		t.Fatal(err)
	}
	for i, l := range lines {
		number, value, _ := strings.Cut(l, " ")
		if number != strconv.Itoa(i+1) {
			t.Errorf("%s: line %d is %q", verb, i+1, l)
		}
		out = append(out, value)
	}
	return out
}

// agree compares POP3 with IMAP, and with what POP3 said long before.
func agree(t *testing.T, s *server.Server, account string, all []stored, early map[string]int) {
	t.Helper()
	drop := maildrop(t, s, account)
	if len(drop) != len(all) {
		t.Errorf("%s: POP3 shows %d messages, IMAP %d", account, len(drop), len(all))
	}
	var sizes, others []int
	for _, x := range all {
		sizes = append(sizes, x.size)
	}
	others = slices.Collect(maps.Values(drop))
	slices.Sort(sizes)
	slices.Sort(others)
	if !slices.Equal(sizes, others) {
		t.Errorf("%s: POP3 and IMAP tell other sizes", account)
	}
	if account == info {
		for id, n := range early {
			if drop[id] != n {
				t.Errorf("POP3 showed %s with %d octets, now with %d", id, n, drop[id])
			}
		}
	}
	sample(t, s, account, all)
}

// sample retrieves some messages by POP3 and compares them with what IMAP gave.
func sample(t *testing.T, s *server.Server, account string, all []stored) {
	t.Helper()
	conn, err := wire.LoginPOP3(s.Addr["pop3s"], "127.0.3.98", account, server.Password)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for i := 0; i < len(all); i += max(1, len(all)/200) {
		if line, ok, err := conn.Says("RETR " + strconv.Itoa(i+1)); !ok {
			t.Fatalf("RETR %d: %q %v", i+1, line, err)
		}
		lines, err := conn.Lines()
		if err != nil {
			t.Fatal(err)
		}
		if sha256.Sum256([]byte(strings.Join(lines, "\r\n")+"\r\n")) != all[i].sum {
			t.Errorf("%s: POP3 gives other octets for message %d (UID %d) than IMAP", account, i+1, all[i].uid)
		}
	}
}

// recount compares what the account says it uses with what IMAP gave.
func recount(t *testing.T, s *server.Server, account string, octets int) {
	t.Helper()
	var a struct {
		Bytes int64 `json:"bytes"`
	}
	s.JSON(&a, "account", "show", account)
	if a.Bytes != int64(octets) {
		t.Errorf("%s uses %d octets and holds %d", account, a.Bytes, octets)
	}
}
