package server

import (
	"bytes"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
	"testing"
)

// Ports given are from lowestPort on, in blocks.
const (
	lowestPort = 10000
	blockSize  = 100
	blockCount = 220
)

// ports are those that this process may give away. Another process of tests that looked at a port while the server of
// this one is between two lives would find it free; so a process takes whole blocks, and keeps a block by listening on
// its first port until the process ends.
var ports struct {
	sync.Mutex
	kept []net.Listener
	next int // 0: a block is wanted
}

// FreeAddress gives an address on loopback that nobody listens on now, and that nobody who asks here is given until
// this process ends. It is below the ports that systems give to outgoing connections, so that a server that is started
// again finds it free again.
func FreeAddress(t testing.TB) string {
	t.Helper()
	ports.Lock()
	defer ports.Unlock()
	for range 1000 {
		if ports.next == 0 && !takeBlock() {
			break
		}
		port := ports.next
		if ports.next++; ports.next%blockSize == 0 {
			ports.next = 0
		}
		if l, err := listenOn(port); err == nil {
			defer l.Close()
			return l.Addr().String()
		}
	}
	t.Fatalf("no port between %d and %d is free", lowestPort, lowestPort+blockCount*blockSize)
	return ""
}

// takeBlock keeps a block that nobody has. Which one is left to chance, so that few are asked for in vain.
func takeBlock() bool {
	for _, n := range rand.Perm(blockCount) {
		first := lowestPort + n*blockSize
		if l, err := listenOn(first); err == nil {
			ports.kept, ports.next = append(ports.kept, l), first+1
			return true
		}
	}
	return false
}

func listenOn(port int) (net.Listener, error) {
	return net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
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
