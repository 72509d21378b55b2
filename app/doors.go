package app

import (
	"crypto/tls"
	"strings"
	"time"

	"barid/app/config"
	"barid/base/fault"
	"barid/locales"
	"barid/mail"
	"barid/mail/link"
	"barid/serve/imap"
	"barid/serve/listen"
	"barid/serve/pop3"
	"barid/serve/smtp"
)

// doors makes the front ends. Their metrics are registered once, whatever the number of listeners.
type doors struct {
	s      *System
	listen *listen.Metrics
	smtp   *smtp.Metrics
	imap   *imap.Metrics
	pop3s  *pop3.Server // one for all listeners: it holds the maildrop locks
}

func (s *System) doors() *doors {
	set := pop3.DefaultSettings(s.host())
	set.AllowPlain = s.cfg.PlainLogin
	set.LoginDelay = time.Duration(s.cfg.Limits.POP3Delay)
	d := pop3.Deps{Mail: s.mail, Accounts: s.directory, IDs: s.ids, Log: s.log, Metrics: pop3.NewMetrics(s.reg)}
	if texts, err := locales.Answers(); err == nil { // else they are English; a test reads the catalogue
		d.Texts = texts
	}
	pop := pop3.New(d, set)
	return &doors{s, listen.NewMetrics(s.reg), smtp.NewMetrics(s.reg), imap.NewMetrics(s.reg), pop}
}

// protocols tells for each word of a listener's protocol who speaks it, with which TLS, and what a connection
// is told that is one too many.
var protocols = map[string]struct {
	mode    listen.Mode
	needTLS bool
	refusal string
	handler func(*doors) listen.Handler
}{
	"smtp":        {listen.StartTLS, false, "", func(d *doors) listen.Handler { return d.smtpServer(mail.RoleMX) }},
	"submission":  {listen.StartTLS, true, "", func(d *doors) listen.Handler { return d.smtpServer(mail.RoleSubmission) }},
	"submissions": {listen.Implicit, true, "", func(d *doors) listen.Handler { return d.smtpServer(mail.RoleSubmission) }},
	"lmtp":        {listen.StartTLS, false, "", func(d *doors) listen.Handler { return d.smtpServer(mail.RoleLMTP) }},
	"imap":        {listen.StartTLS, true, imapRefusal, (*doors).imapServer},
	"imaps":       {listen.Implicit, true, imapRefusal, (*doors).imapServer},
	"pop3":        {listen.StartTLS, true, pop3Refusal, (*doors).pop3Server},
	"pop3s":       {listen.Implicit, true, pop3Refusal, (*doors).pop3Server},
}

// What a connection past the limits is told before it is closed; serve/smtp has its own words.
const (
	imapRefusal = "* BYE [UNAVAILABLE] too many connections, try again later\r\n"
	pop3Refusal = "-ERR [SYS/TEMP] too many connections, try again later\r\n"
)

// server makes the listener of l, not open yet.
func (d *doors) server(l config.Listener) (*listen.Server, error) {
	p := protocols[l.Protocol]
	mode := p.mode
	var t *tls.Config
	switch {
	case d.s.certs != nil:
		t = d.s.certs.Server()
	case mode == listen.Implicit, p.needTLS && !d.s.cfg.PlainLogin:
		return nil, fault.New("B1012", "%s on %s needs a certificate", l.Protocol, l.Address).
			WithMeans("passwords are taken inside TLS only").WithFix("add a [[certificate]] table").WithFix("barid setup makes a self-signed one")
	default:
		mode = listen.Plain
	}
	h, refusal := p.handler(d), []byte(p.refusal)
	if own, ok := h.(interface{ Refusal() []byte }); ok {
		refusal = own.Refusal()
	}
	return listen.NewServer(listen.Config{
		Name: l.Protocol, Addr: l.Address, Mode: mode, TLS: t, ProxyTrusted: d.s.cfg.Trusted(),
		Limits: listen.Limits{
			MaxConns: d.s.cfg.Limits.Connections, MaxPerNetwork: d.s.cfg.Limits.PerNetwork, Grace: stopGrace,
		},
		Refusal: refusal, Logger: d.s.log, Metrics: d.listen,
	}, h), nil
}

func (d *doors) smtpServer(role mail.Role) listen.Handler {
	return smtp.NewServer(smtp.Deps{
		Settings: d.smtpSettings(role),
		URLs:     &link.Opener{Mail: d.s.mail, Accounts: d.s.directory, Host: strings.ToLower(d.s.host()), Now: time.Now},
		Intake:   smtp.Use(d.s.intake), Auth: d.s.directory, IDs: d.s.ids, Log: d.s.log, Metrics: d.smtp,
	})
}

func (d *doors) smtpSettings(role mail.Role) smtp.Settings {
	l := d.s.cfg.Limits
	set := smtp.Settings{
		Role: role, Hostname: d.s.host(), MaxMessage: l.MessageBytes, MaxRecipients: l.Recipients,
		MaxTransactions: l.SessionMessages, MaxErrors: l.BadCommands, MaxBadRecipients: l.BadRecipients,
		CommandTimeout: time.Duration(l.CommandWait), DataTimeout: time.Duration(l.DataWait),
		MessageTimeout: time.Duration(l.DataTotal), PlainLogin: d.s.cfg.PlainLogin, Queue: d.s.outbound != nil,
		Networks: d.s.cfg.LMTPNetworks(),
	}
	if role == mail.RoleMX { // people at their mail programs, and our own front server, are not made to wait
		set.EarlyWait = time.Duration(l.GreetWait)
	}
	return set
}

func (d *doors) imapServer() listen.Handler {
	set := imap.DefaultSettings(d.s.host())
	set.Version = Version
	set.MaxMessageBytes = d.s.cfg.Limits.MessageBytes
	set.IdleTime = time.Duration(d.s.cfg.Limits.IdleWait)
	set.PlainLogin = d.s.cfg.PlainLogin
	set.Admins = d.s.cfg.IMAPAdmins
	set.CommandMessages, set.SavedMessages = d.s.cfg.Limits.IMAPMessages, d.s.cfg.Limits.IMAPSaved
	for _, h := range d.s.cfg.IMAPHide {
		set.Hidden = append(set.Hidden, imap.Hide(h))
	}
	deps := imap.Deps{
		Mail: d.s.mail, Blobs: d.s.engine, Accounts: d.s.directory, IDs: d.s.ids, Index: d.s.search,
		Log: d.s.log, Metrics: d.imap,
	}
	if texts, err := locales.Answers(); err == nil { // as for POP3
		deps.Texts = texts
	}
	return imap.New(deps, set)
}

func (d *doors) pop3Server() listen.Handler { return d.pop3s }
