// Package diag holds the operator's instruments: today the SMTP dialogue of `barid send`.
//
// What: the everyday half of what swaks does: composes or takes a message, hands it to a server, shows every
// line with its time, and says in words what a refusal means.
// Life: outside a message's life; it plays the peer. Promise: passwords are never shown; CR, LF and NUL in an
// argument never become commands. Limits: Wait for each step. Failure: *fault.Fault with what the server said.
// Standards: RFC 5321, RFC 3207, RFC 4954, RFC 6531, RFC 3463.
package diag

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"net"
	"strings"
	"time"

	"barid/base/fault"
	"barid/rfc/addr"
	"barid/rfc/smtp"
)

// Send says what to send where. Server and To are needed.
type Send struct {
	Server   string        // host:port
	TLS      string        // "auto" (STARTTLS when offered), "starttls", "implicit" or "none"
	Verify   bool          // check the server's certificate
	Helo     string        // name given in EHLO
	From     string        // reverse-path; "" is the null one
	To       []string      // forward-paths
	User     string        // logs in when not empty
	Password string        //
	Message  []byte        // with CRLF line ends
	QuitAt   string        // stop after "connect", "ehlo", "tls", "auth", "mail" or "rcpt"; "" sends
	Wait     time.Duration // for each step
}

// Step is one line of the dialogue.
type Step struct {
	At      float64 `json:"at"`                // seconds since the start
	Side    string  `json:"side"`              // "C", "S" or "*" for a remark of ours
	Text    string  `json:"text"`              //
	Explain string  `json:"explain,omitempty"` // what a refusal means
}

// Sent is what became of it.
type Sent struct {
	Accepted int     `json:"accepted"` // recipients
	Refused  int     `json:"refused"`
	Reply    string  `json:"reply"` // to the message
	Seconds  float64 `json:"seconds"`
	TLS      string  `json:"tls,omitempty"`
}

// dialogue is one session under way.
type dialogue struct {
	s     Send
	show  func(Step)
	start time.Time
	net   net.Conn
	conn  *smtp.Conn
	ext   map[string]string // EHLO keyword -> parameters
	sent  Sent
	hide  bool // the next client lines are secrets
}

// errQuit ends a dialogue that was asked to stop early.
var errQuit = errors.New("diag: stop here")

// Run has the dialogue; show sees every step as it happens.
func (s Send) Run(ctx context.Context, show func(Step)) (Sent, error) {
	d := &dialogue{s: s, show: show, start: time.Now()}
	err := d.run(ctx)
	if d.net != nil {
		if err == nil || errors.Is(err, errQuit) {
			_, _ = d.cmd("QUIT")
		}
		_ = d.net.Close()
	}
	d.sent.Seconds = time.Since(d.start).Seconds()
	if errors.Is(err, errQuit) {
		err = nil
	}
	return d.sent, err
}

func (d *dialogue) run(ctx context.Context) error {
	for _, step := range []struct {
		name string
		do   func(context.Context) error
	}{
		{"connect", d.connect},
		{"ehlo", d.ehlo},
		{"tls", d.startTLS},
		{"auth", d.auth},
		{"mail", d.mail},
		{"rcpt", d.rcpt},
		{"", d.data},
	} {
		if err := step.do(ctx); err != nil {
			return err
		}
		if d.s.QuitAt != "" && d.s.QuitAt == step.name {
			return errQuit
		}
	}
	return nil
}

func (d *dialogue) note(text string) {
	d.show(Step{At: time.Since(d.start).Seconds(), Side: "*", Text: text})
}

// trace shows a line of the dialogue, secrets masked.
func (d *dialogue) trace(side byte, line []byte) {
	st := Step{At: time.Since(d.start).Seconds(), Side: string(side), Text: string(line)}
	if side == 'C' && d.hide {
		st.Text = "<masked>"
		if f := strings.Fields(string(line)); len(f) > 1 && strings.EqualFold(f[0], "AUTH") {
			st.Text = f[0] + " " + f[1] + " <masked>"
		}
	}
	if side == 'S' {
		st.Explain = Explain(string(line))
	}
	d.show(st)
}

func (d *dialogue) cmd(line string) (smtp.Reply, error) {
	_ = d.net.SetDeadline(time.Now().Add(d.s.Wait)) // a connection that is gone shows itself in the next read
	return d.conn.Cmd(line)
}

// want sends a command whose refusal ends the dialogue.
func (d *dialogue) want(line, doing string) (smtp.Reply, error) {
	r, err := d.cmd(line)
	if err != nil {
		return r, d.broken(doing, err)
	}
	if !r.Positive() {
		return r, refused(doing, r)
	}
	return r, nil
}

func (d *dialogue) broken(doing string, err error) error {
	return fault.New("B2001", "the connection to %s broke while %s", d.s.Server, doing).WithFound("%v", err).Wrap(err).
		WithExit(fault.ExitUnreachable)
}

func refused(doing string, r smtp.Reply) error {
	f := fault.New("B2002", "the server refused %s", doing).WithFound("%s", r.String())
	if words := Explain(r.String()); words != "" {
		f.WithMeans(words)
	}
	return f
}

func (d *dialogue) connect(ctx context.Context) error {
	dialer := net.Dialer{Timeout: d.s.Wait}
	c, err := dialer.DialContext(ctx, "tcp", d.s.Server)
	if err != nil {
		return fault.New("B2003", "nobody answers at %s", d.s.Server).WithFound("%v", err).Wrap(err).
			WithExit(fault.ExitUnreachable).WithFix("barid status").WithFix("barid send --server HOST:PORT …")
	}
	d.net = c
	d.note("connected to " + c.RemoteAddr().String())
	if d.s.TLS == "implicit" {
		if err := d.handshake(ctx); err != nil {
			return err
		}
	}
	d.conn = smtp.NewConn(d.net)
	d.conn.Trace = d.trace
	_ = d.net.SetDeadline(time.Now().Add(d.s.Wait))
	r, err := d.conn.ReadReply()
	if err != nil {
		return d.broken("waiting for the greeting", err)
	}
	if !r.Positive() {
		return refused("the connection", r)
	}
	return nil
}

