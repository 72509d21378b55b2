package crash

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"barid/e2e/hostile/wire"
	"barid/e2e/server"
)

// smallDisk mounts a file system of its own for a test.
func smallDisk(t *testing.T, megabytes int) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "disk")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("mount", "-t", "tmpfs", "-o", fmt.Sprintf("size=%dm,mode=700", megabytes), "tmpfs", dir).CombinedOutput()
	if err != nil {
		t.Fatalf("this test fills a disk of its own and needs the right to mount one (root): %v\n%s", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", dir).CombinedOutput(); err != nil {
			t.Errorf("umount %s: %v\n%s", dir, err, out)
		}
	})
	return dir
}

// noticed is more than the time for which the server believes what it knew of the free space.
const noticed = 50 * time.Millisecond

// ballast fills the disk until at most leave octets are free; drop gives the space back.
func ballast(t *testing.T, dir string, leave int64) (drop func()) {
	t.Helper()
	f, err := os.CreateTemp(dir, "ballast")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for {
		var st syscall.Statfs_t
		if err := syscall.Statfs(dir, &st); err != nil {
			t.Fatal(err)
		}
		left := int64(st.Bavail)*st.Bsize - leave
		if left <= 0 {
			break
		}
		if _, err := f.Write(make([]byte, min(left, 1<<20))); err != nil {
			if errors.Is(err, syscall.ENOSPC) {
				break
			}
			t.Fatal(err)
		}
	}
	time.Sleep(noticed)
	return func() {
		if err := os.Remove(f.Name()); err != nil {
			t.Fatal(err)
		}
	}
}

// TestAFullDiskDefersMailAndRecoversByItself fills the disk under the running server in two ways: below the
// reserve that the server keeps, and to the last octet, so that writes themselves fail.
func TestAFullDiskDefersMailAndRecoversByItself(t *testing.T) {
	long(t)
	for _, c := range []struct {
		name    string
		reserve int64 // storage.reserve_bytes
		leave   int64 // free space while the disk is "full"
	}{
		{"below the reserve", 8 << 20, 3 << 20},
		{"to the last octet", 1, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := smallDisk(t, 160)
			s := server.Start(t, server.Options{Dir: dir, Settings: fmt.Sprintf(
				"[storage]\nreserve_bytes = %d\n[log]\nlevel = \"warn\"\n", c.reserve)})
			f := &filler{t: t, s: s, ledger: newLedger(), rng: newRand(seed(t), 1)}
			f.accepted(20)
			for range 3 {
				f.stock(50)
				drop := ballast(t, dir, c.leave)
				f.deferred(40)
				f.squeeze()
				f.readable()
				drop()
				f.recovers(time.Minute)
				f.accepted(5)
			}
			drop := ballast(t, dir, c.leave)
			f.deferred(5)
			s.Kill()
			drop()
			s.Boot()
			f.accepted(1)
			f.ledger.audit(f.inbox()).report(t)
			if n := len(readAll(t, s, sales, "Archive")); n != f.copied {
				t.Errorf("Archive has %d messages, %d were promised", n, f.copied)
			}
			verified(t, s)
		})
	}
}

// TestAServerStartsOnAFullDisk wants mail to be read on a disk that was full when the server was killed.
func TestAServerStartsOnAFullDisk(t *testing.T) {
	long(t)
	dir := smallDisk(t, 160)
	s := server.Start(t, server.Options{Dir: dir, Settings: "[storage]\nreserve_bytes = 8388608\n"})
	f := &filler{t: t, s: s, ledger: newLedger(), rng: newRand(seed(t), 1)}
	f.accepted(10)
	drop := ballast(t, dir, 3<<20)
	f.deferred(3)
	s.Kill()
	s.Boot()
	f.readable()
	again := ballast(t, dir, 3<<20) // the restart gave space back that was set aside
	f.deferred(3)
	again()
	drop()
	f.recovers(time.Minute)
	f.ledger.audit(f.inbox()).report(t)
}

