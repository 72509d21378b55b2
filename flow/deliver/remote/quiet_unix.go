//go:build unix

package remote

import (
	"net"
	"syscall"
)

// quiet tells whether an idle connection still stands and its server has said nothing: not closed it, nor sent
// a 421. It asks the system without taking anything from the connection.
func quiet(nc net.Conn) bool {
	sc, ok := nc.(syscall.Conn)
	if !ok {
		return true
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return false
	}
	var peek [1]byte
	silent := false
	err = raw.Read(func(fd uintptr) bool {
		_, _, e := syscall.Recvfrom(int(fd), peek[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		silent = e == syscall.EAGAIN || e == syscall.EWOULDBLOCK || e == syscall.EINTR
		return true
	})
	return err == nil && silent
}
