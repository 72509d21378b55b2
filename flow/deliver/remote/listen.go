package remote

import (
	"context"
	"strconv"
	"strings"
	"time"

	"barid/flow/queue"
	"barid/mail/spool"
	"barid/rfc/smtp"
)

// Exchange is a command and its answer, or the beginning of TLS, as a person reads it. What a login says is left out.
type Exchange struct {
	Said  string        `json:"said,omitempty"`  // "" for what the server says first
	Reply string        `json:"reply,omitempty"` // or why there was none
	Code  int           `json:"code,omitempty"`  // 0: there was none
	TLS   string        `json:"tls,omitempty"`   // "TLS1.3 TLS_AES_128_GCM_SHA256 verified", where it begins
	Doubt string        `json:"doubt,omitempty"` // why the certificate does not prove that the server is the one meant
	Took  time.Duration `json:"took"`            // nanoseconds
}

// tell tells of a command that was asked at begin.
func (w *wire) tell(begin time.Time, r smtp.Reply, err error, parts []string) {
	x := Exchange{Said: strings.Join(parts, ""), Code: r.Code, Reply: spoken(r), Took: time.Since(begin)}
	if w.secret {
		x.Said = hidden(x.Said)
	}
	if err != nil {
		x.Code, x.Reply = 0, plainError(err)
	}
	w.heard(x)
}

// spoken gives a reply on one line: "250 mx.example PIPELINING SIZE 1000".
func spoken(r smtp.Reply) string {
	a := answerOf("", "", r)
	s := strconv.Itoa(r.Code)
	if r.Enhanced != "" {
		s += " " + r.Enhanced
	}
	return s + " " + a.Text
}

// tellTLS tells that TLS began, with a session's level.
func (s *session) tellTLS(begin time.Time) {
	if s.wire.heard == nil {
		return
	}
	x := Exchange{TLS: s.tls, Took: time.Since(begin)}
	if s.doubt != nil {
		x.Doubt = plainError(s.doubt)
	}
	s.wire.heard(x)
}

// hidden takes the secret out of a command of a login.
func hidden(said string) string {
	if word, rest, ok := strings.Cut(said, " "); ok && word == "AUTH" {
		mechanism, _, long := strings.Cut(rest, " ")
		if !long {
			return said
		}
		return "AUTH " + mechanism + " (secret)"
	}
	return "(secret)"
}

// greeting reads what the server says first.
func (w *wire) greeting(d time.Duration) (smtp.Reply, error) {
	w.within(d)
	begin := time.Now()
	r, err := w.reply()
	if w.heard != nil {
		w.tell(begin, r, err, nil)
	}
	return r, err
}

// Trial is what a try of a relay showed, without any mail being sent.
type Trial struct {
	Relay   string        `json:"relay"`            // "relay.example:465"
	Remote  string        `json:"remote,omitempty"` // "relay.example [192.0.2.1]"
	Heard   []Exchange    `json:"dialogue"`
	Timing  queue.Timing  `json:"timing"`
	Trouble *spool.Answer `json:"trouble,omitempty"` // nil: it would take mail
}

// Try goes the way of a message to a relay as far as MAIL, which is taken back: address, connection, TLS, EHLO, AUTH,
// MAIL, RSET, QUIT. Neither the pool nor the relay's health changes. from is a reverse-path, e.g. "<info@example.org>".
func (d *Deliverer) Try(ctx context.Context, r *Relay, from string) Trial {
	out := Trial{Relay: relayID(r), Heard: []Exchange{}}
	a := &attempt{d: d, e: &spool.Entry{}, heard: func(x Exchange) { out.Heard = append(out.Heard, x) }}
	begin := time.Now()
	h, t := d.relayHost(ctx, r)
	a.timing.DNS = time.Since(begin)
	if t == nil {
		t = a.tryHost(ctx, &h, from, &out)
	}
	if t != nil {
		out.Trouble = d.answer(t)
		out.Remote = t.answer.Remote
	}
	out.Timing = a.timing
	return out
}

func (a *attempt) tryHost(ctx context.Context, h *host, from string, out *Trial) *trouble {
	s, t := a.dialHost(ctx, a.keyOf(h), h, demandOf(h.relay.TLS))
	if t != nil {
		return t
	}
	defer s.drop()
	out.Remote = s.remote
	release := s.wire.use(ctx)
	defer release()
	begin := time.Now()
	defer func() { a.timing.Dialogue += time.Since(begin) }()
	reply, err := s.wire.ask(a.d.set.Timeouts.Mail, "MAIL FROM:", from)
	switch {
	case err != nil:
		return broken(ctx, spool.StageMail, s.remote, err)
	case reply.Code/100 != 2:
		return refused(spool.StageMail, s.remote, reply)
	}
	_, _ = s.wire.ask(a.d.set.Timeouts.Hello, "RSET")
	_, _ = s.wire.ask(a.d.set.Timeouts.Quit, "QUIT")
	return nil
}
