package embedded

import (
	"syscall"
	"time"
)

// nap sleeps for about d, to some ten microseconds. It may end early.
func nap(d time.Duration) {
	t := syscall.NsecToTimespec(int64(d))
	_ = syscall.Nanosleep(&t, nil) // broken off by a signal: shorter
}
