package island

import (
	"fmt"
	"net"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// ownDev puts a folder over /dev that has the devices of the old one, but a /dev/log of ours.
func ownDev(dir string) error {
	old := filepath.Join(dir, "dev")
	if err := os.Mkdir(old, 0o755); err != nil {
		return err
	}
	if err := unix.Mount("/dev", old, "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
		return fmt.Errorf("keeping /dev: %w", err)
	}
	if err := unix.Mount("tmpfs", "/dev", "tmpfs", 0, "mode=755"); err != nil {
		return fmt.Errorf("mounting a new /dev: %w", err)
	}
	all, err := os.ReadDir(old)
	if err != nil {
		return err
	}
	for _, e := range all {
		if err := adopt(old, e); err != nil {
			return fmt.Errorf("taking over /dev/%s: %w", e.Name(), err)
		}
	}
	return unix.Unmount(old, unix.MNT_DETACH)
}

// adopt makes one thing of the old /dev be in the new one.
func adopt(old string, e os.DirEntry) error {
	from, to := filepath.Join(old, e.Name()), filepath.Join("/dev", e.Name())
	switch {
	case e.Name() == "log":
		return nil
	case e.Type()&os.ModeSymlink != 0:
		target, err := os.Readlink(from)
		if err != nil {
			return err
		}
		return os.Symlink(target, to)
	case e.IsDir():
		if err := os.Mkdir(to, 0o755); err != nil {
			return err
		}
	case e.Type()&os.ModeDevice != 0:
		if err := os.WriteFile(to, nil, 0o666); err != nil {
			return err
		}
	default:
		return nil
	}
	return unix.Mount(from, to, "", unix.MS_BIND|unix.MS_REC, "")
}

// listenLog takes what programs write to the system's log.
func listenLog() error {
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: "/dev/log", Net: "unixgram"})
	if err != nil {
		return err
	}
	if err := os.Chmod("/dev/log", 0o666); err != nil {
		return err
	}
	go func() {
		buf := make([]byte, 64<<10)
		for {
			n, err := c.Read(buf)
			if err != nil {
				return
			}
			written.add(buf[:n])
		}
	}()
	return nil
}
