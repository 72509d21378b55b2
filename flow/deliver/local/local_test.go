package local

import (
	"context"
	"errors"
	"testing"

	"barid/mail"
	"barid/mail/mailbox"
)

// box counts commits and keeps destinations.
type box struct {
	calls int
	to    []mailbox.Destination
	also  int
	err   error
}

func (b *box) DeliverAlso(_ context.Context, _ *mailbox.Message, to []mailbox.Destination, also ...mailbox.Also) ([]mailbox.Delivered, error) {
	b.calls++
	b.to, b.also = to, len(also)
	return make([]mailbox.Delivered, len(to)), b.err
}

func TestOneCommitOnceForEachAccount(t *testing.T) {
	b := &box{}
	got, err := New(b).Deliver(t.Context(), &mailbox.Message{}, []Recipient{{Account: 3}, {Account: 1, Detail: "lists"}, {Account: 3}}, mailbox.Also{})
	if err != nil || b.calls != 1 || len(got) != 2 || b.also != 1 {
		t.Fatalf("%d commits with %d more writes, %v, %v", b.calls, b.also, got, err)
	}
	for i, id := range []mail.AccountID{3, 1} {
		if d := b.to[i]; d.Account != id || d.Mailbox != "" {
			t.Errorf("destination %d: %+v", i, d)
		}
	}
}

func TestErrorsPass(t *testing.T) {
	b := &box{err: &mailbox.OverQuota{}}
	if _, err := New(b).Deliver(t.Context(), &mailbox.Message{}, []Recipient{{Account: 1}}); !errors.Is(err, mailbox.ErrOverQuota) {
		t.Error(err)
	}
}
