package peer

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"barid/e2e/server"
)

func TestDovecotLetsPeopleIn(t *testing.T) {
	d := StartDovecot(t, DovecotOptions{})
	c, err := net.DialTimeout("tcp", d.Addr, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(time.Minute))
	fmt.Fprintf(c, "a LOGIN info@example.test %s\r\nb SELECT INBOX\r\nc LOGOUT\r\n", server.Password)
	var said strings.Builder
	for in := bufio.NewScanner(c); in.Scan(); {
		said.WriteString(in.Text() + "\n")
	}
	for _, want := range []string{"a OK", "* 0 EXISTS", "b OK", "c OK"} {
		if !strings.Contains(said.String(), want) {
			t.Errorf("no %q in\n%s\n%s", want, said.String(), d.Log())
		}
	}
}
