package commands

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"barid/e2e/server"
)

// TestEveryListenerGoesWhereItIsTold sets the address of every protocol in the file, and by the environment over
// it, on IPv4 and IPv6.
func TestEveryListenerGoesWhereItIsTold(t *testing.T) {
	needTime(t)
	s := server.Start(t, server.Options{})
	for protocol, addr := range s.Addr {
		if err := answers(protocol, addr); err != nil {
			t.Errorf("file: %s on %s: %v", protocol, addr, err)
		}
	}
	s.Stop()
	six, four := server.FreeAddress(t), server.FreeAddress(t)
	if l, err := net.Listen("tcp", "[::1]:0"); err == nil { // containers often have no IPv6
		_ = l.Close()
		six = strings.Replace(six, "127.0.0.1", "[::1]", 1)
	}
	s = server.Start(t, server.Options{Env: []string{fmt.Sprintf("BARID_LISTENER=smtp=%s,imaps=%s", six, four)}})
	for protocol, addr := range map[string]string{"smtp": six, "imaps": four} {
		if err := answers(protocol, addr); err != nil {
			t.Errorf("environment: %s on %s: %v", protocol, addr, err)
		}
	}
	if err := answers("smtp", s.Addr["smtp"]); err == nil {
		t.Error("environment: the address of the file is open too")
	}
}

// TestATakenPortIsNamed starts nothing at all when one address is taken.
func TestATakenPortIsNamed(t *testing.T) {
	needTime(t)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	s := server.Prepare(t, server.Options{})
	out, errs, code := s.Run("serve", "--set", "listener=smtp="+server.FreeAddress(t)+",imaps="+taken.Addr().String())
	if code != 1 || out != "" || !contains(errs, "B1011", "imaps", taken.Addr().String()) {
		t.Errorf("exit %d %q %q", code, out, errs)
	}
	if _, err := os.Stat(filepath.Join(s.Dir, "data/admin.sock")); err == nil {
		t.Error("the admin socket was left behind")
	}
}
