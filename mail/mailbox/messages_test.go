package mailbox

import (
	"context"
	"errors"
	"slices"
	"testing"

	"barid/mail"
)

func TestMessages(t *testing.T) {
	came := 0
	w := newWorld(t, Options{Appended: func(id mail.AccountID, n int) {
		if id == 7 {
			came += n
		}
	}})
	for range 300 {
		w.deliver(text("", "", "", "x"), Destination{Account: 7})
	}
	if came != 300 {
		t.Errorf("told of %d messages", came)
	}
	var seen []MsgNo
	a := w.Account(7)
	note := func(m MsgNo, c *Cold) error {
		if c == nil || c.Blob.IsZero() {
			t.Fatalf("message %d has no record", m)
		}
		b, err := a.Bytes(context.Background(), c)
		if err != nil {
			t.Fatal(err)
		}
		seen = append(seen, m)
		return b.Close()
	}
	last, err := a.Messages(context.Background(), 0, 250, note)
	if err != nil || len(seen) != 250 || last != seen[249] {
		t.Fatalf("%d messages up to %d, %v", len(seen), last, err)
	}
	if last, err = a.Messages(context.Background(), last, 250, note); err != nil || len(seen) != 300 || !slices.IsSorted(seen) {
		t.Fatalf("%d messages up to %d, %v", len(seen), last, err)
	}
	if again, err := a.Messages(context.Background(), last, 1, note); err != nil || again != last {
		t.Error("there are no more")
	}
	stop := errors.New("stop")
	if _, err := a.Messages(context.Background(), 0, 9, func(MsgNo, *Cold) error { return stop }); !errors.Is(err, stop) {
		t.Error("the error of f must end it")
	}
	var numbers []MsgNo
	if err := a.Numbers(context.Background(), seen[3], seen[298], func(m MsgNo) { numbers = append(numbers, m) }); err != nil || !slices.Equal(numbers, seen[3:299]) {
		t.Errorf("%d numbers, %v", len(numbers), err)
	}
}
