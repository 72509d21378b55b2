package app

import (
	"net"
	"os"
	"os/user"
	"strconv"
	"syscall"

	"barid/base/fault"

	"golang.org/x/sys/unix"
)

// userOf gives the name of the user at the other end of a unix socket, or "uid-1000" for one without a name.
func userOf(c net.Conn) string {
	u, ok := c.(*net.UnixConn)
	if !ok {
		return ""
	}
	raw, err := u.SyscallConn()
	if err != nil {
		return ""
	}
	var cred *unix.Ucred
	if ctl := raw.Control(func(fd uintptr) { cred, err = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) }); ctl != nil || err != nil {
		return ""
	}
	id := strconv.FormatUint(uint64(cred.Uid), 10)
	if who, err := user.LookupId(id); err == nil {
		return who.Username
	}
	return "uid-" + id
}

// ownFolder makes the process a process of the folder's owner if it is root's, and refuses it if it is somebody
// else's: files that the server's user may not write would keep the server from starting.
func ownFolder(folder string) error {
	fi, err := os.Stat(folder)
	if err != nil {
		return err
	}
	st, ok := fi.Sys().(*syscall.Stat_t)
	if !ok || int(st.Uid) == os.Geteuid() {
		return nil
	}
	if os.Geteuid() == 0 {
		if err = syscall.Setgroups(nil); err == nil {
			if err = syscall.Setgid(int(st.Gid)); err == nil {
				err = syscall.Setuid(int(st.Uid))
			}
		}
		if err == nil {
			return nil
		}
	}
	return fault.New("B3005", "the data folder %s belongs to another user", folder).Wrap(err).
		WithMeans("only its owner, or root, may open it while no server runs").WithFix("barid serve")
}
