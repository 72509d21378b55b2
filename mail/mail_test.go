package mail

import (
	"reflect"
	"testing"
	"time"
)

func TestNoteComesBack(t *testing.T) {
	at := time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)
	for _, n := range []Note{
		{Received: at},
		{Accounts: []AccountID{1, 300, 1 << 40}, Mailbox: "صندوق/وارد", ID: "06h01.3", Received: at},
	} {
		got, err := DecodeNote(n.Append(nil))
		if err != nil || !reflect.DeepEqual(got, n) {
			t.Errorf("%+v came back as %+v, %v", n, got, err)
		}
	}
}

func FuzzDecodeNote(f *testing.F) {
	f.Add(Note{Accounts: []AccountID{7}, Received: time.Unix(5, 0)}.Append(nil))
	f.Add([]byte{1, 0, 255})
	f.Fuzz(func(t *testing.T, b []byte) {
		n, err := DecodeNote(b)
		if err != nil {
			return
		}
		again, err := DecodeNote(n.Append(nil))
		if err != nil || !reflect.DeepEqual(again, n) {
			t.Fatalf("%x: %+v, then %+v, %v", b, n, again, err)
		}
	})
}

func TestProtocolIsTheWithWordOfReceived(t *testing.T) {
	for _, c := range []struct {
		c    Client
		utf8 bool
		want string
	}{
		{Client{}, false, "SMTP"},
		{Client{ESMTP: true}, false, "ESMTP"},
		{Client{ESMTP: true, TLS: "x"}, false, "ESMTPS"},
		{Client{ESMTP: true, TLS: "x", Login: 1}, false, "ESMTPSA"},
		{Client{ESMTP: true, Login: 1}, true, "UTF8SMTPA"},
		{Client{ESMTP: true, Role: RoleLMTP}, false, "LMTP"},
		{Client{ESMTP: true, Role: RoleLMTP, TLS: "x"}, true, "UTF8LMTPS"},
	} {
		if got := c.c.Protocol(c.utf8); got != c.want {
			t.Errorf("%+v, utf8 %v: %s, want %s", c.c, c.utf8, got, c.want)
		}
	}
}
