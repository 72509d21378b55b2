package remote

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"barid/e2e/sink"
	"barid/e2e/world"
	"barid/flow/queue"
)

const (
	delay   = 30 * time.Millisecond
	sinkEnv = "BARID_TEST_SINK"
)

var behaviourDelay = world.Behaviour{Delay: delay}

func itoa(n int) string { return strconv.Itoa(n) }

// runAsSink makes a copy of the test program a discarding server, so that a benchmark sees only the client's
// own processor time. It ends with its input.
func runAsSink() bool {
	if os.Getenv(sinkEnv) == "" {
		return false
	}
	k, err := sink.Run(sink.Options{Discard: true})
	if err != nil {
		panic(err)
	}
	fmt.Println(k.Addr())
	_, _ = io.Copy(io.Discard, os.Stdin)
	k.Stop()
	return true
}

// startSink runs it and gives its port.
func startSink(b *testing.B) uint16 {
	b.Helper()
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), sinkEnv+"=1")
	in, err := c.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := c.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = in.Close(); _ = c.Wait() })
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		b.Fatal(err)
	}
	_, port, _ := strings.Cut(strings.TrimSpace(line), ":")
	n, _ := strconv.ParseUint(port, 10, 16)
	return uint16(n)
}

// BenchmarkRelay sends 4 KiB messages over pooled connections to a discarding server in another process.
func BenchmarkRelay(b *testing.B) {
	for _, workers := range []int{1, 10} {
		b.Run(fmt.Sprintf("%d", workers), func(b *testing.B) { benchmarkRelay(b, workers) })
	}
}

func benchmarkRelay(b *testing.B, workers int) {
	s := benchScene(b, startSink(b), workers)
	text := "From: sender@here.test\r\nSubject: test\r\n\r\n" + strings.Repeat("sixty-two octets of text and the end of a line behind it......\r\n", 63)
	e := s.entry(text)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	before := cpu()
	var failed atomic.Int64
	b.SetParallelism((workers + 1) / 2)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if out := s.d.Deliver(b.Context(), e); out[0].Kind != queue.Relayed {
				failed.Add(1)
			}
		}
	})
	b.StopTimer()
	b.ReportMetric(float64((cpu()-before).Microseconds())/float64(b.N), "cpu-us/msg")
	if failed.Load() > 0 {
		b.Fatalf("%d were not relayed", failed.Load())
	}
}

// cpu is the processor time of this process.
func cpu() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func benchScene(b *testing.B, port uint16, workers int) *scene {
	return newScene(b, strings.Replace(zone, "$TTL 0", "$TTL 3600\n\t@ SOA ns hostmaster 1 3600 600 86400 3600", 1), func(d *Deps) {
		d.Settings.Port = port
		d.Settings.MaxPerHost, d.Settings.MinPerHost = workers, workers
		d.Settings.MaxMessages = 1 << 30
	})
}
