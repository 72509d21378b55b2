package report

import (
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"strings"
	"time"

	"barid/mail/spool"
	"barid/rfc/dsn"
	"barid/rfc/status"
)

// notice is one report being made.
type notice struct {
	r      *Reporter
	e      *spool.Entry
	action dsn.Action
	rcpts  []int // of e.Rcpts
	now    time.Time
	locale string
}

// id names the report: the transaction it is about, and a code that is the same whenever the same report is
// made again. It is the id in the log and the local part of the Message-ID.
func (n *notice) id() string {
	h := sha256.New()
	fmt.Fprintf(h, "%s %s %s %d", n.e.Message.ID, n.e.Name(), n.action, n.e.DelayTold.UnixMilli())
	for _, i := range n.rcpts {
		fmt.Fprintf(h, " %s", n.e.Rcpts[i].To.Key())
	}
	code := strings.ToLower(base32.StdEncoding.EncodeToString(h.Sum(nil))[:10])
	if n.e.Message.ID == "" {
		return code
	}
	return n.e.Message.ID + "." + code
}

// message gives what is to be written. orig is the stored original, nil if it can not be read.
func (n *notice) message(orig *original) *dsn.Message {
	s := &n.r.d.Settings
	w := wordsFor(n.r.d.Texts, n.locale, s.Language, s.Zone)
	facts := orig.facts()
	m := &dsn.Message{
		FromName: w.text("name"), From: s.Postmaster, To: n.e.From.Mailbox, Subject: n.subject(w, facts.subject),
		Date: n.now, MessageID: n.id() + "@" + s.Host, Language: w.lang, UTF8: n.e.UTF8,
		Report: dsn.Report{ReportingMTA: s.Host, EnvelopeID: n.e.EnvID, Arrival: n.e.Arrived, DeliverBy: n.e.DeliverBy, Release: n.e.Release},
	}
	if facts.messageID != "" {
		m.References = []string{facts.messageID}
	}
	for _, i := range n.rcpts {
		m.Report.Recipients = append(m.Report.Recipients, n.recipient(&n.e.Rcpts[i]))
	}
	p := n.page(w, facts)
	if m.Text = p.plainText(); p.rtl { // from left to right, plain text is shown right everywhere
		m.HTML = p.html()
	}
	if orig != nil {
		m.Original = dsn.Original{Body: orig.body, Size: orig.body.Size(), Full: dsn.WantsFull(n.e.Ret, n.action) && !n.e.RequireTLS, MaxFull: s.MaxReturn}
	}
	return m
}

// recipient gives the fields of RFC 3464 §2.3.
func (n *notice) recipient(r *spool.Rcpt) dsn.Recipient {
	d := dsn.Recipient{
		Original: dsn.OriginalRecipient(r.ORcpt), Final: dsn.AddressOf(r.To.Mailbox), Action: n.action, Status: n.status(r),
		RemoteMTA: hostOf(r.Last.Remote), Attempt: r.Last.Time, LogID: n.e.Message.ID,
	}
	if r.Last.Text != "" && (n.action == dsn.Failed || n.action == dsn.Delayed) {
		d.Diagnostic, d.DiagType = answerText(&r.Last), "smtp"
		if r.Last.Code == 0 || r.Last.Remote == "" {
			d.DiagType = "x-barid" // RFC 3464 §2.3.6: these are not the words of an SMTP server
		}
	}
	if n.action == dsn.Delayed {
		d.RetryUntil = n.expires()
	}
	return d
}

// status gives the code for a recipient. When it is the deadline of the sender that is over, that is what is told
// (RFC 2852 §4.1.4).
func (n *notice) status(r *spool.Rcpt) dsn.Status {
	late := dsn.Status{Class: status.Permanent, Subject: 4, Detail: 7}
	switch {
	case n.e.ByMode == 0 || n.now.Before(n.e.DeliverBy):
	case n.e.ByMode == 'R' && n.action == dsn.Failed && r.State == spool.Expired:
		return late
	case n.e.ByMode == 'N' && n.action == dsn.Delayed && n.e.DelayTold.Before(n.e.DeliverBy):
		late.Class = status.Transient
		return late
	}
	return statusOf(r, n.action)
}

// answerText gives the words of a host with their codes: "550 5.1.1 no such user". Codes that the words begin
// with are not said twice.
func answerText(a *spool.Answer) string {
	var b strings.Builder
	if code := fmt.Sprint(a.Code); a.Code != 0 && !strings.HasPrefix(a.Text, code) {
		b.WriteString(code + " ")
		if a.Enhanced != "" && a.Remote != "" && !strings.HasPrefix(a.Text, a.Enhanced) {
			b.WriteString(a.Enhanced + " ")
		}
	}
	return b.String() + a.Text
}

// hostOf gives the name of "mx1.example.org [192.0.2.1]".
func hostOf(remote string) string {
	name, _, _ := strings.Cut(remote, " ")
	return name
}

// expires is when the message is given up.
func (n *notice) expires() time.Time {
	if n.e.Expires.IsZero() {
		return n.e.Arrived.Add(n.r.d.Settings.Lifetime)
	}
	return n.e.Expires
}
