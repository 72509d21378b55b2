package mailbox

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"

	"barid/mail"
)

func TestAnnotationsAreOfTheirReaderAndMailbox(t *testing.T) {
	w := newWorld(t, Options{})
	ctx := context.Background()
	a := w.Account(7)
	if _, err := a.Create(ctx, "Work", UseNone); err != nil {
		t.Fatal(err)
	}
	set := func(box string, reader mail.AccountID, pairs ...string) {
		t.Helper()
		var as []Annotation
		for i := 0; i < len(pairs); i += 2 {
			as = append(as, Annotation{pairs[i], []byte(pairs[i+1])})
		}
		if err := a.Annotate(ctx, Whose{Mailbox: box, Reader: reader}, as); err != nil {
			t.Fatal(err)
		}
	}
	get := func(box string, reader mail.AccountID) (out []string) {
		t.Helper()
		err := a.Annotations(ctx, Whose{Mailbox: box, Reader: reader}, func(n Annotation) error {
			out = append(out, n.Entry+"="+string(n.Value))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	set("Work", 7, "/private/comment", "mine", "/shared/comment", "ours")
	set("Work", 8, "/private/comment", "his")
	set("", 7, "/private/vendor/a/b", "")
	w.restart()
	a = w.Account(7)
	for _, c := range []struct {
		box    string
		reader mail.AccountID
		want   []string
	}{
		{"Work", 7, []string{"/shared/comment=ours", "/private/comment=mine"}},
		{"Work", 8, []string{"/shared/comment=ours", "/private/comment=his"}},
		{"Work", 9, []string{"/shared/comment=ours"}},
		{"", 7, []string{"/private/vendor/a/b="}},
		{"Sent", 7, []string{"/private/specialuse=\\Sent"}},
		{"Sent", 8, nil},
	} {
		if got := get(c.box, c.reader); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%q for %d: %q, want %q", c.box, c.reader, got, c.want)
		}
	}
	w.check(7)
	if err := a.Delete(ctx, "Work"); err != nil {
		t.Fatal(err)
	}
	w.check(7)
}

func TestAnnotationsHaveLimits(t *testing.T) {
	w := newWorld(t, Options{})
	ctx := context.Background()
	a := w.Account(7)
	big := bytes.Repeat([]byte("x"), MaxAnnotationBytes)
	whose := Whose{Mailbox: Inbox, Reader: 7}
	if err := a.Annotate(ctx, whose, []Annotation{{"/shared/a", append(big, 'x')}}); !errors.Is(err, ErrAnnotationSize) {
		t.Errorf("too big: %v", err)
	}
	for i := range MaxAnnotations {
		if err := a.Annotate(ctx, whose, []Annotation{{fmt.Sprintf("/shared/%d", i), []byte("x")}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := a.Annotate(ctx, whose, []Annotation{{"/shared/0", nil}, {"/shared/x", []byte("x")}, {"/private/x", []byte("x")}}); !errors.Is(err, ErrAnnotationMany) {
		t.Errorf("too many: %v", err)
	}
	w.check(7)
	var full error
	for i := 0; full == nil; i++ {
		name := fmt.Sprintf("M%d", i/100)
		if i%100 == 0 {
			if _, err := a.Create(ctx, name, UseNone); err != nil {
				t.Fatal(err)
			}
		}
		full = a.Annotate(ctx, Whose{Mailbox: name, Reader: 7}, []Annotation{{fmt.Sprintf("/shared/%d", i), big}})
	}
	if !errors.Is(full, ErrAnnotationMany) {
		t.Errorf("too much: %v", full)
	}
	w.check(7)
	if err := a.Delete(ctx, "M0"); err != nil {
		t.Fatal(err)
	}
	if err := a.Annotate(ctx, Whose{Mailbox: "M1", Reader: 7}, []Annotation{{"/shared/x", big}}); err != nil {
		t.Errorf("after room was made: %v", err)
	}
	w.check(7)
}

func TestRights(t *testing.T) {
	for _, c := range []struct {
		in   string
		want string
		ok   bool
	}{
		{"", "", true},
		{"lrs", "lrs", true},
		{"aetxkpiwsrl", "lrswipkxtea", true}, // p is known, but nobody has it
		{"c", "kx", true},
		{"d", "te", true},
		{"lrQ", "", false},
		{"q", "", false},
		{"L", "", false},
		{"0", "", false},
	} {
		got, ok := ParseRights(c.in)
		if ok != c.ok || ok && got.String() != c.want {
			t.Errorf("%q is %s, %v", c.in, got, ok)
		}
	}
}

// TestGrantsAddUp: RFC 4314 §2, rights of an account are those granted to it and to anyone, without those taken away.
func TestGrantsAddUp(t *testing.T) {
	w := newWorld(t, Options{})
	ctx := context.Background()
	a := w.Account(7)
	if _, err := a.Create(ctx, "Work", UseNone); err != nil {
		t.Fatal(err)
	}
	grant := func(name string, who mail.AccountID, negative bool, rights string, mode Mode) {
		t.Helper()
		r, _ := ParseRights(rights)
		if err := a.SetGrant(ctx, name, Grant{Account: who, Negative: negative, Rights: r}, mode); err != nil {
			t.Fatal(err)
		}
	}
	want := func(name string, who mail.AccountID, rights string) {
		t.Helper()
		if r, err := a.Rights(ctx, name, Reader{who, true}); err != nil || r.String() != rights {
			t.Errorf("%d may %q with %s, %v, want %q", who, r, name, err, rights)
		}
	}
	grant("Work", 8, false, "lrs", Replace)
	grant("Work", 8, false, "wip", Add)
	grant("Work", 8, false, "s", Remove)
	grant("Work", 0, false, "lp", Replace)
	grant("Work", 8, true, "r", Replace)
	want("Work", 7, AllRights.String())
	want("Work", 8, "lwi")
	want("Work", 9, "l")
	if r, err := a.Rights(ctx, "Work", Reader{9, false}); err != nil || r != NoRights {
		t.Errorf("a stranger may %s, %v", r, err)
	}
	if _, err := a.Create(ctx, "Work/2026", UseNone); err != nil {
		t.Fatal(err)
	}
	want("Work/2026", 8, "lwi")
	if err := a.Rename(ctx, "Work", "Arbeit"); err != nil {
		t.Fatal(err)
	}
	w.restart()
	a = w.Account(7)
	want("Arbeit/2026", 8, "lwi")
	shared := func(who mail.AccountID, want ...mail.AccountID) {
		t.Helper()
		if got, err := w.SharedWith(ctx, who); err != nil || !slices.Equal(got, want) {
			t.Errorf("%v share with %d, %v, want %v", got, who, err, want)
		}
	}
	shared(8, 7)
	shared(9, 7) // with anyone
	shared(7)
	if err := a.Delete(ctx, "Arbeit"); err != nil { // the name stays for what is below
		t.Fatal(err)
	}
	if _, err := a.Create(ctx, "Arbeit", UseNone); err != nil {
		t.Fatal(err)
	}
	want("Arbeit", 8, "")
	for _, name := range []string{"Arbeit/2026", "Arbeit"} {
		for _, g := range []Grant{{Account: 8}, {Account: 8, Negative: true}, {Account: 0}} {
			if err := a.SetGrant(ctx, name, g, Replace); err != nil {
				t.Fatal(err)
			}
		}
	}
	shared(8)
	shared(9)
	w.check(7)
	for i := range MaxGrants {
		grant("Arbeit", mail.AccountID(100+i), false, "l", Replace)
	}
	if err := a.SetGrant(ctx, "Arbeit", Grant{Account: 99, Rights: RightRead}, Add); !errors.Is(err, ErrGrants) {
		t.Errorf("%d grants and one more: %v", MaxGrants, err)
	}
	if err := a.Remove(ctx); err != nil {
		t.Fatal(err)
	}
	shared(100)
}

// TestWatchersMissNothing: whatever happens between two looks is in one of them, and takes bounded room.
func TestWatchersMissNothing(t *testing.T) {
	w := newWorld(t, Options{})
	ctx := context.Background()
	a := w.Account(7)
	if err := a.Init(ctx, Quota{}); err != nil {
		t.Fatal(err)
	}
	wake, ring := bell()
	watch := a.Watch(ring, nil)
	defer watch.Close()
	old, err := a.Names(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.Create(ctx, "Work", UseNone); err != nil {
		t.Fatal(err)
	}
	if err := a.Rename(ctx, "Junk", "Spam"); err != nil {
		t.Fatal(err)
	}
	if err := a.Subscribe(ctx, "Trash", false); err != nil {
		t.Fatal(err)
	}
	if err := a.Delete(ctx, "Archive"); err != nil {
		t.Fatal(err)
	}
	for i := range maxMarks + 1 {
		box := [...]string{Inbox, "Work"}[i%2]
		for _, v := range []string{"x", "y"} {
			if err := a.Annotate(ctx, Whose{Mailbox: box, Reader: 7}, []Annotation{{fmt.Sprintf("/shared/%d", i), []byte(v)}}); err != nil {
				t.Fatal(err)
			}
		}
	}
	w.deliver(text("a@x", "", "", "s"), Destination{Account: 7})
	select {
	case <-wake:
	default:
		t.Error("nobody woke the watcher")
	}
	news := watch.Take()
	if len(news.Marks) != maxMarks || !news.Lost {
		t.Errorf("%d annotations, lost is %v", len(news.Marks), news.Lost)
	}
	inbox, _ := a.Find(ctx, Inbox)
	if !reflect.DeepEqual(news.Boxes, []ID{inbox.ID, 6}) && !reflect.DeepEqual(news.Boxes, []ID{inbox.ID}) {
		t.Errorf("mailboxes %v", news.Boxes)
	}
	now, err := a.Names(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	now.Since(old, func(was, is Info) { got = append(got, was.Name+">"+is.Name) })
	if want := []string{"Trash>Trash", "Junk>Spam", "Archive>", ">Work", ">Archive"}; !reflect.DeepEqual(got, want) {
		t.Errorf("names changed: %q, want %q", got, want)
	}
	if news := watch.Take(); len(news.Boxes)+len(news.Marks) > 0 || news.Lost {
		t.Errorf("told twice: %+v", news)
	}
}
