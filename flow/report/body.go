package report

import (
	"barid/mail/spool"
	"barid/rfc/dsn"
)

// Limits of what is shown to people.
const (
	maxSubject = 300 // bytes of the original's subject
	maxWords   = 600 // bytes of a host's words; the machine-readable part has more
)

// subject gives the Subject of the report.
func (n *notice) subject(w words, original string) string {
	if original == "" {
		original = w.text("no-subject")
	}
	var s string
	for _, sp := range fill(w.text("subject."+n.action.String()), map[string]span{"subject": {text: original}}) {
		s += sp.text
	}
	return s
}

// page gives the text for people.
func (n *notice) page(w words, f facts) *page {
	p := &page{rtl: w.rtl(), lang: w.lang}
	p.add(plain, span{text: w.text("intro." + n.action.String())})
	for _, i := range n.rcpts {
		n.about(p, w, &n.e.Rcpts[i])
	}
	if n.action == dsn.Delayed {
		p.add(plain, fill(w.text("delayed.do"), map[string]span{"time": {w.time(n.expires()), auto}})...)
	}
	n.aboutMessage(p, w, f)
	s := &n.r.d.Settings
	p.add(plain, fill(w.text("footer"), map[string]span{
		"host": {s.Host, ltr}, "postmaster": {s.Postmaster.Unicode(), address}, "id": {n.e.Message.ID, ltr},
	})...)
	return p
}

// about tells of one recipient.
func (n *notice) about(p *page, w words, r *spool.Rcpt) {
	p.add(heading, span{r.To.Mailbox.Unicode(), address})
	if n.action != dsn.Failed && n.action != dsn.Delayed {
		return
	}
	topic := "topic." + topicOf(n.status(r), r.Last.Text)
	p.add(entry, span{text: w.text("label.means") + " " + w.text(topic+".means")})
	if n.action == dsn.Failed {
		if r.State == spool.Expired && !n.e.Arrived.IsZero() {
			p.add(entry, fill(w.text("tried"), map[string]span{"from": {w.time(n.e.Arrived), auto}, "time": {w.time(n.now), auto}})...)
		}
		p.add(entry, span{text: w.text("label.do") + " " + w.text(topic+".do")})
	}
	n.said(p, w, &r.Last)
}

// said gives the host's own words, or ours where it said nothing: they are not put into its mouth.
func (n *notice) said(p *page, w words, a *spool.Answer) {
	if a.Text == "" {
		return
	}
	label := "label.said"
	switch {
	case a.Remote == "":
		label = "label.noted"
	case a.Code == 0:
		label = "label.noted-about"
	}
	p.add(plain, fill(w.text(label), map[string]span{"host": {dsn.Clean(a.Remote, maxSubject), ltr}})...)
	p.add(quote, span{dsn.Clean(answerText(a), maxWords), ltr})
}

// aboutMessage tells which message it is.
func (n *notice) aboutMessage(p *page, w words, f facts) {
	p.add(heading, span{text: w.text("label.message")})
	line := func(key string, value span) {
		if value.text != "" {
			p.add(entry, span{text: w.text(key) + " "}, value)
		}
	}
	line("label.subject", span{f.subject, auto})
	if !n.e.Arrived.IsZero() {
		line("label.sent", span{w.time(n.e.Arrived), auto})
	}
	if f.messageID != "" {
		line("label.id", span{"<" + f.messageID + ">", ltr})
	}
}
