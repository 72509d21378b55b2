package remote

import (
	"context"
	"net/netip"
	"sync"
	"time"
)

// direct is the mode of connections to mail exchangers, in the place of a relay's TLSMode.
const direct TLSMode = 255

// key says which connections are alike: to the same host, from the same address, in the same name.
type key struct {
	host  string
	port  uint16
	mode  TLSMode
	login string
	from  origin
}

// maxLines is how many hosts without connections a pool remembers the number of connections of.
const maxLines = 4096

// pool holds the connections: how many each host may have, and the idle ones. The number adapts (D83): it
// grows by one for each round of messages that went well, and is halved when the host shows that it is too much.
type pool struct {
	set     *Settings
	metrics *Metrics

	mu     sync.Mutex
	lines  map[key]*line
	idle   int
	timer  *time.Timer // runs while there are idle ones
	closed bool
	quits  sync.WaitGroup
}

// line is what the pool knows of one key.
type line struct {
	limit   float64
	steady  time.Time  // the limit does not grow before: the host takes no more connections than that
	open    int        // connections, the idle ones too, and those that are being opened
	live    int        // of them, those that the host greeted
	idle    []*session // the one used last at the end
	waiters []*waiter
}

// waiter is an attempt that wants a connection. It is sent one, or nil: it may open one.
type waiter struct {
	suits func(*session) bool
	ch    chan *session
}

func newPool(set *Settings, m *Metrics) *pool {
	return &pool{set: set, metrics: m, lines: map[key]*line{}}
}

// get gives an idle connection that suits, or nil and the right to open one, to be given back with put or
// gone. It waits while the host has as many as it may.
func (p *pool) get(ctx context.Context, k key, suits func(*session) bool) (*session, error) {
	p.mu.Lock()
	l := p.line(k)
	if s := p.take(l, suits); s != nil {
		p.mu.Unlock()
		return s, nil
	}
	if l.open < int(l.limit) || p.evict(l) {
		p.count(l, 1)
		p.mu.Unlock()
		return nil, nil
	}
	w := &waiter{suits: suits, ch: make(chan *session, 1)}
	l.waiters = append(l.waiters, w)
	p.mu.Unlock()
	select {
	case s := <-w.ch:
		return s, nil
	case <-ctx.Done():
		p.leave(k, l, w)
		return nil, ctx.Err()
	}
}

// line gives what is known of a key.
func (p *pool) line(k key) *line {
	l := p.lines[k]
	if l == nil {
		p.forget()
		l = &line{limit: float64(min(p.set.MinPerHost, p.set.MaxPerHost))}
		p.lines[k] = l
	}
	return l
}

// forget makes room when too many hosts are remembered.
func (p *pool) forget() {
	if len(p.lines) < maxLines {
		return
	}
	for k, l := range p.lines {
		if l.open == 0 && len(l.waiters) == 0 {
			delete(p.lines, k)
		}
	}
}

// take finds an idle connection that suits and still stands. Dead ones are dropped on the way.
func (p *pool) take(l *line, suits func(*session) bool) *session {
	now := time.Now()
	for i := len(l.idle) - 1; i >= 0; i-- {
		s := l.idle[i]
		old := s.expired(p.set, now)
		if !old && !suits(s) {
			continue
		}
		l.idle = append(l.idle[:i], l.idle[i+1:]...)
		p.idle--
		if !old && quiet(s.raw) {
			return s
		}
		p.drop(l)
		p.quit(s)
	}
	return nil
}

// evict makes room by ending an idle connection that does not suit.
func (p *pool) evict(l *line) bool {
	if len(l.idle) == 0 {
		return false
	}
	s := l.idle[0]
	l.idle = l.idle[1:]
	p.idle--
	p.drop(l)
	p.quit(s)
	return true
}

// leave takes a waiter away. What it was given meanwhile goes to the next.
func (p *pool) leave(k key, l *line, w *waiter) {
	p.mu.Lock()
	for i, x := range l.waiters {
		if x == w {
			l.waiters = append(l.waiters[:i], l.waiters[i+1:]...)
			p.mu.Unlock()
			return
		}
	}
	p.mu.Unlock()
	if s := <-w.ch; s != nil {
		p.put(s)
	} else {
		p.gone(k)
	}
}

