package quota

import (
	"context"
	"errors"
	"testing"

	"barid/flow/policy"
	"barid/mail"
	"barid/mail/mailbox"
)

// left gives bytes left by account; an account that is not there fails.
func left(rooms map[mail.AccountID]int64) *Check {
	return &Check{func(_ context.Context, id mail.AccountID) (mailbox.Usage, error) {
		n, ok := rooms[id]
		if !ok {
			return mailbox.Usage{}, errors.New("unreadable")
		}
		return mailbox.Usage{Bytes: 5000, Messages: 3, Quota: mailbox.Quota{Bytes: 5000 + n}}, nil
	}}
}

func TestQuota(t *testing.T) {
	c := left(map[mail.AccountID]int64{1: 1 << 20, 2: 100})
	for _, x := range []struct {
		name  string
		ids   []mail.AccountID
		size  int64
		found int
		err   bool
	}{
		{"room", []mail.AccountID{1}, 4096, 0, false},
		{"declared size too big", []mail.AccountID{1}, 1 << 20, 1, false},
		{"full, size not declared", []mail.AccountID{2}, 0, 1, false},
		{"one member of an alias is full", []mail.AccountID{1, 2}, 10, 1, false},
		{"unreadable", []mail.AccountID{3}, 10, 0, true},
	} {
		t.Run(x.name, func(t *testing.T) {
			found, err := c.Run(t.Context(), &policy.Tx{Accounts: x.ids, Size: x.size})
			if len(found) != x.found || (err != nil) != x.err {
				t.Fatalf("found %v, err %v", found, err)
			}
		})
	}
}

func TestFits(t *testing.T) {
	for _, x := range []struct {
		u    mailbox.Usage
		size int64
		want bool
	}{
		{mailbox.Usage{Bytes: 1 << 40, Messages: 1 << 40}, 1, true}, // no limits
		{mailbox.Usage{Bytes: 90, Quota: mailbox.Quota{Bytes: 100}}, 10, true},
		{mailbox.Usage{Bytes: 90, Quota: mailbox.Quota{Bytes: 100}}, 11, false},
		{mailbox.Usage{Messages: 9, Quota: mailbox.Quota{Messages: 10}}, 1, true},
		{mailbox.Usage{Messages: 10, Quota: mailbox.Quota{Messages: 10}}, 1, false},
		{mailbox.Usage{Bytes: 200, Quota: mailbox.Quota{Bytes: 100}}, 1, false},
	} {
		if got := fits(x.u, x.size); got != x.want {
			t.Errorf("fits(%+v, %d) = %v", x.u, x.size, got)
		}
	}
}
