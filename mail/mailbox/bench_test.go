package mailbox

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"barid/base/kv"
	"barid/mail"
	"barid/rfc/mime"
	"barid/store/embedded"
	"barid/store/memory"
)

// engine is what a benchmark runs on.
type engine interface {
	kv.KV
	kv.Blobs
}

func onDisk(b testing.TB) engine {
	s, err := embedded.Open(b.TempDir(), embedded.Options{GCInterval: -1})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Close() })
	return s
}

// noBlobs makes a message without bytes: the rows are what is measured.
func noBlobs(n int) *Message {
	s := text(fmt.Sprintf("m%d@example.test", n), "", "", fmt.Sprintf("number %d", n))
	s += strings.Repeat("0123456789\r\n", 300)
	return &Message{Size: int64(len(s)), Parsed: mime.Scan([]byte(s), mime.DefaultLimits()), Received: epoch}
}

// fillRows appends n messages to INBOX of account 1.
func fillRows(b testing.TB, s *Store, n int) {
	m := noBlobs(1)
	for done := 0; done < n; {
		k := min(1000, n-done)
		ms := make([]AppendMessage, k)
		for i := range ms {
			ms[i].Message = *m
			ms[i].Flags = Flags(i%2) * Seen
		}
		if _, err := s.Account(1).Append(ctx, "INBOX", ms); err != nil {
			b.Fatal(err)
		}
		done += k
	}
}

// BenchmarkDeliverRows is Deliver without a body, on rows in memory: what this package costs.
func BenchmarkDeliverRows(b *testing.B) {
	s := Open(memory.New(), nil, Options{})
	defer s.Close()
	m := noBlobs(1)
	b.ReportAllocs()
	for i := range b.N {
		if _, err := s.Deliver(ctx, m, []Destination{{Account: mail.AccountID(i%100 + 1)}}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkDeliver is a body of 4 KiB and its rows, synced, from several goroutines to many accounts.
func BenchmarkDeliver(b *testing.B) {
	body := []byte(text("m@example.test", "", "", "number") + strings.Repeat("0123456789012345678901234567890\r\n", 120))
	parsed := mime.Scan(body, mime.DefaultLimits())
	for _, n := range []int{1, 16, 128} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			e := onDisk(b)
			s := Open(e, e, Options{})
			defer s.Close()
			var next atomic.Int64
			b.SetParallelism((n + 1) / 2)
			b.ReportAllocs()
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					w, err := e.Create(ctx)
					if err != nil {
						b.Fatal(err)
					}
					w.Write(body)
					id, err := w.Commit(nil, nil)
					if err != nil {
						b.Fatal(err)
					}
					m := &Message{Blob: id, Size: int64(len(body)), Parsed: parsed, Received: epoch}
					to := mail.AccountID(next.Add(1)%500 + 1)
					if _, err := s.Deliver(ctx, m, []Destination{{Account: to}}); err != nil {
						b.Fatal(err)
					}
					w.Close()
				}
			})
		})
	}
}

func sizes(b *testing.B, f func(b *testing.B, s *Store, e engine, n int)) {
	for _, n := range []int{10_000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			e := onDisk(b)
			s := Open(e, e, Options{})
			defer s.Close()
			fillRows(b, s, n)
			b.ReportAllocs()
			b.ResetTimer()
			f(b, s, e, n)
		})
	}
}

// BenchmarkOpenCold reads a mailbox from its rows.
func BenchmarkOpenCold(b *testing.B) {
	sizes(b, func(b *testing.B, _ *Store, e engine, n int) {
		for b.Loop() {
			s := Open(e, e, Options{})
			m, err := s.Account(1).Open(ctx, "INBOX")
			if err != nil || m.View().Len() != n {
				b.Fatal(err)
			}
			m.Close()
			s.Close()
		}
	})
}

// BenchmarkSelect opens a mailbox that is in memory and asks what SELECT answers.
func BenchmarkSelect(b *testing.B) {
	sizes(b, func(b *testing.B, s *Store, _ engine, n int) {
		m, _ := s.Account(1).Open(ctx, "INBOX")
		defer m.Close()
		for b.Loop() {
			m, err := s.Account(1).Open(ctx, "INBOX")
			if err != nil {
				b.Fatal(err)
			}
			v := m.View()
			if v.Len() != n || v.FirstUnseen() != 0 || v.UIDNext() == 0 {
				b.Fatal("wrong")
			}
			m.Close()
		}
	})
}

