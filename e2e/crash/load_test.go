package crash

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"barid/e2e/hostile/wire"
	"barid/e2e/server"
)

// load is a server with clients that go on whatever happens to it.
type load struct {
	s      *server.Server
	ledger *ledger
	gate   *gate
	seed   uint64
	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup
}

func newLoad(t *testing.T, s *server.Server, seed uint64) *load {
	t.Helper()
	l := &load{s: s, ledger: newLedger(), gate: newGate(), seed: seed}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	t.Cleanup(l.stop)
	return l
}

// stop ends all clients.
func (l *load) stop() {
	l.cancel()
	l.wg.Wait()
}

// gate keeps clients from dialling while nobody listens: the system may give the very port that is to be opened
// again to an outgoing connection.
type gate struct {
	mu sync.Mutex
	up chan struct{} // closed: the server answers
}

func newGate() *gate { return &gate{up: make(chan struct{})} }

func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	close(g.up)
}

func (g *gate) shut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.up = make(chan struct{})
}

// wait waits until the server answers; false: the test is over.
func (g *gate) wait(ctx context.Context) bool {
	g.mu.Lock()
	up := g.up
	g.mu.Unlock()
	select {
	case <-up:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}

// client is one sender or reader: its own address, its own chance.
type client struct {
	*load
	name string
	from string // source address
	rng  *rand.Rand
	n    int // messages made
}

// run starts a client. session is called again and again; it ends when its connection does.
func (l *load) run(name string, number int, session func(*client) error) {
	c := &client{load: l, name: name, from: fmt.Sprintf("127.0.3.%d", number), rng: rand.New(rand.NewPCG(l.seed, uint64(number)))}
	l.wg.Go(func() {
		for l.gate.wait(l.ctx) {
			if err := session(c); err != nil && !isGone(err) {
				l.ledger.complain("%s: %v", name, err)
				c.pause(100)
			}
		}
	})
}

// pause waits a random time of at most limit milliseconds, so that the load leaves room for the machine.
func (c *client) pause(limit int) bool {
	t := time.NewTimer(time.Duration(c.rng.IntN(limit*1000)) * time.Microsecond)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-c.ctx.Done():
		return false
	}
}

// nextID gives the id of a new message.
func (c *client) nextID() string {
	c.n++
	return fmt.Sprintf("%s-%d", c.name, c.n)
}

// isGone tells a connection that broke, or that the server ended because it stops, from an answer that is wrong.
func isGone(err error) bool {
	var u *wire.Unexpected
	if errors.As(err, &u) && strings.HasPrefix(u.Got, "421 4.3.2 ") {
		return true
	}
	for _, e := range []error{
		io.EOF, io.ErrUnexpectedEOF, net.ErrClosed, syscall.ECONNRESET, syscall.EPIPE, syscall.ECONNREFUSED,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// closeOnStop closes nc when the test is over, so that nobody waits for an answer that does not come.
func (c *client) closeOnStop(nc io.Closer) func() {
	stop := context.AfterFunc(c.ctx, func() { _ = nc.Close() }) // its reader sees the error
	return func() {
		stop()
		_ = nc.Close() // the session is over, however
	}
}

// seed is BARID_SEED, or a new one; the log shows it.
func seed(t *testing.T) uint64 {
	t.Helper()
	n := rand.Uint64()
	if v := os.Getenv("BARID_SEED"); v != "" {
		if _, err := fmt.Sscan(v, &n); err != nil {
			t.Fatalf("BARID_SEED=%q: %v", v, err)
		}
	}
	t.Logf("BARID_SEED=%d", n)
	return n
}

// long leaves a test out with -short.
func long(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("the real program is not killed with -short")
	}
}

func unexpected(what string, got fmt.Stringer) error {
	return &wire.Unexpected{What: what, Got: got.String()}
}