// filler sends messages one by one and knows what each must be answered.
type filler struct {
	t      *testing.T
	s      *server.Server
	ledger *ledger
	rng    *rand.Rand
	n      int
	copied int // messages that squeeze was promised
}

// send gives one message to info@ and returns the reply that settled it.
func (f *filler) send() wire.Reply {
	f.t.Helper()
	f.n++
	id := fmt.Sprintf("full-%d", f.n)
	f.ledger.begin(id, place{info, "INBOX"})
	conn, err := wire.SMTP(f.s.Addr["smtp"], "127.0.3.1", false)
	if err != nil {
		f.t.Fatal(err)
	}
	defer conn.Close()
	r, err := conn.Send(sender, []string{info}, wire.Stuff(compose(f.rng, id, sender, info)))
	if err != nil {
		f.t.Fatalf("%s: %v", id, err)
	}
	if r.Code == 250 {
		f.ledger.acknowledged(id, 0)
	}
	return r
}

// accepted wants n messages to be taken.
func (f *filler) accepted(n int) {
	f.t.Helper()
	for range n {
		if r := f.send(); r.Code != 250 {
			f.t.Fatalf("a message was answered with %s", r)
		}
	}
}

// deferred wants n messages to be refused for want of space. What the store gives back to the disk meanwhile may be
// filled first.
func (f *filler) deferred(n int) {
	f.t.Helper()
	const most = 500
	for taken := 0; n > 0; {
		switch r := f.send(); {
		case r.Is("452 4.3.1 "):
			n--
		case r.Code == 250 && taken < most:
			taken++
		default:
			f.t.Fatalf("on a full disk a message was answered with %s, after %d that were taken", r, taken)
		}
	}
	conn, err := wire.LoginIMAP(f.s.Addr["imaps"], "127.0.3.2", info, server.Password)
	if err != nil {
		f.t.Fatal(err)
	}
	defer conn.Close()
	f.n++
	id := fmt.Sprintf("full-%d", f.n)
	f.ledger.begin(id, place{info, "INBOX"})
	r, err := conn.Do("APPEND INBOX " + wire.Literal(compose(f.rng, id, info, info)))
	if err != nil || !strings.HasPrefix(r.Tagged, "NO [UNAVAILABLE]") {
		f.t.Errorf("on a full disk APPEND was answered with %q %v", r.Tagged, err)
	}
}

// stock files messages for فروش@, for squeeze.
func (f *filler) stock(n int) {
	f.t.Helper()
	conn, err := wire.LoginIMAP(f.s.Addr["imaps"], "127.0.3.2", sales, server.Password)
	if err != nil {
		f.t.Fatal(err)
	}
	defer conn.Close()
	for i := range n {
		r, err := conn.Do("APPEND INBOX " + wire.Literal(fmt.Sprintf("Subject: stock %d\r\n\r\n%s", i, text(f.rng, 200))))
		if err != nil || !r.OK() {
			f.t.Fatalf("APPEND: %q %v", r.Tagged, err)
		}
	}
}

// squeeze copies mail, which needs rows but no bodies, until rows have no room either. What was acknowledged of
// it must be there, then and later.
func (f *filler) squeeze() {
	f.t.Helper()
	conn, err := wire.LoginIMAP(f.s.Addr["imaps"], "127.0.3.2", sales, server.Password)
	if err != nil {
		f.t.Fatal(err)
	}
	defer conn.Close()
	if r, err := conn.Do("SELECT INBOX"); err != nil || !r.OK() {
		f.t.Fatalf("on a full disk SELECT was answered with %q %v", r.Tagged, err)
	}
	copies, want := 0, f.count(conn, "Archive")
	for ; copies < 3000; copies++ {
		r, err := conn.Do("COPY 1:50 Archive")
		if err != nil {
			f.t.Fatal(err)
		}
		if !r.OK() {
			if !strings.HasPrefix(r.Tagged, "NO [UNAVAILABLE]") {
				f.t.Errorf("on a full disk COPY was answered with %q", r.Tagged)
			}
			break
		}
		want += 50
	}
	f.t.Logf("%d times 50 messages were copied on a full disk", copies)
	if n := f.count(conn, "Archive"); n != want {
		f.t.Errorf("Archive has %d messages, %d were promised", n, want)
	}
	f.copied = want
}

