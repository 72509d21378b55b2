//go:build unix

package embedded

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
	"golang.org/x/sys/unix"
)

// lockHolder names who keeps us from locking path, or gives "" if the failure was something else.
func lockHolder(fs vfs.FS, path string, cause error) string {
	if strings.Contains(cause.Error(), ownLock) {
		return fmt.Sprintf("this process (pid %d)", os.Getpid())
	}
	if !errors.Is(cause, unix.EAGAIN) && !errors.Is(cause, unix.EACCES) {
		return ""
	}
	if vfs.Root(fs) != vfs.Default {
		return "another process"
	}
	f, err := os.Open(path) // this process holds no lock on it, so closing it drops none
	if err != nil {
		return ""
	}
	defer f.Close()
	l := unix.Flock_t{Type: unix.F_WRLCK, Whence: io.SeekStart}
	err = unix.FcntlFlock(f.Fd(), unix.F_GETLK, &l)
	switch {
	case err != nil:
		return ""
	case l.Type == unix.F_UNLCK || l.Pid <= 0:
		return "another process" // just gone, or outside our process namespace
	default:
		return fmt.Sprintf("the process with pid %d", l.Pid)
	}
}
