package queue

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"barid/base/kv"
	"barid/mail"
	"barid/mail/spool"
	"barid/store/embedded"
)

// sink takes everything at once.
type sink struct {
	took atomic.Int64
	done chan struct{} // gets a token for each
}

func (s *sink) Deliver(_ context.Context, e *spool.Entry) []Outcome {
	s.took.Add(1)
	if s.done != nil {
		s.done <- struct{}{}
	}
	return []Outcome{{Rcpt: 0, Kind: Relayed, Answer: spool.Answer{Code: 250, Enhanced: "2.0.0", Text: "OK", Stage: spool.StageData}}}
}

// BenchmarkCycles is insert, lease, finish on the real engine and disk, with n entries standing: 32 producers,
// 1,000 destinations. BARID_STANDING sets n (0: none; 1000000 takes a minute to make).
func BenchmarkCycles(b *testing.B) {
	n, _ := strconv.Atoi(os.Getenv("BARID_STANDING"))
	s, err := embedded.Open(b.TempDir(), embedded.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	if n > 0 {
		many(b, s, n, 500, func(i int) time.Time { return time.Now().Add(time.Hour + time.Duration(i)*time.Millisecond) })
	}
	blob, release := body(b, s)
	defer release()
	k := &sink{}
	q := New(Deps{KV: s, Deliver: k, Set: Settings{Slots: 64}})
	if err := q.Start(b.Context()); err != nil {
		b.Fatal(err)
	}
	time.Sleep(5 * time.Second) // shards are read, the store has come to rest; this is not a test
	cpu, wrote, begun := cpuTime(), written(), time.Now()
	b.ResetTimer()
	produce(b, s, q, blob, b.N)
	for k.took.Load() < int64(b.N) {
		time.Sleep(time.Millisecond)
	}
	q.Stop(context.Background())
	took := time.Since(begun)
	b.ReportMetric(float64(b.N)/took.Seconds(), "cycles/s")
	b.ReportMetric(float64(cpuTime()-cpu)/1e3/float64(b.N), "cpu-µs/cycle")
	b.ReportMetric(float64(written()-wrote)/float64(b.N), "written-B/cycle")
	if c, err := q.Counts(b.Context()); err != nil || c.Entries != int64(n) {
		b.Errorf("%+v left, %v", c, err)
	}
}

func body(b *testing.B, s db) (kv.BlobID, func()) {
	w, err := s.Create(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	_, _ = w.Write([]byte("Subject: x\r\n\r\nx\r\n"))
	id, err := w.Commit(nil, nil)
	if err != nil {
		b.Fatal(err)
	}
	return id, func() { _ = w.Close() }
}

func produce(b *testing.B, s db, q *Queue, blob kv.BlobID, n int) {
	var left atomic.Int64
	left.Store(int64(n))
	var wg sync.WaitGroup
	for p := range 32 {
		wg.Go(func() {
			for i := p; left.Add(-1) >= 0; i += 32 {
				domain := fmt.Sprintf("d%d.example", i%1000)
				now := time.Now()
				e := &spool.Entry{
					Message:     spool.Message{ID: "01jd3x9w7kq2.1", Blob: blob, Size: 4096, From: path("info@example.test"), Account: mail.AccountID(p), Arrived: now, Expires: now.Add(100 * time.Hour)},
					Destination: domain, Next: now, Rcpts: []spool.Rcpt{{To: path("a@" + domain)}},
				}
				if err := s.Update(b.Context(), spool.ShardOf(domain, "").Part(), func(t kv.Txn) error { return spool.Enqueue(t, e) }); err != nil {
					b.Error(err)
					return
				}
				q.Submitted(e)
			}
		})
	}
	wg.Wait()
}

// BenchmarkRestart is from New to the first attempt with n entries standing, of which 1,000 are due, and the
// memory that they cost. It runs once, whatever b.N.
func BenchmarkRestart(b *testing.B) {
	n, _ := strconv.Atoi(os.Getenv("BARID_STANDING"))
	n = max(n, 10000)
	s, err := embedded.Open(b.TempDir(), embedded.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	many(b, s, n, 2000, func(i int) time.Time {
		if i < 1000 {
			return time.Now()
		}
		return time.Now().Add(time.Hour + time.Duration(i)*time.Millisecond)
	})
	k := &sink{done: make(chan struct{}, n)}
	before := heapBytes()
	begun := time.Now()
	q := New(Deps{KV: s, Deliver: k, Set: Settings{Slots: 64}})
	if err := q.Start(b.Context()); err != nil {
		b.Fatal(err)
	}
	<-k.done
	b.ReportMetric(float64(time.Since(begun).Microseconds())/1e3, "ms-to-first")
	for range 999 {
		<-k.done
	}
	b.ReportMetric(float64(time.Since(begun).Microseconds())/1e3, "ms-to-1000")
	b.ReportMetric(float64(int64(heapBytes()-before))/1024, "KiB")
	q.Stop(context.Background())
}

func cpuTime() int64 {
	var r syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &r)
	return r.Utime.Nano() + r.Stime.Nano()
}

// written is what this process has written, as the kernel accounts it: an upper bound. Where the page cache holds a
// file in large folios (ext4 since Linux 6.16), a small write that is synced counts with its whole folio, though the
// disk gets one block: a recycled log whose first life was a bulk load shows 20 KB a sync.
func written() (n int64) {
	f, err := os.Open("/proc/self/io")
	if err != nil {
		return 0
	}
	defer f.Close()
	for sc := bufio.NewScanner(f); sc.Scan(); {
		if v, ok := strings.CutPrefix(sc.Text(), "write_bytes: "); ok {
			n, _ = strconv.ParseInt(v, 10, 64)
		}
	}
	return n
}
