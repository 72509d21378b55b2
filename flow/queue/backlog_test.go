package queue

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"barid/base/kv"
	"barid/mail"
	"barid/mail/spool"
	"barid/store/memory"
)

// TestBacklogsAreReadOn has far more due entries than memory may hold, in lines of many accounts and
// priorities, some told of and some not, some tried twice. All are delivered once, and memory stays in its
// bounds.
func TestBacklogsAreReadOn(t *testing.T) {
	for seed := range uint64(5) {
		set := Settings{Lane: 8, Line: 40, Memory: 120, Cached: 10, Slots: 20, FirstRetry: time.Minute, Concurrency: 4}
		inBubble(t, set, func(b *bed) {
			rng := rand.New(rand.NewPCG(seed, 1))
			b.f.takes = 100 * time.Millisecond
			most := 0
			b.f.answer = func(e *spool.Entry, _ *spool.Rcpt, n int) Outcome {
				b.q.mu.Lock()
				most = max(most, b.q.items)
				b.q.mu.Unlock()
				if e.Size%3 == 0 && n == 1 {
					return deferred("busy")
				}
				return Outcome{Kind: Relayed}
			}
			n := 0
			entry := func() *spool.Entry {
				n++
				return b.entry(fmt.Sprintf("d%d.example", rng.IntN(4)), func(e *spool.Entry) {
					e.Account, e.Size = mail.AccountID(rng.IntN(5)), int64(rng.IntN(10000))
					e.Priority = int8(rng.IntN(3) - 1)
				})
			}
			for range 1000 {
				b.commit(entry())
			}
			b.start()
			for range 1000 {
				e := b.commit(entry())[0]
				if rng.IntN(4) > 0 {
					b.q.Submitted(e)
				}
				if rng.IntN(10) == 0 {
					sleep(time.Duration(rng.IntN(2000)) * time.Millisecond)
				}
			}
			sleep(2 * time.Hour)
			relayed := map[string]int{}
			for _, e := range b.ev.all {
				if e.Kind.String() == "relayed" {
					relayed[e.ID]++
				}
			}
			for id, k := range relayed {
				if k != 1 {
					t.Errorf("%s was relayed %d times", id, k)
				}
			}
			if len(relayed) != n || most > set.Memory+set.Memory/2 {
				t.Errorf("seed %d: %d of %d relayed, %d in memory at most", seed, len(relayed), n, most)
			}
			b.empty()
		})
	}
}

// TestABacklogOfOneAccountDoesNotDelayOthers: the backlog on disk is one account's; another's mail finds a
// lane of its own.
func TestABacklogOfOneAccountDoesNotDelayOthers(t *testing.T) {
	inBubble(t, Settings{Lane: 16, Line: 64, Concurrency: 2}, func(b *bed) {
		b.f.takes = time.Second
		for range 2000 {
			b.commit(b.entry("a.example", nil))
		}
		b.start()
		sleep(10 * time.Second)
		begun := time.Now()
		e := b.submit("a.example", func(e *spool.Entry) { e.Account = 2 })
		sleep(time.Minute)
		for _, x := range b.f.seen() {
			if x.id == e.Message.ID && x.at.Sub(begun) > 20*time.Second {
				t.Errorf("tried after %v", x.at.Sub(begun))
			}
		}
		if _, ok := standing(t, b.db)[e.Message.ID]; ok {
			t.Error("not delivered in a minute")
		}
	})
}

// many is a store with n entries in it that are due at next, without the cost of commits one by one.
func many(t testing.TB, s db, n, lines int, next func(i int) time.Time) {
	t.Helper()
	ctx := context.Background()
	w, err := s.Create(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	_, _ = w.Write([]byte("Subject: x\r\n\r\nx\r\n"))
	blob, err := w.Commit(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	for l := range lines {
		domain := fmt.Sprintf("d%d.example", l)
		for lo := l; lo < n; lo += 2000 * lines {
			err := s.Update(ctx, spool.ShardOf(domain, "").Part(), func(tx kv.Txn) error {
				var es []*spool.Entry
				for i := lo; i < min(n, lo+2000*lines); i += lines {
					at := next(i)
					es = append(es, &spool.Entry{
						Message:     spool.Message{ID: fmt.Sprint("m", i), Blob: blob, Size: 4096, From: path("info@example.test"), Account: 1, Arrived: at, Expires: at.Add(100 * time.Hour)},
						Destination: domain, Next: at, Rcpts: []spool.Rcpt{{To: path("a@" + domain)}},
					})
				}
				return spool.EnqueueAll(tx, es...)
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestStandingEntriesCostNoMemory: 100,000 entries that are due later add nothing, and as many that are due
// now no more than Settings.Line.
func TestStandingEntriesCostNoMemory(t *testing.T) {
	for name, c := range map[string]struct {
		age      time.Duration
		items    int
		maxBytes uint64
	}{
		"later": {-time.Hour, 0, 1 << 20},
		"now":   {time.Second, 4096 + 512, 4 << 20},
	} {
		t.Run(name, func(t *testing.T) {
			s := memory.New()
			synctest.Test(t, func(t *testing.T) {
				many(t, s, 100_000, 20, func(int) time.Time { return time.Now().Add(-c.age) })
				b := newBed(t, s, Settings{Slots: 10, Memory: 4096})
				b.f.hang = func(*spool.Entry) bool { return true }
				before := heapBytes()
				b.start()
				sleep(time.Minute)
				grown := heapBytes() - before
				b.q.mu.Lock()
				items := b.q.items
				b.q.mu.Unlock()
				if items > c.items || grown > c.maxBytes && grown < 1<<62 {
					t.Errorf("%d in memory, %d KiB", items, grown>>10)
				}
				b.kill()
			})
		})
	}
}

func heapBytes() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
