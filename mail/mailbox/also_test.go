package mailbox

import (
	"context"
	"errors"
	"testing"

	"barid/base/kv"
	"barid/mail"
)

// TestAlsoIsInTheSameCommit: what is written beside a delivery is there if and only if the delivery is.
func TestAlsoIsInTheSameCommit(t *testing.T) {
	ctx := context.Background()
	queue := kv.Part{Kind: kv.Queue, ID: 7}
	broken := errors.New("no")
	for _, c := range []struct {
		name string
		to   []Destination
		fail error
	}{
		{"with mailboxes", []Destination{{Account: 1}, {Account: 2}}, nil},
		{"without mailboxes", nil, nil},
		{"refused", []Destination{{Account: 1}}, broken},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, Options{})
			m, done := put(t, w.mem, text("a@example.test", "", "", "x"))
			defer done()
			out, err := w.DeliverAlso(ctx, m, c.to, Also{Part: queue, Do: func(txn kv.Txn) error {
				txn.Put(mail.TableMeta, []byte("k"), []byte("v"))
				return c.fail
			}})
			if !errors.Is(err, c.fail) || err == nil && len(out) != len(c.to) {
				t.Fatalf("%v %v", out, err)
			}
			there := false
			if err := w.mem.View(ctx, queue, func(r kv.Reader) (err error) {
				_, there, err = r.Get(mail.TableMeta, []byte("k"))
				return err
			}); err != nil || there != (c.fail == nil) {
				t.Errorf("row there: %v, %v", there, err)
			}
			for _, d := range c.to {
				u, err := w.Account(d.Account).Usage(ctx)
				if want := map[bool]int64{true: 1}[c.fail == nil]; err != nil || u.Messages != want {
					t.Errorf("account %d has %d messages, %v", d.Account, u.Messages, err)
				}
			}
		})
	}
}
