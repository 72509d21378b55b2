package listen

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"
)

// awaiting tells what Await returned, then what Read does.
type awaiting struct {
	before func(*Conn)
	told   chan error
	read   chan string
}

func (a awaiting) Serve(_ context.Context, c *Conn) {
	if a.before != nil {
		a.before(c)
	}
	a.told <- c.Await()
	b, _ := io.ReadAll(c)
	a.read <- string(b)
}

func (a awaiting) run(t *testing.T) (*Server, net.Conn) {
	t.Helper()
	s := NewServer(Config{Name: "test", Addr: "127.0.0.1:0"}, a)
	ctx, stop := context.WithCancel(t.Context())
	if err := s.Listen(ctx); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { defer close(done); _ = s.Serve(ctx) }()
	c, err := net.Dial("tcp", s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close(); stop(); <-done })
	return s, c
}

func newAwaiting(before func(*Conn)) awaiting {
	return awaiting{before: before, told: make(chan error, 1), read: make(chan string, 1)}
}

func TestAwaitTakesNothing(t *testing.T) {
	a := newAwaiting(func(c *Conn) {
		if !c.CanAwait() {
			panic("a socket can be awaited")
		}
	})
	_, c := a.run(t)
	if _, err := io.WriteString(c, "all of it"); err != nil {
		t.Fatal(err)
	}
	if err := <-a.told; err != nil {
		t.Error(err)
	}
	_ = c.Close()
	if got := <-a.read; got != "all of it" {
		t.Errorf("read %q", got)
	}
}

func TestAwaitEnds(t *testing.T) {
	gone := newAwaiting(nil)
	_, c := gone.run(t)
	_ = c.Close()
	if err := <-gone.told; err != nil {
		t.Errorf("the peer is gone: %v, Read is to tell", err)
	}
	late := newAwaiting(func(c *Conn) { _ = c.SetReadDeadline(time.Now().Add(time.Millisecond)) })
	late.run(t)
	if err := <-late.told; !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("past the deadline: %v", err)
	}
	begun := make(chan struct{})
	stopped := newAwaiting(func(c *Conn) { c.Interruptible(true); close(begun) })
	s, _ := stopped.run(t)
	<-begun
	s.Stop()
	if err := <-stopped.told; !errors.Is(err, ErrStopping) {
		t.Errorf("a stop: %v", err)
	}
}

func TestAsideKeepsThePanic(t *testing.T) {
	defer func() {
		b, ok := recover().(*brokenAside)
		if !ok || b.value != "broken" || !strings.Contains(string(b.stack), "breakIt") {
			t.Errorf("%+v", b)
		}
	}()
	done := false
	if Aside(func() { done = true }); !done {
		t.Error("Aside did not wait")
	}
	Aside(breakIt)
}

func breakIt() { panic("broken") }

// TestWhatIsNotOursStaysSo: whoever asks again after the first octets were another protocol's hears the same.
func TestWhatIsNotOursStaysSo(t *testing.T) {
	errs := make(chan error, 2)
	s := NewServer(Config{Name: "test", Addr: "127.0.0.1:0"}, serving(func(c *Conn) {
		for range cap(errs) {
			_, err := c.Read(make([]byte, 8))
			errs <- err
		}
	}))
	ctx, stop := context.WithCancel(t.Context())
	if err := s.Listen(ctx); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { defer close(done); _ = s.Serve(ctx) }()
	defer func() { stop(); <-done }()
	c, err := net.Dial("tcp", s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc"); err != nil {
		t.Fatal(err)
	}
	for range cap(errs) {
		if err := <-errs; !errors.Is(err, ErrWrongProtocol) {
			t.Errorf("%v", err)
		}
	}
}

type serving func(*Conn)

func (f serving) Serve(_ context.Context, c *Conn) { f(c) }
