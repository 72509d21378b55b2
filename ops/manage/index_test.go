package manage_test

import (
	"context"
	"io"
	"testing"

	"barid/mail"
	"barid/mail/mailbox"
	"barid/mail/search"
	"barid/ops/manage"
	"barid/rfc/mime"
	"barid/store/memory"
)

func TestIndexIsRebuiltAndShown(t *testing.T) {
	m := newManager(t)
	m.Search = search.Open(m.KV, m.Mail, search.Options{})
	_, f := call[manage.DomainInfo](t, m, "domain.add", manage.DomainChange{Domain: "example.test"})
	if f != nil {
		t.Fatal(f)
	}
	a, f := call[manage.AccountInfo](t, m, "account.add", manage.AccountChange{Address: "info@example.test", Password: "four unrelated words", Weak: true})
	if f != nil {
		t.Fatal(f)
	}
	store(t, m, a.ID, "Subject: گزارش\r\n\r\nmonthly report\r\n", 3)
	all, f := call[[]manage.IndexInfo](t, m, "index.status", manage.IndexSelector{})
	if f != nil || len(all) != 1 || all[0].Account != "info@example.test" || all[0].Waiting != 3 || all[0].Messages != 0 {
		t.Fatalf("%+v %v", all, f)
	}
	all, f = call[[]manage.IndexInfo](t, m, "index.rebuild", manage.IndexSelector{Account: "info@example.test"})
	if f != nil || len(all) != 1 || all[0].Waiting != 0 || all[0].Messages != 3 || all[0].Bytes == 0 {
		t.Fatalf("%+v %v", all, f)
	}
	all, f = call[[]manage.IndexInfo](t, m, "index.status", manage.IndexSelector{Verify: true})
	if f != nil || len(all) != 1 || len(all[0].Found) != 0 || all[0].Messages != 3 {
		t.Fatalf("%+v %v", all, f)
	}
	if _, f = call[[]manage.IndexInfo](t, m, "index.rebuild", manage.IndexSelector{Account: "nobody@example.test"}); f == nil {
		t.Error("an unknown account is a fault")
	}
}

// store puts n copies of a message into an account.
func store(t *testing.T, m *manage.Manager, id uint64, raw string, n int) {
	t.Helper()
	ctx := context.Background()
	db := m.KV.(*memory.Store)
	w, err := db.Create(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	_, _ = io.WriteString(w, raw)
	blob, err := w.Commit(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	msg := mailbox.Message{Blob: blob, Size: int64(len(raw)), Parsed: mime.Scan([]byte(raw), mime.DefaultLimits())}
	for range n {
		if _, err := m.Mail.Account(mail.AccountID(id)).Append(ctx, mailbox.Inbox, []mailbox.AppendMessage{{Message: msg}}); err != nil {
			t.Fatal(err)
		}
	}
}
