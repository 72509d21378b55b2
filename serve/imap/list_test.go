package imap

import (
	"testing"

	"barid/mail/mailbox"
	"barid/rfc/imap"
)

// TestListOfWhatGoesMeanwhile is RFC 5819 §2: a mailbox that is deleted between the list and its STATUS has none, and the LIST
// response says that it can not be selected.
func TestListOfWhatGoesMeanwhile(t *testing.T) {
	w := newWorld(t, nil)
	l := &lister{s: &session{srv: w.imap, ctx: t.Context()}, List: imap.List{Return: imap.ListStatus, Status: []string{"MESSAGES"}}}
	for name, gone := range map[string]bool{"Sent": false, "Went": true} {
		n := &named{Info: mailbox.Info{Name: name}, at: place{
			Meaning: mailbox.Meaning{Name: name, Exists: true}, account: w.acct, rights: mailbox.AllRights,
		}}
		st, err := l.standing(n)
		must(t, err)
		if (st == nil) != gone || n.NoSelect != gone {
			t.Errorf("%s: %v, %v", name, st, n.NoSelect)
		}
	}
}
