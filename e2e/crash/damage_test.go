package crash

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"barid/e2e/hostile/wire"
	"barid/e2e/server"
)

// damage changes one octet of a stored message, in the middle of its body.
func damage(t *testing.T, data, id string) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(data, "bodies", "seg-*"))
	if err != nil || len(names) == 0 {
		t.Fatalf("no segments in %s: %v", data, err)
	}
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		at := bytes.Index(b, []byte("\r\n"+idField+": "+id+"\r\n"))
		if at < 0 {
			continue
		}
		b[at+200] ^= 0x20
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Fatalf("%s is in no segment", id)
}

// rescued runs `barid store salvage` and counts the whole messages that come out.
func rescued(t *testing.T, data string, want int) {
	t.Helper()
	target := filepath.Join(t.TempDir(), "rescued")
	text, code := barid(t, "store", "salvage", data, target)
	if code != 0 {
		t.Fatalf("salvage: exit %d\n%s", code, text)
	}
	names, err := filepath.Glob(filepath.Join(target, "*", "*.eml"))
	if err != nil {
		t.Fatal(err)
	}
	ids := map[string]bool{}
	for _, name := range names {
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		id, err := identify(raw)
		if err != nil {
			t.Errorf("%s (%s): %v", name, id, err)
		}
		ids[id] = true
	}
	if len(ids) != want || len(names) != want {
		t.Errorf("salvage gave %d files with %d messages, %d should be there:\n%s", len(names), len(ids), want, text)
	}
}

// TestADamagedByteTakesOneMessage damages one message of many. It is refused by IMAP and POP3, everything else is
// served, verify finds it, and salvage gives all others without any row.
func TestADamagedByteTakesOneMessage(t *testing.T) {
	long(t)
	const messages = 30
	s := server.Start(t, server.Options{})
	f := &filler{t: t, s: s, ledger: newLedger(), rng: newRand(seed(t), 1)}
	f.accepted(messages)
	s.Stop()
	data := filepath.Join(s.Dir, "data")
	damage(t, data, "full-17")
	s.Boot()
	if bad := readOneByOne(t, s); len(bad) != 1 || bad[0] != 17 {
		t.Errorf("IMAP refuses messages %v, 17 is damaged", bad)
	}
	if bad := retrieveOneByOne(t, s, messages); len(bad) != 1 || bad[0] != 17 {
		t.Errorf("POP3 refuses messages %v, 17 is damaged", bad)
	}
	f.accepted(1)
	for _, running := range []bool{true, false} {
		if !running {
			s.Stop()
		}
		out, errs, code := s.Run("store", "verify")
		if code != 3 || !strings.Contains(errs, "B3003") || !strings.Contains(errs, "1 problems") {
			t.Errorf("store verify (server running: %v): exit %d\n%s%s", running, code, out, errs)
		}
	}
	if err := os.RemoveAll(filepath.Join(data, "rows")); err != nil {
		t.Fatal(err)
	}
	rescued(t, data, messages)
}

// readOneByOne fetches every message of INBOX and gives the numbers of those that IMAP refuses.
func readOneByOne(t *testing.T, s *server.Server) (bad []int) {
	t.Helper()
	conn, err := wire.LoginIMAP(s.Addr["imaps"], "127.0.3.2", info, server.Password)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	r, err := conn.Do("SELECT INBOX")
	if err != nil || !r.OK() {
		t.Fatal(r.Tagged, err)
	}
	all, err := conn.Do("FETCH 1:* (UID FLAGS ENVELOPE BODYSTRUCTURE RFC822.SIZE)")
	if n, ferr := all.Fetches(); err != nil || ferr != nil || !all.OK() || len(n) == 0 {
		t.Errorf("the list of messages: %q %v %v", all.Tagged, err, ferr)
	}
	for i := 1; i <= len(all.Untagged); i++ {
		r, err := conn.Do(fmt.Sprintf("FETCH %d BODY.PEEK[]", i))
		if err != nil {
			t.Fatalf("message %d ended the session: %v", i, err)
		}
		if !r.OK() {
			bad = append(bad, i)
			if !strings.HasPrefix(r.Tagged, "NO [CORRUPTION] ") {
				t.Errorf("message %d was refused with %q", i, r.Tagged)
			}
			continue
		}
		fetched, err := r.Fetches()
		if err != nil || len(fetched) != 1 {
			t.Fatalf("message %d: %d responses, %v", i, len(fetched), err)
		}
		if id, err := identify([]byte(fetched[0].Items["BODY[]"].Text)); err != nil {
			t.Errorf("message %d is %s: %v", i, id, err)
		}
	}
	return bad
}

// retrieveOneByOne does the same by POP3.
func retrieveOneByOne(t *testing.T, s *server.Server, n int) (bad []int) {
	t.Helper()
	conn, err := wire.LoginPOP3(s.Addr["pop3s"], "127.0.3.2", info, server.Password)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for i := 1; i <= n; i++ {
		line, ok, err := conn.Says("RETR " + strconv.Itoa(i))
		if err != nil {
			t.Fatalf("message %d ended the session: %v", i, err)
		}
		if !ok {
			bad = append(bad, i)
			if !strings.HasPrefix(line, "-ERR [SYS/PERM] ") {
				t.Errorf("message %d was refused with %q", i, line)
			}
			continue
		}
		lines, err := conn.Lines()
		if err != nil {
			t.Fatal(err)
		}
		if id, err := identify([]byte(strings.Join(lines, "\r\n") + "\r\n")); err != nil {
			t.Errorf("message %d is %s: %v", i, id, err)
		}
	}
	return bad
}
