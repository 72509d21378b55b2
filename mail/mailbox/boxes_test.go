package mailbox

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

func names(infos []Info) (out []string) {
	for _, i := range infos {
		s := i.Name
		if i.NoSelect {
			s += " noselect"
		}
		if i.NonExistent {
			s += " gone"
		}
		if i.HasChildren {
			s += " +"
		}
		out = append(out, s)
	}
	return out
}

func (w *world) list(want ...string) {
	w.t.Helper()
	infos, err := w.Account(1).List(ctx)
	must(w.t, err)
	if got := names(infos); !slices.Equal(got, want) {
		w.t.Errorf("mailboxes %q, want %q", got, want)
	}
	w.check(1)
}

func TestNewAccount(t *testing.T) {
	w := newWorld(t, Options{})
	w.list("INBOX", "Archive", "Drafts", "Junk", "Sent", "Trash")
	infos, _ := w.Account(1).List(ctx)
	for _, i := range infos {
		if !i.Subscribed || i.Name != Inbox && i.Use.Attr() != `\`+i.Name {
			t.Errorf("%+v", i)
		}
		if i.UIDValidity < uint32(epoch.Unix()) {
			t.Errorf("UIDVALIDITY %d does not follow the clock", i.UIDValidity)
		}
	}
	must(t, w.Account(1).Init(ctx, Quota{Bytes: 5}))
	if u, _ := w.Account(1).Usage(ctx); u.Quota.Bytes != 5 {
		t.Errorf("%+v", u)
	}
}

func TestCleanName(t *testing.T) {
	good := map[string]string{
		"inbox": "INBOX", "InBox/Sub": "INBOX/Sub", "inboxes": "inboxes", "a/b": "a/b", "پوشه": "پوشه",
		"e\u0301": "\u00e9", "a b": "a b", "Δ/&": "Δ/&", "x/inbox": "x/inbox",
		strings.Repeat("a", MaxNameBytes): strings.Repeat("a", MaxNameBytes),
	}
	for in, want := range good {
		if got, err := CleanName(in); err != nil || got != want {
			t.Errorf("%q: %q, %v", in, got, err)
		}
	}
	for _, bad := range []string{
		"", "/", "/a", "a/", "a//b", "a\x00", "a\nb", "\x7f", "\u0085", "a*", "%", "\xff", "\u2028", "a\ufffd", "//", "a///b", "\ufeffa", "a\ufdd0", "\U0001ffff",
		strings.Repeat("a", MaxNameBytes+1), strings.Repeat("a/", MaxDepth) + "a",
	} {
		if got, err := CleanName(bad); !errors.Is(err, ErrName) {
			t.Errorf("%q: %q, %v", bad, got, err)
		}
	}
}

func TestCreateMakesParents(t *testing.T) {
	w := newWorld(t, Options{})
	a := w.Account(1)
	i, err := a.Create(ctx, "x/y/z/", UseNone)
	must(t, err)
	if i.Name != "x/y/z" || i.Subscribed {
		t.Errorf("%+v", i)
	}
	w.list("INBOX", "Archive", "Drafts", "Junk", "Sent", "Trash", "x +", "x/y +", "x/y/z")
	for name, want := range map[string]error{"x/y": ErrExists, "INBOX": ErrExists, "a//b": ErrName} {
		if _, err := a.Create(ctx, name, UseNone); !errors.Is(err, want) {
			t.Errorf("create %q: %v", name, err)
		}
	}
	if _, err := a.Create(ctx, "Sent2", UseSent); !errors.Is(err, ErrUse) {
		t.Errorf("a second \\Sent: %v", err)
	}
}

func TestDeleteKeepsNamesAndSubscriptions(t *testing.T) {
	w := newWorld(t, Options{})
	a := w.Account(1)
	first, err := a.Create(ctx, "x", UseNone)
	must(t, err)
	_, err = a.Create(ctx, "x/y", UseNone)
	must(t, err)
	w.fill(3, "x")
	m := w.open(1, "x")
	must(t, a.Delete(ctx, "x"))
	if !m.View().Gone() || m.Name() != "" {
		t.Error("an open mailbox must see that it is gone")
	}
	if _, _, err := m.Expunge(ctx, nil); !errors.Is(err, ErrNoMailbox) {
		t.Errorf("expunge in it: %v", err)
	}
	w.list("INBOX", "Archive", "Drafts", "Junk", "Sent", "Trash", "x noselect +", "x/y")
	if err := a.Delete(ctx, "x"); !errors.Is(err, ErrHasChildren) {
		t.Errorf("delete again: %v", err)
	}
	if _, err := a.Open(ctx, "x"); !errors.Is(err, ErrNoSelect) {
		t.Errorf("open: %v", err)
	}
	if _, err := a.Status(ctx, "x"); !errors.Is(err, ErrNoSelect) {
		t.Errorf("status: %v", err)
	}
	again, err := a.Create(ctx, "x", UseNone)
	must(t, err)
	if again.UIDValidity <= first.UIDValidity || again.ID <= first.ID {
		t.Errorf("%+v after %+v", again, first)
	}
	must(t, a.Delete(ctx, "x/y"))
	must(t, a.Delete(ctx, "x"))
	must(t, a.Delete(ctx, "Junk"))
	w.list("INBOX", "Archive", "Drafts", "Junk gone", "Sent", "Trash")
	if _, err := a.Open(ctx, "Junk"); !errors.Is(err, ErrNoMailbox) {
		t.Errorf("open: %v", err)
	}
	i, err := a.Create(ctx, "Junk", UseJunk)
	must(t, err)
	if !i.Subscribed {
		t.Error("the subscription to the name holds")
	}
	if err := a.Delete(ctx, "inbox"); !errors.Is(err, ErrInbox) {
		t.Errorf("delete INBOX: %v", err)
	}
	if u, _ := a.Usage(ctx); u.Messages != 0 || u.Bytes != 0 {
		t.Errorf("usage %+v", u)
	}
}

func TestRename(t *testing.T) {
	w := newWorld(t, Options{})
	a := w.Account(1)
	for _, n := range []string{"x", "x/y", "x/y/z", "xx"} {
		_, err := a.Create(ctx, n, UseNone)
		must(t, err)
	}
	w.fill(2, "x/y")
	m := w.open(1, "x/y")
	before := m.View().UIDValidity()
	must(t, a.Rename(ctx, "x", "new/place"))
	if m.Name() != "new/place/y" || m.View().UIDValidity() != before || m.View().Len() != 2 {
		t.Errorf("now %q with %d messages", m.Name(), m.View().Len())
	}
	w.list("INBOX", "Archive", "Drafts", "Junk", "Sent", "Trash", "new +", "new/place +", "new/place/y +", "new/place/y/z", "xx")
	for _, c := range []struct {
		from, to string
		want     error
	}{
		{"none", "b", ErrNoMailbox},
		{"xx", "Sent", ErrExists},
		{"new", "new/place/below", ErrName},
		{"xx", "a//b", ErrName},
		{"xx", "inbox", ErrExists},
		{"new/place/y", strings.Repeat("n", MaxNameBytes), ErrName},
	} {
		if err := a.Rename(ctx, c.from, c.to); !errors.Is(err, c.want) {
			t.Errorf("rename %q to %q: %v", c.from, c.to, err)
		}
	}
	w.check(1)
	w.fill(3, "INBOX")
	_, err := a.Create(ctx, "INBOX/kept", UseNone)
	must(t, err)
	in := w.open(1, "INBOX")
	must(t, a.Rename(ctx, "INBOX", "old mail"))
	if in.View().Len() != 0 || in.View().UIDNext() != 4 {
		t.Errorf("INBOX has %d messages", in.View().Len())
	}
	if v := w.open(1, "old mail").View(); v.Len() != 3 || v.UIDValidity() == in.View().UIDValidity() {
		t.Errorf("moved to %+v", v)
	}
	if _, err := a.Find(ctx, "inbox/kept"); err != nil {
		t.Errorf("names below INBOX stay: %v", err)
	}
	w.check(1)
}

func TestSubscribe(t *testing.T) {
	w := newWorld(t, Options{})
	a := w.Account(1)
	must(t, a.Subscribe(ctx, "Sent", false))
	must(t, a.Subscribe(ctx, "later", true))
	must(t, a.Subscribe(ctx, "later", true))
	must(t, a.Subscribe(ctx, "never", false))
	w.list("INBOX", "Archive", "Drafts", "Junk", "Sent", "Trash", "later gone")
	if i, _ := a.Find(ctx, "Sent"); i.Subscribed {
		t.Error("Sent is subscribed")
	}
	must(t, a.Subscribe(ctx, "later", false))
	w.list("INBOX", "Archive", "Drafts", "Junk", "Sent", "Trash")
	if err := a.Subscribe(ctx, "a//b", true); !errors.Is(err, ErrName) {
		t.Errorf("%v", err)
	}
}

func TestAnAnnotationGivesAUse(t *testing.T) {
	w := newWorld(t, Options{})
	a := w.Account(1)
	_, err := a.Create(ctx, "Gesendet", UseNone)
	must(t, err)
	whose := Whose{Mailbox: "Gesendet", Reader: 1}
	must(t, a.Annotate(ctx, whose, []Annotation{{SpecialUseEntry, []byte(`\Sent`)}}))
	old, _ := a.Find(ctx, "Sent")
	now, _ := a.Find(ctx, "gesendet")
	now2, _ := a.Find(ctx, "Gesendet")
	if old.Use != UseNone || now2.Use != UseSent || now.ID != 0 {
		t.Errorf("%+v %+v %+v", old, now, now2)
	}
	if err := a.Annotate(ctx, whose, []Annotation{{SpecialUseEntry, []byte(`\Outbox`)}}); !errors.Is(err, ErrUse) {
		t.Errorf("%v", err)
	}
	w.restart()
	if i, _ := w.Account(1).Find(ctx, "Gesendet"); i.Use.Attr() != `\Sent` {
		t.Errorf("after restart %+v", i)
	}
}

func TestMailboxesAreLimited(t *testing.T) {
	w := newWorld(t, Options{KeepChanges: 100})
	a := w.Account(1)
	must(t, a.Init(ctx, Quota{}))
	must(t, a.change(ctx, func(x *tx) error {
		for n := len(x.cat.byID); n < MaxMailboxes; n++ {
			if _, err := x.create(fmt.Sprintf("n%d", n), UseNone); err != nil {
				return err
			}
		}
		return nil
	}))
	if _, err := a.Create(ctx, "one more", UseNone); !errors.Is(err, ErrLimit) {
		t.Errorf("create: %v", err)
	}
	if err := a.Subscribe(ctx, "one more", true); !errors.Is(err, ErrLimit) {
		t.Errorf("subscribe: %v", err)
	}
	d := w.deliver(text("", "", "", "x"), Destination{Account: 1, Mailbox: "one more", Create: true})
	if i, _ := a.Find(ctx, Inbox); d[0].Mailbox != i.ID {
		t.Error("a delivery falls back to INBOX")
	}
	w.check(1)
}