func (d *dialogue) handshake(ctx context.Context) error {
	host, _, _ := net.SplitHostPort(d.s.Server)
	t := tls.Client(d.net, &tls.Config{ServerName: host, InsecureSkipVerify: !d.s.Verify}) //nolint:gosec // --tls-verify turns it on; this is a probe
	_ = d.net.SetDeadline(time.Now().Add(d.s.Wait))
	if err := t.HandshakeContext(ctx); err != nil {
		return fault.New("B2004", "TLS with %s did not work", d.s.Server).WithFound("%v", err).Wrap(err)
	}
	d.net = t
	st := t.ConnectionState()
	d.sent.TLS = tls.VersionName(st.Version) + " " + tls.CipherSuiteName(st.CipherSuite)
	d.note("TLS: " + d.sent.TLS)
	return nil
}

func (d *dialogue) ehlo(context.Context) error {
	r, err := d.want("EHLO "+d.s.Helo, "EHLO")
	if err != nil {
		return err
	}
	d.ext = map[string]string{}
	for _, l := range r.Lines[min(1, len(r.Lines)):] {
		word, rest, _ := strings.Cut(l, " ")
		d.ext[strings.ToUpper(word)] = rest
	}
	return nil
}

func (d *dialogue) startTLS(ctx context.Context) error {
	_, offered := d.ext["STARTTLS"]
	switch {
	case d.s.TLS == "none", d.s.TLS == "implicit", d.s.TLS == "auto" && !offered:
		return nil
	case !offered:
		return fault.New("B2004", "%s does not offer STARTTLS", d.s.Server).WithFix("barid send --tls none …")
	}
	if _, err := d.want("STARTTLS", "STARTTLS"); err != nil {
		return err
	}
	if err := d.handshake(ctx); err != nil {
		return err
	}
	if err := d.conn.Reset(d.net); err != nil {
		return d.broken("changing to TLS", err)
	}
	return d.ehlo(ctx)
}

func (d *dialogue) auth(context.Context) error {
	if d.s.User == "" {
		return nil
	}
	if !strings.Contains(" "+strings.ToUpper(d.ext["AUTH"])+" ", " PLAIN ") {
		return fault.New("B2005", "%s does not offer a login here", d.s.Server).
			WithMeans("servers offer it on ports 587 and 465, and only inside TLS").WithFix("barid send --server HOST:587 --tls starttls …")
	}
	d.hide = true
	defer func() { d.hide = false }()
	plain := base64.StdEncoding.EncodeToString([]byte("\x00" + d.s.User + "\x00" + d.s.Password))
	_, err := d.want("AUTH PLAIN "+plain, "the login")
	return err
}

func (d *dialogue) mail(context.Context) error {
	path := "<" + d.s.From + ">"
	line := "MAIL FROM:" + path
	if _, ok := d.ext["SIZE"]; ok {
		line += " SIZE=" + itoa(len(d.s.Message))
	}
	if _, ok := d.ext["8BITMIME"]; ok && has8bit(d.s.Message) {
		line += " BODY=8BITMIME"
	}
	if d.needsUTF8() {
		if _, ok := d.ext["SMTPUTF8"]; !ok {
			return fault.New("B2006", "%s does not take addresses that are not ASCII", d.s.Server).
				WithMeans("it does not offer SMTPUTF8").WithFix("use an ASCII address of the same mailbox")
		}
		line += " SMTPUTF8"
	}
	_, err := d.want(line, "the sender")
	return err
}

func (d *dialogue) needsUTF8() bool {
	header, _, _ := bytes.Cut(d.s.Message, []byte("\r\n\r\n"))
	return has8bit(header) || has8bit([]byte(d.s.From+strings.Join(d.s.To, "")))
}

func (d *dialogue) rcpt(context.Context) error {
	var last smtp.Reply
	for _, to := range d.s.To {
		r, err := d.cmd("RCPT TO:<" + to + ">")
		if err != nil {
			return d.broken("naming a recipient", err)
		}
		if r.Positive() {
			d.sent.Accepted++
			continue
		}
		d.sent.Refused++
		last = r
	}
	if d.sent.Accepted == 0 {
		return refused("every recipient", last)
	}
	return nil
}

func (d *dialogue) data(context.Context) error {
	if _, err := d.want("DATA", "DATA"); err != nil {
		return err
	}
	_ = d.net.SetDeadline(time.Now().Add(10 * d.s.Wait))
	if _, err := d.conn.Data(bytes.NewReader(d.s.Message)); err != nil {
		return d.broken("sending the message", err)
	}
	d.note("message sent, " + itoa(len(d.s.Message)) + " octets")
	r, err := d.conn.ReadReply()
	if err != nil {
		return d.broken("waiting for the answer to the message", err)
	}
	d.sent.Reply = r.String()
	if !r.Positive() {
		return refused("the message", r)
	}
	return nil
}

// CheckAddress refuses what is not one address, before anything is sent.
func CheckAddress(s string) (string, error) {
	m, err := addr.ParseMailbox(s, true)
	if err != nil {
		return "", fault.New("B2007", "%q is not a mail address", s).WithFound("%v", err).WithExit(fault.ExitUsage)
	}
	return m.String(), nil
}
