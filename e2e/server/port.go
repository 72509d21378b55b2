package server

import (
	"bytes"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
)

var (
	firstPort = sync.OnceValue(func() int { return rand.IntN(portCount) }) // another one for each process of tests
	portsUsed atomic.Int64
)

// Ports given are from lowestPort on.
const (
	lowestPort = 10000
	portCount  = 22000
)

// FreeAddress gives an address on loopback that nobody listens on now, and that this process was not given before.
// It is below the ports that systems give to outgoing connections, so that a server that is started again finds
// it free again.
func FreeAddress(t testing.TB) string {
	t.Helper()
	for range 1000 {
		l, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(lowestPort+(firstPort()+int(portsUsed.Add(1)))%portCount))
		if err != nil {
			continue
		}
		defer l.Close()
		return l.Addr().String()
	}
	t.Fatal("no port between 10000 and 32000 is free")
	return ""
}

// maxTail is how much of a log is kept, in bytes.
const maxTail = 256 << 10

// tail keeps the end of what is written to it.
type tail struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf.Write(p)
	if over := t.buf.Len() - maxTail; over > 0 {
		t.buf.Next(over)
	}
	return len(p), nil
}

func (t *tail) last() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.buf.String()
}
