package app

import (
	"bytes"
	"context"
	"embed"
	"fmt"
	"io/fs"
	"net/netip"
	"time"

	"barid/mail"
	"barid/ops/manage"
	"barid/rfc/addr"
	"barid/rfc/smtp"
)

// demo holds the first messages of the dev world, one file each. Names say the language and what is odd in it.
//
//go:embed demo/*.eml
var demo embed.FS

// seed makes the demo accounts and delivers the demo messages the way any message comes in. A world that has
// been seeded before is left as it is.
func seed(ctx context.Context, s *System) error {
	m := s.Manager()
	var domains []manage.DomainInfo
	if err := m.Call(ctx, "domain.list", manage.None{}, &domains, nil); err != nil {
		return err
	}
	if len(domains) > 0 {
		return nil
	}
	if err := m.Call(ctx, "domain.add", manage.DomainChange{Domain: devDomain}, nil, nil); err != nil {
		return err
	}
	for _, a := range devAccounts {
		in := manage.AccountChange{Address: a.Address, Password: a.Password, Weak: true, Locale: &a.Locale}
		if err := m.Call(ctx, "account.add", in, nil, nil); err != nil {
			return err
		}
	}
	return fs.WalkDir(demo, "demo", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := demo.ReadFile(path)
		if err != nil {
			return err
		}
		if err := s.hand(ctx, raw, devAccounts); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		return nil
	})
}

// hand gives a message to intake for all of to, as a session from this machine would.
func (s *System) hand(ctx context.Context, raw []byte, to []DevAccount) error {
	here := netip.MustParseAddrPort("127.0.0.1:25")
	c := &mail.Client{
		Session: s.ids.New(), Role: mail.RoleMX, Remote: here, Local: here,
		Helo: "localhost", ESMTP: true, Started: time.Now(),
	}
	from, err := addr.ParseMailbox("postmaster@"+devDomain, true)
	if err != nil {
		return err
	}
	tx, err := s.intake.Begin(ctx, c, addr.Path{Mailbox: from}, smtp.MailParams{UTF8: true})
	if err != nil {
		return err
	}
	defer tx.Abort()
	for _, a := range to {
		box, err := addr.ParseMailbox(a.Address, true)
		if err != nil {
			return err
		}
		if err := tx.Rcpt(ctx, addr.Path{Mailbox: box}, smtp.RcptParams{}); err != nil {
			return err
		}
	}
	_, err = tx.Data(ctx, bytes.NewReader(raw))
	return err
}
