package embedded

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"barid/base/kv"
)

// BenchmarkDeliver stores bodies and about five rows each into 5,000 accounts, durably, as a delivery does.
// It reports CPU and bytes written to the disk for each message and byte of mail; rates depend on the disk.
func BenchmarkDeliver(b *testing.B) {
	for _, size := range []int{4 << 10, 50 << 10} {
		for _, writers := range []int{1, 16, 128} {
			b.Run(fmt.Sprintf("%dKiB/%dwriters", size>>10, writers), func(b *testing.B) { deliver(b, size, writers) })
		}
	}
}

func deliver(b *testing.B, size, writers int) {
	s := mustOpen(b, b.TempDir(), Options{})
	body := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(body)
	var next, failed atomic.Int64
	cpu, disk := cpuTime(), diskWritten()
	begun := time.Now()
	b.ResetTimer()
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			for {
				n := next.Add(1)
				if n > int64(b.N) {
					return
				}
				if deliverOne(s, body, uint64(n)) != nil {
					failed.Add(1)
				}
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	took := time.Since(begun)
	if failed.Load() > 0 {
		b.Fatal(failed.Load(), "deliveries failed")
	}
	mustClose(b, s) // what is still to be written counts
	n := float64(b.N)
	b.ReportMetric(n/took.Seconds(), "msgs/s")
	b.ReportMetric(float64((cpuTime()-cpu).Microseconds())/n, "cpu-µs/msg")
	b.ReportMetric(float64(diskWritten()-disk)/(n*float64(size)), "written/mail")
}

func deliverOne(s *Store, body []byte, n uint64) error {
	ctx := context.Background()
	w, err := s.Create(ctx)
	if err != nil {
		return err
	}
	defer w.Close()
	if _, err := w.Write(body); err != nil {
		return err
	}
	id, err := w.Commit(make([]byte, 400), make([]byte, 60))
	if err != nil {
		return err
	}
	p := kv.Part{Kind: kv.Account, ID: n * 0x9e3779b97f4a7c15 % 5000}
	return s.Update(ctx, p, func(x kv.Txn) error {
		state, _, err := x.Get(16, nil)
		if err != nil {
			return err
		}
		next := uint64(1)
		if len(state) >= 8 {
			next = binary.BigEndian.Uint64(state) + 1
		}
		cold := make([]byte, 700)
		binary.LittleEndian.PutUint64(cold, n)
		copy(cold[8:], "Subject: a line like others, From: and To: as well, which Snappy makes shorter")
		copy(cold[300:], body[:200])
		key := binary.BigEndian.AppendUint64(nil, next)
		x.Put(18, key, append(binary.BigEndian.AppendUint64(nil, n), make([]byte, 32)...))
		x.Put(20, key, cold)
		x.Put(22, binary.BigEndian.AppendUint64(nil, n*0x9e3779b97f4a7c15), key)
		x.Put(16, nil, append(key, make([]byte, 32)...))
		x.Link(id, next)
		return nil
	})
}

func cpuTime() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// diskWritten gives what this process caused to be written to disks, 0 where the system does not tell.
func diskWritten() int64 {
	b, _ := os.ReadFile("/proc/self/io")
	var v [7]int64
	_, _ = fmt.Sscanf(string(b), "rchar: %d\nwchar: %d\nsyscr: %d\nsyscw: %d\nread_bytes: %d\nwrite_bytes: %d\ncancelled_write_bytes: %d",
		&v[0], &v[1], &v[2], &v[3], &v[4], &v[5], &v[6])
	return v[5] - v[6]
}

// BenchmarkGetMany reads the cold rows of a mailbox of 10,000 messages in order.
func BenchmarkGetMany(b *testing.B) {
	s := mustOpen(b, b.TempDir(), Options{})
	defer mustClose(b, s)
	p := kv.Part{Kind: kv.Account, ID: 1}
	keys := make([][]byte, 10000)
	for i := range keys {
		keys[i] = binary.BigEndian.AppendUint64(nil, uint64(i))
	}
	for i := 0; i < len(keys); i += 1000 {
		err := s.Update(b.Context(), p, func(x kv.Txn) error {
			for _, k := range keys[i : i+1000] {
				x.Put(20, k, make([]byte, 700))
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		err := s.View(b.Context(), p, func(r kv.Reader) error {
			return r.GetMany(20, keys, func(int, []byte) error { return nil })
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}
