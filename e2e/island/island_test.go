package island

import (
	"net"
	"os"
	"strings"
	"testing"
	"time"
)

func TestMain(m *testing.M) { os.Exit(Main(m)) }

// TestNothingIsThereButLoopback: no other interface, no other resolver, no other machine.
func TestNothingIsThereButLoopback(t *testing.T) {
	Need(t)
	all, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range all {
		if i.Flags&net.FlagLoopback == 0 && i.Flags&net.FlagUp != 0 {
			t.Errorf("interface %s is up", i.Name)
		}
	}
	if c, err := net.DialTimeout("udp", "198.51.100.1:53", time.Second); err == nil {
		_ = c.Close()
		t.Error("there is a way to another machine")
	}
	b, err := os.ReadFile("/etc/resolv.conf")
	if err != nil || !strings.HasPrefix(string(b), "nameserver 127.0.0.1\n") {
		t.Errorf("resolv.conf: %q %v", b, err)
	}
}

// TestTheSystemsLogIsOurs: what a program gives to syslog can be read, and devices are still devices.
func TestTheSystemsLogIsOurs(t *testing.T) {
	Need(t)
	c, err := net.Dial("unixgram", "/dev/log")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Write([]byte("<22>Nov 22 10:00:00 postfix/smtpd[1]: hello")); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(time.Minute); Log("postfix/smtpd") == ""; {
		if time.Now().After(end) {
			t.Fatal("the line was not taken")
		}
		time.Sleep(time.Millisecond)
	}
	if b := make([]byte, 4); os.WriteFile("/dev/null", b, 0) != nil {
		t.Error("/dev/null is gone")
	}
	if st, err := os.Stat("/dev/null"); err != nil || st.Mode()&os.ModeCharDevice == 0 {
		t.Errorf("/dev/null: %v %v", st, err)
	}
}

// TestPortsOfServersAreFree: mail and names are served where the world looks for them.
func TestPortsOfServersAreFree(t *testing.T) {
	Need(t)
	for _, a := range []string{"127.0.0.1:25", "127.0.1.9:25", Resolver} {
		l, err := net.Listen("tcp", a)
		if err != nil {
			t.Errorf("%s: %v", a, err)
			continue
		}
		_ = l.Close()
	}
}