// count asks how many messages a mailbox has.
func (f *filler) count(conn *wire.IMAP, mailbox string) (n int) {
	f.t.Helper()
	r, err := conn.Do("STATUS " + mailbox + " (MESSAGES)")
	if err != nil || !r.OK() || len(r.Untagged) != 1 {
		f.t.Fatalf("STATUS: %q %v", r.Tagged, err)
	}
	_, rest, _ := strings.Cut(r.Untagged[0], "(MESSAGES ")
	if _, err := fmt.Sscan(strings.TrimSuffix(rest, ")"), &n); err != nil {
		f.t.Fatalf("STATUS: %q", r.Untagged)
	}
	return n
}

// cold reads a mailbox that nobody has opened since the server began.
func (f *filler) cold() {
	f.t.Helper()
	conn, err := wire.LoginIMAP(f.s.Addr["imaps"], "127.0.3.2", demo, server.Password)
	if err != nil {
		f.t.Fatal(err)
	}
	defer conn.Close()
	for _, mailbox := range []string{"INBOX", "Archive", "Sent", "Junk", "Trash"} {
		if r, err := conn.Do("SELECT " + mailbox); err != nil || !r.OK() {
			f.t.Errorf("on a full disk SELECT %s was answered with %q %v", mailbox, r.Tagged, err)
		}
	}
}

// readable wants all mail to be read by IMAP and POP3 while the disk is full.
func (f *filler) readable() {
	f.t.Helper()
	f.cold()
	all := f.inbox()[place{info, "INBOX"}]
	if drop := maildrop(f.t, f.s, info); len(drop) != len(all) {
		f.t.Errorf("IMAP shows %d messages, POP3 %d", len(all), len(drop))
	}
	if len(all) < f.ledger.acked {
		f.t.Errorf("on a full disk %d of %d messages are shown", len(all), f.ledger.acked)
	}
}

func (f *filler) inbox() map[place][]string {
	f.t.Helper()
	where := place{info, "INBOX"}
	out := map[place][]string{where: nil}
	for _, x := range readAll(f.t, f.s, info, "INBOX") {
		if x.err != nil {
			f.t.Errorf("torn: %s: %v", x.id, x.err)
		}
		out[where] = append(out[where], x.id)
	}
	return out
}

// recovers wants a message to be taken within limit, with nobody doing anything.
func (f *filler) recovers(limit time.Duration) {
	f.t.Helper()
	begin := time.Now()
	for time.Since(begin) < limit {
		if r := f.send(); r.Code == 250 {
			f.t.Logf("mail was taken again %v after space was freed", time.Since(begin).Round(time.Millisecond))
			return
		} else if !r.Is("452 4.3.1 ") {
			f.t.Errorf("while recovering a message was answered with %s", r)
		}
		time.Sleep(20 * time.Millisecond)
	}
	f.t.Fatalf("no mail was taken for %v after space was freed", limit)
}

// TestASmallDiskTakesMailWithTheUsualSettings: what is kept free by default must leave room on a small volume.
func TestASmallDiskTakesMailWithTheUsualSettings(t *testing.T) {
	long(t)
	dir := smallDisk(t, 64)
	s := server.Start(t, server.Options{Dir: dir, Settings: "[log]\nlevel = \"warn\"\n"})
	f := &filler{t: t, s: s, ledger: newLedger(), rng: newRand(seed(t), 1)}
	n := 0
	for ; n < 20_000; n++ {
		if r := f.send(); r.Is("452 4.3.1 ") {
			break
		} else if r.Code != 250 {
			t.Fatalf("message %d was answered with %s", n, r)
		}
	}
	t.Logf("a disk of 64 MB took %d messages", n)
	if n < 300 || n == 20_000 {
		t.Errorf("%d messages were taken", n)
	}
	f.deferred(5)
	f.readable()
	f.ledger.audit(f.inbox()).report(t)
}
