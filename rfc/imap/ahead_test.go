package imap

import (
	"bufio"
	"strings"
	"testing"
)

func TestNextIs(t *testing.T) {
	for _, c := range []struct {
		came, name string
		want       bool
	}{
		{"a STORE 1 +FLAGS (x)\r\n", "STORE", true},
		{"a store 1 +FLAGS (x)\r\nb NOOP\r\n", "STORE", true},
		{"a UID STORE 1 +FLAGS (x)\r\n", "UID STORE", true},
		{"a uid Store 1 +FLAGS (x)\r\n", "UID STORE", true},
		{"a UID STORE 1 +FLAGS (x)\r\n", "STORE", false},
		{"a STORE 1 +FLAGS (x)\r", "STORE", false},
		{"a STORE 1 +FLAGS (x)", "STORE", false},
		{"a STORE 1 +FLAGS {3}\r\n", "STORE", false},
		{"a STORE 1 +FLAGS {3+}\r\n$xy\r\n", "STORE", false},
		{"a STORED 1\r\n", "STORE", false},
		{"a STORE\r\n", "STORE", false},
		{"a FETCH 1 FLAGS\r\nb STORE 1 +FLAGS x\r\n", "STORE", false},
		{"\r\n", "STORE", false},
		{"* STORE 1 +FLAGS (x)\r\n", "STORE", false},
		{" STORE 1 +FLAGS (x)\r\n", "STORE", false},
		{"a STORE 1 +FLAGS (x\x00)\r\n", "STORE", false},
		{"a STORE 1 +FLAGS (x)\nb STORE 1 +FLAGS (x)\r\n", "STORE", false},
		{"", "STORE", false},
	} {
		br := bufio.NewReader(strings.NewReader(c.came))
		_, _ = br.Peek(1)
		r := NewReader(br, AfterLogin(1<<20), nil)
		if got := r.NextIs(c.name); got != c.want {
			t.Errorf("%q: %s next is %v", c.came, c.name, got)
		}
		if r.Buffered() != len(c.came) {
			t.Errorf("%q: something was taken", c.came)
		}
	}
}