// put takes a connection back that can be used again.
func (p *pool) put(s *session) {
	p.mu.Lock()
	defer p.mu.Unlock()
	l := p.line(s.key)
	now := time.Now()
	s.since = now
	switch {
	case p.closed || s.expired(p.set, now) || p.idle >= p.set.MaxIdle:
		p.end(l, s)
	case p.hand(l, s):
	case len(l.waiters) > 0: // who waits can not use it
		p.end(l, s)
	default:
		l.idle = append(l.idle, s)
		p.idle++
		if p.timer == nil {
			p.timer = time.AfterFunc(p.set.IdleTime, p.sweep)
		}
	}
}

// hand gives a connection to somebody who waits for such a one.
func (p *pool) hand(l *line, s *session) bool {
	for i, w := range l.waiters {
		if w.suits(s) {
			l.waiters = append(l.waiters[:i], l.waiters[i+1:]...)
			w.ch <- s
			return true
		}
	}
	return false
}

// end closes a connection that nobody will use again, and lets the next open one.
func (p *pool) end(l *line, s *session) {
	p.drop(l)
	p.quit(s)
	p.grant(l)
}

// opened notes that a connection that may be opened is there.
func (p *pool) opened(k key) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.line(k).live++
}

// lost is for a connection that broke.
func (p *pool) lost(k key) {
	p.mu.Lock()
	defer p.mu.Unlock()
	l := p.line(k)
	p.drop(l)
	p.grant(l)
}

// drop counts a connection that was open.
func (p *pool) drop(l *line) {
	l.live--
	p.count(l, -1)
}

// full is for a connection that the host refused as one too many while it serves others of ours: those are what it
// takes for now. It tells whether there are any, to wait for.
func (p *pool) full(k key, now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	l := p.line(k)
	if l.live < 1 {
		return false
	}
	l.limit, l.steady = float64(l.live), now.Add(p.set.Steady)
	p.count(l, -1)
	return true
}

// gone is for a connection that never came to be.
func (p *pool) gone(k key) {
	p.mu.Lock()
	defer p.mu.Unlock()
	l := p.line(k)
	p.count(l, -1)
	p.grant(l)
}

// count changes how many connections there are, or are being opened.
func (p *pool) count(l *line, by int) {
	l.open += by
	p.metrics.openChanged(by)
}

// grant lets those who wait open connections while there may be more.
func (p *pool) grant(l *line) {
	for len(l.waiters) > 0 && l.open < int(l.limit) {
		w := l.waiters[0]
		l.waiters = l.waiters[1:]
		p.count(l, 1)
		w.ch <- nil
	}
}

// adapt changes how many connections a host may have.
func (p *pool) adapt(k key, well bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	l := p.line(k)
	if well {
		if time.Now().Before(l.steady) {
			return
		}
		l.limit = min(l.limit+1/l.limit, float64(p.set.MaxPerHost))
		p.grant(l)
	} else {
		l.limit = max(l.limit/2, 1)
	}
}

// sweep ends connections that were idle for too long.
func (p *pool) sweep() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return
	}
	now := time.Now()
	for _, l := range p.lines {
		keep := l.idle[:0]
		for _, s := range l.idle {
			if s.expired(p.set, now) {
				p.idle--
				p.end(l, s)
			} else {
				keep = append(keep, s)
			}
		}
		clear(l.idle[len(keep):])
		l.idle = keep
	}
	p.timer = nil
	if p.idle > 0 {
		p.timer = time.AfterFunc(p.set.IdleTime/2+time.Millisecond, p.sweep)
	}
}

// quit says good-bye without holding anybody up. p.mu is held, so that none begins after close.
func (p *pool) quit(s *session) {
	if p.closed {
		s.drop()
		return
	}
	p.quits.Go(func() { s.quit(p.set.Timeouts.Quit) })
}

// close ends the idle connections and waits for that; connections in use end when they are put back.
func (p *pool) close() {
	p.mu.Lock()
	if p.timer != nil {
		p.timer.Stop()
	}
	for _, l := range p.lines {
		for _, s := range l.idle {
			p.end(l, s)
		}
		p.idle -= len(l.idle)
		l.idle = nil
	}
	p.closed = true
	p.mu.Unlock()
	p.quits.Wait()
}

// counts tells how many connections there are, and how many of them are idle.
func (p *pool) counts() (open, idle int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, l := range p.lines {
		open += l.open
	}
	return open, p.idle
}

// remoteName names a host and its address as answers do: "mx1.example.org [192.0.2.1]".
func remoteName(host string, a netip.Addr) string {
	lit := "[" + a.String() + "]"
	if a.Is6() {
		lit = "[IPv6:" + a.WithZone("").String() + "]"
	}
	if host == lit {
		return lit
	}
	return host + " " + lit
}
