//go:build unix

package listen

import "syscall"

const canPeek = true

// hasCome reports whether a Read of the socket would not wait: something is there, or its end, or an error.
func hasCome(fd uintptr) bool {
	var one [1]byte
	_, _, err := syscall.Recvfrom(int(fd), one[:], syscall.MSG_PEEK)
	return err != syscall.EAGAIN && err != syscall.EINTR
}
