package imap

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"log/slog"
	"testing"

	"barid/base/kv"
	"barid/mail/mailbox"
	"barid/rfc/imap"
	"barid/rfc/status"
)

func TestEachErrorHasItsAnswer(t *testing.T) {
	s := &session{id: "01", log: slog.New(slog.DiscardHandler)}
	for _, c := range []struct {
		err  error
		want string
	}{
		{mailbox.ErrNoMailbox, "NO [NONEXISTENT] there is no such mailbox"},
		{tryCreate(fmt.Errorf("copy: %w", mailbox.ErrNoMailbox)), "NO [TRYCREATE] there is no such mailbox"},
		{&mailbox.OverQuota{}, "NO [OVERQUOTA] mailbox is full"},
		{fmt.Errorf("put: %w", kv.ErrFull), "NO [UNAVAILABLE] storage is full, try again later"},
		{kv.ErrCorrupt, "NO [CORRUPTION] stored data is damaged"},
		{kv.ErrUnavailable, "NO [UNAVAILABLE] temporary failure, try again later (01)"},
		{errors.New("secret path"), "NO [UNAVAILABLE] temporary failure, try again later (01)"},
		{&imap.SyntaxError{Why: "x at byte 3"}, "BAD x at byte 3"},
		{status.Perm(7, 8, "no"), "NO [AUTHENTICATIONFAILED] no"},
		{status.Perm(7, 1, "no"), "NO [AUTHORIZATIONFAILED] no"},
		{status.Temp(7, 0, "later"), "NO [UNAVAILABLE] later"},
		{status.Temp(2, 2, "full"), "NO [OVERQUOTA] full"},
		{status.Perm(3, 4, "big"), "NO [LIMIT] big"},
		{status.Perm(1, 1, "x"), "NO [CANNOT] x"},
		{context.Canceled, "NO [UNAVAILABLE] server is going down"},
	} {
		if got := s.answer(c.err).line(); got != c.want {
			t.Errorf("%v: %s, want %s", c.err, got, c.want)
		}
	}
}

// TestNoRefusalOfMailboxIsForgotten reads the errors that mail/mailbox declares and looks for each in the
// table of refusals.
func TestNoRefusalOfMailboxIsForgotten(t *testing.T) {
	const file = "../../mail/mailbox/errors.go"
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	must(t, err)
	declared := 0
	ast.Inspect(f, func(n ast.Node) bool {
		if v, ok := n.(*ast.ValueSpec); ok && len(v.Names) == 1 && len(v.Names[0].Name) > 3 && v.Names[0].Name[:3] == "Err" {
			declared++
		}
		return true
	})
	known := 0
	for _, r := range refusals {
		if len(r.err.Error()) > 8 && r.err.Error()[:8] == "mailbox:" {
			known++
		}
	}
	if declared == 0 || known != declared {
		t.Errorf("mail/mailbox declares %d refusals, %d are in the table", declared, known)
	}
}