// BenchmarkStoreAll sets and clears a flag on all messages, synced.
func BenchmarkStoreAll(b *testing.B) {
	sizes(b, func(b *testing.B, s *Store, _ engine, n int) {
		m, _ := s.Account(1).Open(ctx, "INBOX")
		defer m.Close()
		for i := 0; b.Loop(); i++ {
			if _, _, err := m.Store(ctx, All(), StoreOp{Mode: Mode(i % 2), Flags: Flagged}); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkStoreAllRows is the same on rows in memory: what this package costs.
func BenchmarkStoreAllRows(b *testing.B) {
	e := memory.New()
	s := Open(e, e, Options{})
	defer s.Close()
	fillRows(b, s, 10_000)
	m, _ := s.Account(1).Open(ctx, "INBOX")
	defer m.Close()
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, _, err := m.Store(ctx, All(), StoreOp{Mode: Mode(i % 2), Flags: Flagged}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkStoreOne sets and clears a flag on one message, synced.
func BenchmarkStoreOne(b *testing.B) {
	sizes(b, func(b *testing.B, s *Store, _ engine, n int) {
		m, _ := s.Account(1).Open(ctx, "INBOX")
		defer m.Close()
		for i := 0; b.Loop(); i++ {
			if _, _, err := m.Store(ctx, SetOf(UID(i/2%n+1)), StoreOp{Mode: Mode(i % 2), Flags: Flagged}); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkFlags lists the flags of all messages of a View.
func BenchmarkFlags(b *testing.B) {
	sizes(b, func(b *testing.B, s *Store, _ engine, n int) {
		m, _ := s.Account(1).Open(ctx, "INBOX")
		defer m.Close()
		for b.Loop() {
			var f Flags
			for _, e := range m.View().All() {
				f |= e.Flags
			}
			if f == 0 {
				b.Fatal("no flags")
			}
		}
	})
}

// BenchmarkCold reads the envelopes of all messages.
func BenchmarkCold(b *testing.B) {
	sizes(b, func(b *testing.B, s *Store, _ engine, n int) {
		m, _ := s.Account(1).Open(ctx, "INBOX")
		defer m.Close()
		for b.Loop() {
			bytes := 0
			err := m.Cold(ctx, m.View(), All(), func(_ int, _ Entry, c *Cold) error {
				bytes += len(c.Envelope)
				return nil
			})
			if err != nil || bytes == 0 {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkCopyExpungeMove copies 10,000 messages, marks and expunges them, and moves the copies back.
func BenchmarkCopyExpungeMove(b *testing.B) {
	e := onDisk(b)
	s := Open(e, e, Options{})
	defer s.Close()
	fillRows(b, s, 10_000)
	a := s.Account(1)
	in, _ := a.Open(ctx, "INBOX")
	defer in.Close()
	ar, _ := a.Open(ctx, "Archive")
	defer ar.Close()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := in.Copy(ctx, All(), "Archive"); err != nil {
			b.Fatal(err)
		}
		if _, _, err := in.Store(ctx, All(), StoreOp{Mode: Add, Flags: Deleted}); err != nil {
			b.Fatal(err)
		}
		if _, _, err := in.Expunge(ctx, nil); err != nil {
			b.Fatal(err)
		}
		if _, err := ar.Move(ctx, All(), "INBOX"); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkExpungeDead expunges 10,000 messages that are nowhere else; reaping them is not waited for, then
// measured by itself.
func BenchmarkExpungeDead(b *testing.B) {
	e := onDisk(b)
	s := Open(e, e, Options{})
	s.Close() // nothing in the background
	for range b.N {
		b.StopTimer()
		fillRows(b, s, 10_000)
		m, _ := s.Account(1).Open(ctx, "INBOX")
		if _, _, err := m.Store(ctx, All(), StoreOp{Mode: Add, Flags: Deleted}); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		if _, _, err := m.Expunge(ctx, nil); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		begun := b.Elapsed()
		b.StartTimer()
		if err := s.Account(1).Reap(ctx); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64((b.Elapsed() - begun).Milliseconds()), "ms/reap")
		m.Close()
	}
}
