package imap

import (
	"bytes"
	"context"
	"encoding/base64"

	"barid/mail/account"
	"barid/mail/mailbox"
)

const otherUser = "demo@example.test"

// addAccount makes a further account.
func (w *world) addAccount(name string) *mailbox.Account {
	w.t.Helper()
	ctx := context.Background()
	a, err := w.imap.Accounts.(*account.Directory).AddAccount(ctx, account.Account{Name: name, Addresses: []string{name}}, testPassword)
	must(w.t, err)
	box := w.mail.Account(a.ID)
	must(w.t, box.Init(ctx, mailbox.Quota{}))
	return box
}

// loginAs connects and logs another account in.
func (w *world) loginAs(name string) *client {
	w.t.Helper()
	c := w.dial()
	if lines := c.try("AUTHENTICATE PLAIN %s", plainResponse(name)); lines[len(lines)-1][:2] != "OK" {
		w.t.Fatalf("login of %s: %q", name, lines)
	}
	return c
}

func make2k() []byte {
	return append([]byte("Subject: x\r\n\r\n"), bytes.Repeat([]byte("x"), 2048-14)...)
}

func plainResponse(name string) string {
	return base64.StdEncoding.EncodeToString([]byte("\x00" + name + "\x00" + testPassword))
}
