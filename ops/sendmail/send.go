package sendmail

import (
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"

	"barid/rfc/addr"
	"barid/rfc/smtp"
)

// stepTime is how long the server may take for one step.
const stepTime = 10 * time.Minute

// Dialogue is a session with the server, from its greeting on.
type Dialogue struct {
	conn net.Conn
	smtp *smtp.Conn
	Host string // the server's name
	max  int    // recipients of one transaction; 0: not told
	dsn  bool   // reports can be asked for
}

// Begin greets the server at the other end of c. show, if not nil, sees every line.
func Begin(c net.Conn, show func(side byte, line []byte)) (*Dialogue, error) {
	d := &Dialogue{conn: c, smtp: smtp.NewConn(c)}
	d.smtp.Trace = show
	d.step()
	r, err := d.smtp.ReadReply()
	if err != nil {
		return nil, broken(err)
	}
	if r.Code != 220 {
		return nil, refused("the server does not take mail now", r)
	}
	if r, err = d.cmd("EHLO localhost"); err != nil {
		return nil, err
	}
	if r.Code != 250 || len(r.Lines) == 0 {
		return nil, refused("the server does not take mail now", r)
	}
	d.Host, _, _ = strings.Cut(r.Lines[0], " ")
	for _, l := range r.Lines[1:] {
		d.dsn = d.dsn || l == "DSN"
		if limits, ok := strings.CutPrefix(l, "LIMITS "); ok {
			d.limits(limits)
		}
	}
	return d, nil
}

// limits reads RCPTMAX of RFC 9422.
func (d *Dialogue) limits(s string) {
	for _, w := range strings.Fields(s) {
		if v, ok := strings.CutPrefix(w, "RCPTMAX="); ok {
			d.max, _ = strconv.Atoi(v) // 0 is not told
		}
	}
}

func (d *Dialogue) step() { _ = d.conn.SetDeadline(time.Now().Add(stepTime)) }

func (d *Dialogue) cmd(line string) (smtp.Reply, error) {
	d.step()
	r, err := d.smtp.Cmd(line)
	if err != nil {
		return r, broken(err)
	}
	return r, nil
}

// broken is the loss of the server: nothing is known to be taken.
func broken(err error) error { return exit(TempFail, err, "the server went away") }

func refused(what string, r smtp.Reply) *Exit {
	return exit(exitOf(r), nil, "%s: %s", what, strings.TrimSpace(fmt.Sprintf("%d %s %s", r.Code, r.Enhanced, strings.Join(r.Lines, " "))))
}

// End says goodbye; what is taken stays taken whatever becomes of that.
func (d *Dialogue) End() {
	_, _ = d.cmd("QUIT")
	_ = d.conn.Close()
}

// Deliver hands l in for the recipients of e.
func (d *Dialogue) Deliver(o *Options, e *Envelope, l *Letter) error {
	groups := chunks(e.To, d.max)
	if len(groups) > 1 { // ask for all before the first is sent
		for _, to := range groups {
			if err := d.begin(o, e, to, l.Size()); err != nil {
				return err
			}
			if _, err := d.cmd("RSET"); err != nil {
				return err
			}
		}
	}
	for _, to := range groups {
		if err := d.begin(o, e, to, l.Size()); err != nil {
			return err
		}
		if err := d.data(l); err != nil {
			return err
		}
	}
	return nil
}

func chunks(to []addr.Mailbox, n int) (out [][]addr.Mailbox) {
	for n > 0 && len(to) > n {
		out, to = append(out, to[:n]), to[n:]
	}
	return append(out, to)
}

// begin says MAIL and RCPT. All recipients are asked about, so that every refusal is told.
func (d *Dialogue) begin(o *Options, e *Envelope, to []addr.Mailbox, size int64) error {
	if err := d.mail(o, e, size); err != nil {
		return err
	}
	var bad []string
	var first *Exit
	for _, m := range to {
		r, err := d.cmd("RCPT TO:<" + m.String() + ">" + d.notify(o))
		if err != nil {
			return err
		}
		if r.Code/100 == 2 {
			continue
		}
		why := refused("recipient "+m.Unicode(), r)
		bad = append(bad, why.Text)
		if first == nil || first.Code == TempFail { // it is of no use to try again
			first = why
		}
	}
	if first == nil {
		return nil
	}
	if _, err := d.cmd("RSET"); err != nil {
		return err
	}
	return exit(first.Code, nil, "nobody gets the message: %s", strings.Join(bad, "; "))
}

func (d *Dialogue) mail(o *Options, e *Envelope, size int64) error {
	line := "MAIL FROM:" + e.From.String()
	if size > 0 {
		line += " SIZE=" + strconv.FormatInt(size, 10)
	}
	line += " BODY=8BITMIME"
	if e.utf8() {
		line += " SMTPUTF8"
	}
	if d.dsn && o.Ret != "" {
		line += " RET=" + o.Ret
	}
	if d.dsn && o.EnvID != "" {
		line += " ENVID=" + string(smtp.AppendXtext(nil, o.EnvID))
	}
	r, err := d.cmd(line)
	if err == nil && r.Code/100 != 2 {
		err = refused("sender "+e.From.String(), r)
	}
	return err
}

func (d *Dialogue) notify(o *Options) string {
	if !d.dsn || o.Notify == "" {
		return ""
	}
	return " NOTIFY=" + o.Notify
}

// data sends the message.
func (d *Dialogue) data(l *Letter) error {
	r, err := d.cmd("DATA")
	if err != nil {
		return err
	}
	if r.Code != 354 {
		return refused("message", r)
	}
	if _, err := d.smtp.Data(deadlines{d, l.Reader()}); err != nil {
		if errors.Is(err, smtp.ErrBareCR) || errors.Is(err, smtp.ErrBareLF) || errors.Is(err, smtp.ErrNUL) {
			return exit(DataErr, err, "message")
		}
		return broken(err)
	}
	d.step()
	r, err = d.smtp.ReadReply()
	switch {
	case err != nil:
		return broken(err)
	case r.Code/100 != 2:
		return refused("message", r)
	}
	return nil
}

// deadlines gives each piece of a message its time.
type deadlines struct {
	d *Dialogue
	r io.Reader
}

// Read implements io.Reader.
func (r deadlines) Read(p []byte) (int, error) {
	r.d.step()
	return r.r.Read(p)
}

// Verify tells for each recipient whether mail from the sender would be taken.
func (d *Dialogue) Verify(o *Options, e *Envelope, tell func(line string)) error {
	if err := d.mail(o, e, 0); err != nil {
		return err
	}
	var failed error
	for _, m := range e.To {
		r, err := d.cmd("RCPT TO:<" + m.String() + ">")
		switch {
		case err != nil:
			return err
		case r.Code/100 == 2:
			tell(m.Unicode() + "... deliverable")
		default:
			failed = refused(m.Unicode()+"... undeliverable", r)
			tell(failed.Error())
		}
	}
	return failed
}

// Proxy carries a session between standard input and output and the server (-bs).
func Proxy(c net.Conn, in io.Reader, out io.Writer) error {
	go func() {
		_, _ = io.Copy(c, in) // its end is the end of the session, however it comes
		if half, ok := c.(interface{ CloseWrite() error }); ok {
			_ = half.CloseWrite()
		}
	}()
	if _, err := io.Copy(out, c); err != nil {
		return broken(err)
	}
	return nil
}
