package island

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// leave runs this program again in namespaces of its own and gives its exit code.
func leave() int {
	warm()
	// The inside must not see temporary files of programs outside: it can not tell whether their processes live.
	dir, err := os.MkdirTemp(outer(), "bi") // short, as sockets are made below it
	if err == nil {
		err = os.Chmod(dir, 0o755) // peers walk there as their own users
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "island:", err)
		return 1
	}
	defer os.RemoveAll(dir)
	runtime.LockOSThread() // Pdeathsig goes by the thread
	defer runtime.UnlockOSThread()
	cmd := again(atFirst)
	cmd.Env = append(cmd.Env, "TMPDIR="+dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS | syscall.CLONE_NEWPID, Pdeathsig: syscall.SIGKILL,
	}
	err = cmd.Run()
	if cmd.ProcessState == nil {
		fmt.Fprintln(os.Stderr, "island: namespaces can not be made here (a container needs CAP_SYS_ADMIN):", err)
		return 1
	}
	return cmd.ProcessState.ExitCode()
}

// covered are the folders that the inside has others of.
func covered() []string { return []string{"/run", "/var/spool", "/var/lib", "/dev", "/etc", "/proc"} }

// outer gives where temporary folders are that the inside sees, "" for where they always are.
func outer() string {
	dir := os.TempDir() + "/"
	for _, place := range covered() {
		if strings.HasPrefix(dir, place+"/") {
			return "/tmp"
		}
	}
	return ""
}

func again(at string) *exec.Cmd {
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Args[0] = os.Args[0]
	cmd.Env = append(os.Environ(), stage+"="+at)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	return cmd
}

// reap is the first process of the namespace: it starts the program, waits for whatever becomes an orphan, and ends
// everybody by its own end.
func reap() int {
	if err := ownProc(); err != nil {
		fmt.Fprintln(os.Stderr, "island:", err)
		return 1
	}
	cmd := again(atInside)
	if err := cmd.Start(); err != nil {
		fmt.Fprintln(os.Stderr, "island:", err)
		return 1
	}
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, 0, nil)
		switch {
		case errors.Is(err, syscall.EINTR):
		case err != nil:
			fmt.Fprintln(os.Stderr, "island: waiting:", err)
			return 1
		case pid == cmd.Process.Pid && status.Signaled():
			return 128 + int(status.Signal())
		case pid == cmd.Process.Pid:
			return status.ExitStatus()
		}
	}
}

// ownProc shows the processes of the namespace in /proc, and keeps mounts from going outside.
func ownProc() error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("making mounts private (if this is a chroot, its folder must be a mount): %w", err)
	}
	if err := unix.Mount("proc", "/proc", "proc", 0, ""); err != nil {
		return fmt.Errorf("mounting /proc: %w", err)
	}
	return nil
}

// settle makes the inside: loopback up, /etc, places that peers write to whatever their configuration says.
func settle() error {
	if err := loopback(); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "barid-island-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) // what is mounted stays
	for _, place := range []string{"/run", "/var/spool", "/var/lib"} {
		if err := unix.Mount("tmpfs", place, "tmpfs", 0, "mode=755"); err != nil {
			return fmt.Errorf("mounting %s: %w", place, err)
		}
	}
	if err := ownDev(dir); err != nil {
		return err
	}
	if err := listenLog(); err != nil {
		return err
	}
	return ownEtc(filepath.Join(dir, "etc"))
}

// address is a second one of loopback (RFC 5737 §3): resolvers of peers ask for no addresses on a machine that has only 127.0.0.1.
func address() []byte { return []byte{192, 0, 2, 1} }

// loopback brings the only interface up.
func loopback() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	lo, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	lo.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	if err := unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, lo); err != nil {
		return fmt.Errorf("bringing loopback up: %w", err)
	}
	second, err := unix.NewIfreq("lo:1")
	if err != nil {
		return err
	}
	if err := second.SetInet4Addr(address()); err != nil {
		return err
	}
	if err := unix.IoctlIfreq(fd, unix.SIOCSIFADDR, second); err != nil {
		return fmt.Errorf("giving loopback a second address: %w", err)
	}
	return nil
}

// texts are the files of /etc that are other ones inside.
func texts() map[string]string {
	return map[string]string{
		"resolv.conf":   "nameserver 127.0.0.1\noptions timeout:1 attempts:2\n",
		"hosts":         "127.0.0.1 localhost\n",
		"nsswitch.conf": "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\nservices: files\nprotocols: files\n",
		"host.conf":     "multi on\n",
	}
}

// people are users that packages make, for programs that are not installed as packages: name, then id.
func people() map[string]int {
	return map[string]int{"Debian-exim": 64001, "opensmtpd": 64002, "opensmtpq": 64003}
}

// ownEtc puts a copy over /etc.
func ownEtc(dir string) error {
	const size = "mode=755,size=256m"
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, size); err != nil {
		return fmt.Errorf("mounting a new /etc: %w", err)
	}
	if out, err := exec.Command("cp", "-a", "/etc/.", dir).CombinedOutput(); err != nil {
		return fmt.Errorf("copying /etc: %w\n%s", err, out)
	}
	for name, text := range texts() {
		path := filepath.Join(dir, name)
		_ = os.Remove(path) // it may be a link to a file outside
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			return err
		}
	}
	for name, id := range people() {
		if err := enroll(dir, name, id); err != nil {
			return err
		}
	}
	if err := unix.Mount(dir, "/etc", "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("mounting the new /etc: %w", err)
	}
	return unix.Unmount(dir, 0)
}

// enroll adds a user and a group to a copy of /etc, unless they are there.
func enroll(etc, name string, id int) error {
	for file, line := range map[string]string{
		"passwd": fmt.Sprintf("%s:x:%d:%d::/nonexistent:/usr/sbin/nologin\n", name, id, id),
		"group":  fmt.Sprintf("%s:x:%d:\n", name, id),
	} {
		path := filepath.Join(etc, file)
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if strings.HasPrefix(string(b), name+":") || strings.Contains(string(b), "\n"+name+":") {
			continue
		}
		if err := os.WriteFile(path, append(b, line...), 0o644); err != nil {
			return err
		}
	}
	return nil
}
