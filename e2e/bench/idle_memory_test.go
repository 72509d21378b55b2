package bench

import (
	"fmt"
	"sync"
	"syscall"
	"testing"
	"time"
)

// settled is how long after the last of them did something the memory of waiting sessions is read: as long as it takes a
// client to be called idle. Nobody asks the server to collect its garbage.
const settled = 10 * time.Second

// BenchmarkIMAPIdleMemory is what a session costs that waits: greeted, logged in, and idling in INBOX. It is the growth of the
// server's proportional set size, shared by all sessions; the clients are in this process, not in the server's.
func BenchmarkIMAPIdleMemory(b *testing.B) {
	raiseFiles(b)
	b.Run("plain", func(b *testing.B) { idleMemory(b, imapBarid, false) })
	b.Run("tls", func(b *testing.B) { idleMemory(b, imapsBarid, true) })
}

// raiseFiles lets this process, and the servers it starts, have as many descriptors as they may.
func raiseFiles(b *testing.B) {
	b.Helper()
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l); err != nil {
		b.Fatal(err)
	}
	if l.Cur = l.Max; l.Max < uint64(idlers())+200 {
		b.Skipf("%d descriptors are too few for %d sessions", l.Max, idlers())
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &l); err != nil {
		b.Fatal(err)
	}
}

func idleMemory(b *testing.B, start func(*testing.B) (string, int), secure bool) {
	for b.Loop() {
		addr, pid := start(b)
		first := session{}
		first.idle(b, addr, secure, "INBOX") // what the first session costs once is not the price of a session
		time.Sleep(settled)
		before := Memory(pid)
		all := make([]session, idlers())
		grown := func() float64 {
			time.Sleep(settled)
			return float64(Memory(pid)-before) / float64(len(all))
		}
		each(all, func(s *session) { s.connect(addr, secure) })
		b.ReportMetric(grown(), "KiB/greeted")
		each(all, func(s *session) { s.authenticate() })
		b.ReportMetric(grown(), "KiB/login")
		each(all, func(s *session) { s.wait("INBOX") })
		b.ReportMetric(grown(), "KiB/idle")

		for i := range all {
			if all[i].err != nil {
				b.Fatal(fmt.Errorf("session %d: %w", i, all[i].err))
			}
			_ = all[i].conn.Close()
		}
	}
}

// each does something with every session, eight at once.
func each(all []session, do func(*session)) {
	const atOnce = 8
	var wg sync.WaitGroup
	for k := range atOnce {
		wg.Go(func() {
			for i := k; i < len(all); i += atOnce {
				if all[i].err == nil {
					do(&all[i])
				}
			}
		})
	}
	wg.Wait()
}
