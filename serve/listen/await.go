package listen

import (
	"errors"
	"os"
	"runtime/debug"
	"syscall"
)

// CanAwait tells whether Await works: on sockets, where the system can tell what has come.
func (c *Conn) CanAwait() bool { return c.ready != nil }

// readiness finds out whether the system can tell.
func (c *Conn) readiness() {
	if sock, ok := c.sock.(syscall.Conn); ok && canPeek {
		c.ready, _ = sock.SyscallConn() // nil with an error
	}
}

// Await waits as Read does until the peer has sent something or is gone, within the deadline for reading, but takes nothing and
// needs no buffer: a session may give up what it holds in between. It must come after a Read that found nothing, because what
// layers above the socket hold already it does not see.
func (c *Conn) Await() error {
	return c.readError(c.ready.Read(hasCome))
}

// readError is err, or that the server stops if this is why.
func (c *Conn) readError(err error) error {
	if err != nil && c.passive.Load() && c.IsStopping() && errors.Is(err, os.ErrDeadlineExceeded) {
		return ErrStopping
	}
	return err
}

// Aside does f on a goroutine of its own and waits for its end. A stack that has grown shrinks late or never, so who has work to
// do now and then and waits for most of the time has the work done aside and keeps a small stack. A panic of f is one of Aside.
func Aside(f func()) {
	var broken *brokenAside
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			if v := recover(); v != nil {
				broken = &brokenAside{v, debug.Stack()}
			}
		}()
		f()
	}()
	<-done
	if broken != nil {
		panic(broken)
	}
}

// brokenAside is a panic with the stack it happened on.
type brokenAside struct {
	value any
	stack []byte
}
