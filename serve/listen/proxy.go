package listen

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	proxyproto "github.com/pires/go-proxyproto"
)

// errProxy is a connection of a trusted network that did not begin with a PROXY header.
var errProxy = errors.New("listen: no valid PROXY header from a trusted network")

// proxyBuffer is read ahead in search of a header, in octets: room for version 2 with its addresses and
// the usual extensions.
const proxyBuffer = 4 << 10

// trusted tells whether a must send a PROXY header.
func (s *Server) trusted(a netip.Addr) bool {
	for _, p := range s.cfg.ProxyTrusted {
		if p.Contains(a.Unmap()) {
			return true
		}
	}
	return false
}

// readProxy reads the PROXY header and gives the connection the addresses in it. A header of kind LOCAL
// or UNKNOWN (a health check of the balancer itself) leaves those of the socket.
func (s *Server) readProxy(c *Conn) error {
	if err := c.sock.SetReadDeadline(time.Now().Add(s.cfg.Limits.ProxyTimeout)); err != nil {
		return err
	}
	br := bufio.NewReaderSize(c.raw, proxyBuffer)
	h, err := proxyproto.Read(br)
	if err != nil {
		return fmt.Errorf("%w: %w", errProxy, err)
	}
	if err := c.sock.SetReadDeadline(time.Time{}); err != nil {
		return err
	}
	if ahead, _ := br.Peek(br.Buffered()); len(ahead) > 0 { // Peek of what is buffered never fails
		p := &prefixConn{Conn: c.raw, prefix: ahead}
		c.raw, c.Conn = p, p
	}
	if src, dst, ok := h.TCPAddrs(); ok && h.Command == proxyproto.PROXY {
		c.Remote, c.Local = addrPort(src), addrPort(dst)
	}
	return nil
}

// addrPort gives the address of a socket, IPv4 in its own form; zero if it has none.
func addrPort(a net.Addr) netip.AddrPort {
	t, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.AddrPort{}
	}
	ap := t.AddrPort()
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}
