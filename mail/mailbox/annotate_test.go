package mailbox

import (
	"context"
	"testing"
)

// TestAnnotationsMoveTheModSeq is RFC 7162 §3.2: SETMETADATA of a mailbox gives it a new modseq, which a View shows and
// which is there after a restart; its messages keep theirs.
func TestAnnotationsMoveTheModSeq(t *testing.T) {
	w := newWorld(t, Options{})
	ctx := context.Background()
	w.deliver(text("a@x", "", "", "s"), Destination{Account: 7})
	a := w.Account(7)
	status := func() ModSeq {
		t.Helper()
		st, err := w.Account(7).Status(ctx, Inbox)
		if err != nil {
			t.Fatal(err)
		}
		return st.HighestModSeq
	}
	annotate := func(box string) {
		t.Helper()
		if err := a.Annotate(ctx, Whose{Mailbox: box, Reader: 7}, []Annotation{{"/private/comment", []byte("x")}}); err != nil {
			t.Fatal(err)
		}
	}
	before := status()
	annotate(Inbox)
	closed := status()
	if closed <= before {
		t.Errorf("modseq %d after %d", closed, before)
	}
	box, err := a.Open(ctx, Inbox)
	if err != nil {
		t.Fatal(err)
	}
	was := box.View()
	annotate(Inbox)
	if now := box.View(); now.HighestModSeq() <= closed || now.At(0) != was.At(0) {
		t.Errorf("modseq %d after %d, message %+v, was %+v", now.HighestModSeq(), closed, now.At(0), was.At(0))
	}
	box.Close()
	last := status()
	annotate("Sent")
	annotate("")
	if status() != last {
		t.Error("annotations of others moved the modseq")
	}
	w.restart()
	if status() != last {
		t.Errorf("modseq %d after a restart, was %d", status(), last)
	}
	w.check(7)
}
