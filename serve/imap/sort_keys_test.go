package imap

import (
	"bufio"
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"
)

// TestSortWaitsForNoOtherClient: one that does not read what it is told of progress holds up nobody who sorts the same mailbox.
func TestSortWaitsForNoOtherClient(t *testing.T) {
	w := newWorld(t, nil)
	for i := range 200 {
		w.deliver("INBOX", fmt.Appendf(nil, "Subject: %d\r\n\r\n", i))
	}
	w.slow.Store(int64(time.Minute))
	near, far := net.Pipe()
	served := make(chan struct{})
	go func() {
		defer close(served)
		w.imap.ServeConn(t.Context(), &countedConn{Conn: far}, netip.MustParseAddrPort("192.0.2.1:143"))
		_ = far.Close()
	}()
	t.Cleanup(func() { _ = near.Close(); <-served })
	stuck := &client{t: t, conn: near, br: bufio.NewReaderSize(near, 64<<10)}
	stuck.expect("* OK ...")
	stuck.do(`LOGIN %s "%s"`, testUser, testPassword)
	stuck.do("SELECT INBOX")
	stuck.send("s SORT (SUBJECT) UTF-8 ALL\r\n")
	_, err := near.Read(make([]byte, 1)) // of the first notice; nobody reads the rest
	must(t, err)
	c := w.login()
	c.do("SELECT INBOX")
	wantLines(t, c.do("SORT (SUBJECT) UTF-8 1:3"), "* SORT 1 2 3")
}
