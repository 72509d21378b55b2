package server

import (
	"net"
	"strconv"
	"testing"
)

// TestPortsAreNobodyElses asks for more than a block has: each address is free and another one, and the blocks they are
// of can not be taken by anybody else.
func TestPortsAreNobodyElses(t *testing.T) {
	seen := map[string]bool{}
	for range 2 * blockSize {
		addr := FreeAddress(t)
		if seen[addr] {
			t.Errorf("%s was given twice", addr)
		}
		seen[addr] = true
		_, text, _ := net.SplitHostPort(addr)
		port, err := strconv.Atoi(text)
		if err != nil || port < lowestPort || port >= lowestPort+blockCount*blockSize {
			t.Fatalf("%s is outside of the blocks", addr)
		}
		if l, err := listenOn(port - port%blockSize); err == nil {
			_ = l.Close()
			t.Errorf("%s is of a block that nobody keeps", addr)
		}
		l, err := listenOn(port)
		if err != nil {
			t.Fatal(err)
		}
		_ = l.Close()
	}
}
