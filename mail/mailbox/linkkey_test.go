package mailbox

import (
	"bytes"
	"testing"
)

// TestLinkKeysAreForgottenEverywhere: what one handle remembers of a key ends when another one changes it.
func TestLinkKeysAreForgottenEverywhere(t *testing.T) {
	w := newWorld(t, Options{})
	a, b := w.open(1, "INBOX"), w.open(1, "INBOX")
	get := func(m *Mailbox, create bool) []byte {
		t.Helper()
		key, err := m.LinkKey(ctx, create)
		must(t, err)
		return key
	}
	if get(a, false) != nil || get(b, false) != nil {
		t.Fatal("a key that nobody made")
	}
	first := get(a, true)
	if len(first) != linkKeyBytes || !bytes.Equal(get(b, false), first) || !bytes.Equal(get(b, true), first) {
		t.Fatal("the other handle does not see the key")
	}
	must(t, b.DropLinkKey(ctx))
	if get(a, false) != nil {
		t.Fatal("the key is there still")
	}
	second := get(b, true)
	if bytes.Equal(second, first) || !bytes.Equal(get(a, false), second) {
		t.Fatal("the second key is the first, or is not seen")
	}
	must(t, w.Account(1).DropLinkKeys(ctx))
	if get(a, false) != nil || get(b, false) != nil {
		t.Fatal("a key outlived all")
	}
}
