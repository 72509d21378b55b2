//go:build unix

package listen

import "syscall"

const canPeek = true

// hasCome reports whether a Read of the socket would not wait: something is there, or its end, or an error. It must not be
// wrong about that: the system tells of what has come once.
func hasCome(fd uintptr) bool {
	var one [1]byte
	for {
		if _, _, err := syscall.Recvfrom(int(fd), one[:], syscall.MSG_PEEK); err != syscall.EINTR {
			return err != syscall.EAGAIN
		}
	}
}
