package route

import (
	"context"
	"strings"

	"barid/mail/account"
	"barid/rfc/addr"
)

// HostNames is a Directory that also knows the users of this machine: root@mail.example.org, as cron and other
// programs write, and postmaster@mail.example.org, whom our reports are from, when mail.example.org is not a hosted
// domain itself. Such an address is the same name in the
// hosted domain above (root@example.org) if somebody has it, else the postmaster.
type HostNames struct {
	Directory
	Host string // our name, in lower case with A-labels
}

// Resolve finds where mail for m goes.
func (h HostNames) Resolve(ctx context.Context, m addr.Mailbox) (account.Target, error) {
	t, err := h.Directory.Resolve(ctx, m)
	if err != nil || t.Kind != account.NotHosted || m.Domain == "" || !strings.EqualFold(m.Domain, h.Host) {
		return t, err
	}
	for domain := h.Host; ; {
		_, above, ok := strings.Cut(domain, ".")
		if !ok {
			return h.Directory.Resolve(ctx, addr.Mailbox{Local: "postmaster"})
		}
		domain = above
		t, err := h.Directory.Resolve(ctx, addr.Mailbox{Local: m.Local, Domain: domain})
		switch {
		case err != nil:
			return t, err
		case t.Kind == account.NotHosted:
			continue
		case t.Kind == account.Unknown, t.Via == account.ByCatchAll:
			return h.Directory.Resolve(ctx, addr.Mailbox{Local: "postmaster", Domain: domain})
		}
		return t, nil
	}
}
