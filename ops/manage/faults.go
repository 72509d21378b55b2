package manage

import (
	"errors"
	"strings"

	"barid/base/fault"
	"barid/mail/account"
	"barid/mail/mailbox"
)

// directoryFault gives the directory's typed errors the form that people read.
func directoryFault(err error) error {
	var (
		exists  account.ErrExists
		unknown account.ErrUnknown
		invalid account.ErrInvalid
		inUse   account.ErrInUse
	)
	switch {
	case errors.As(err, &exists):
		f := fault.New("B4001", "%s %q exists already", exists.Kind, exists.Name)
		if exists.By != "" {
			f.WithFound("%v", exists).Wrap(err)
		}
		return f.WithFix("barid %s show %s", nounOf(exists.Kind), exists.Name)
	case errors.As(err, &unknown):
		f := fault.New("B4002", "there is no %s %q", unknown.Kind, unknown.Name).Wrap(err)
		f.Found = "looked among the hosted domains, accounts and aliases"
		if unknown.Near != "" {
			f.WithFix("did you mean %q?", unknown.Near)
		}
		return f.WithFix("barid %s list", nounOf(unknown.Kind))
	case errors.As(err, &invalid):
		text := invalid
		text.Near = "" // it is the fix
		f := fault.New("B4003", "%v", text)
		if invalid.Value != "" {
			f.WithFound("%s %q", invalid.Field, invalid.Value)
		}
		if invalid.Near != "" {
			f.WithFix("did you mean %q?", invalid.Near)
		}
		return f
	case errors.As(err, &inUse):
		return fault.New("B4004", "%s %q is still needed", inUse.Kind, inUse.Name).WithFound("%v", inUse).Wrap(err).
			WithFix("remove or change first: %s", strings.Join(inUse.By, ", "))
	case errors.Is(err, mailbox.ErrOverQuota):
		return fault.New("B4003", "the quota is smaller than what the account holds").Wrap(err)
	}
	return err
}

func nounOf(kind string) string {
	if kind == "address" {
		return "account"
	}
	return kind
}
