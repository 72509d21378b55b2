package intake

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"testing/iotest"

	"barid/base/kv"
	"barid/mail"
	"barid/mail/event"
	"barid/rfc/smtp"
	"barid/rfc/status"
)

func TestRefusals(t *testing.T) {
	hop := "Received: from a by b; date\r\n"
	own := "Received: from a (x)\r\n\tBY Mail.Example.Test with ESMTP; date\r\n"
	for _, c := range []struct {
		name string
		s    Settings
		text string
		code string
	}{
		{"100 hops", Settings{}, strings.Repeat(hop, 100) + plain, ""},
		{"101 hops, RFC 5321 §6.3", Settings{}, strings.Repeat(hop, 101) + plain, "554 5.4.6"},
		{"150 hops and a big body", Settings{}, strings.Repeat(hop, 150) + plain + strings.Repeat("x", 1<<20), "554 5.4.6"},
		{"10 times through here", Settings{}, strings.Repeat(own, 10) + plain, ""},
		{"11 times through here", Settings{}, strings.Repeat(own, 11) + plain, "554 5.4.6"},
		{"11 times through somebody like us", Settings{}, strings.Repeat("Received: by not"+host+"; x\r\n", 11) + plain, ""},
		{"message too big", Settings{MaxMessage: 1000}, plain + strings.Repeat("x", 1000), "552 5.3.4"},
		{"header too big", Settings{MaxHeader: 1000}, "X: " + strings.Repeat("x", 2000) + "\r\n\r\n", "552 5.3.4"},
		{"header too big by its end", Settings{MaxHeader: 70 << 10}, "X: " + strings.Repeat("x", 80<<10) + "\r\n\r\n", "552 5.3.4"},
		{"header without end too big", Settings{MaxHeader: 1000}, "X: " + strings.Repeat("x", 1<<20), "552 5.3.4"},
		{"a line of nearly 1 MB", Settings{}, "X: " + strings.Repeat("x", 1_000_000) + "\r\n\r\nb\r\n", ""},
		{"4 MB folded field", Settings{}, "X: " + strings.Repeat("x\r\n ", 1_000_000) + "\r\n\r\nb\r\n", "552 5.3.4"},
		{"our name behind 200,000 comments", Settings{}, "Authentication-Results: " + strings.Repeat("(x)", 200_000) + host + "; a\r\n\r\n", ""},
		{"100,000 fields", Settings{}, strings.Repeat("X: y\r\n", 100_000) + "\r\n", "552 5.3.4"},
		{"too many fields", Settings{MaxFields: 10}, strings.Repeat("X: y\r\n", 11) + "\r\n", "552 5.3.4"},
		{"10 fields", Settings{MaxFields: 10}, strings.Repeat("X: y\r\n", 10) + "\r\n", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, c.s)
			body := strings.NewReader(c.text)
			tx := w.begin(stranger(), smtp.MailParams{}, "one")
			_, err := tx.Data(t.Context(), body)
			if code(err) != c.code {
				t.Fatalf("got %v, want %q", err, c.code)
			}
			if err == nil {
				return
			}
			w.nothingStored()
			if c.s.MaxMessage == 0 && body.Len() != 0 {
				t.Errorf("%d bytes of the body were not read: the session is out of step", body.Len())
			}
			if ev := w.events.all; len(ev) != 1 || ev[0].Kind != event.Refused || ev[0].Stage != "data" || ev[0].Reason == "" {
				t.Errorf("events %+v", ev)
			}
		})
	}
}

func TestMailAndRcpt(t *testing.T) {
	w := newWorld(t, Settings{MaxMessage: 1000, MaxRecipients: 3, MaxDestinations: 4})
	open := login()
	open.Login = 0
	for _, c := range []struct {
		name string
		c    *mail.Client
		from string
		p    smtp.MailParams
		code string
	}{
		{"usual", stranger(), "<a@other.test>", smtp.MailParams{Size: 1000}, ""},
		{"SIZE too big, RFC 1870 §6.1", stranger(), "<a@other.test>", smtp.MailParams{Size: 1001}, "552 5.3.4"},
		{"non-ASCII without SMTPUTF8, RFC 6531 §3.5", stranger(), "<الف@other.test>", smtp.MailParams{}, "553 5.6.7"},
		{"non-ASCII with SMTPUTF8", stranger(), "<الف@other.test>", smtp.MailParams{UTF8: true}, ""},
		{"submission without login", open, "<a@other.test>", smtp.MailParams{}, "530 5.7.0"},
	} {
		tx, err := w.in.Begin(t.Context(), c.c, path(t, c.from), c.p)
		if code(err) != c.code || (tx == nil) != (err != nil) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	tx := w.begin(stranger(), smtp.MailParams{})
	for _, c := range []struct{ to, code string }{
		{"nobody@example.test", "550 5.1.1"},
		{"down@example.test", "451 4.3.0"},
		{"واحد@example.test", "553 5.6.7"},
		{"one@example.test", ""},
		{"team@example.test", ""},
		{"team@example.test", "452 4.5.3"}, // five destinations
		{"one@example.test", ""},
		{"two@example.test", "452 4.5.3"}, // four recipients
	} {
		if err := tx.Rcpt(t.Context(), path(t, "<"+c.to+">"), smtp.RcptParams{}); code(err) != c.code {
			t.Errorf("%s: %v, want %q", c.to, err, c.code)
		}
	}
	if _, err := tx.Data(t.Context(), strings.NewReader(plain)); err != nil {
		t.Fatal(err)
	}
}

func TestATransactionEndsOnce(t *testing.T) {
	w := newWorld(t, Settings{})
	one := path(t, "<one@example.test>")
	if _, err := w.send(stranger(), plain); code(err) != "554 5.5.1" {
		t.Errorf("no recipients: %v", err)
	}
	for name, end := range map[string]func(*Tx){
		"accepted":  func(tx *Tx) { _, _ = tx.Data(t.Context(), strings.NewReader(plain)) },
		"refused":   func(tx *Tx) { _, _ = tx.Data(t.Context(), iotest.ErrReader(io.ErrUnexpectedEOF)) },
		"aborted":   func(tx *Tx) { tx.Abort() },
		"twice":     func(tx *Tx) { tx.Abort(); tx.Abort() },
		"and after": func(tx *Tx) { _, _ = tx.Data(t.Context(), strings.NewReader(plain)); tx.Abort() },
	} {
		tx := w.begin(stranger(), smtp.MailParams{}, "one")
		end(tx)
		if err := tx.Rcpt(t.Context(), one, smtp.RcptParams{}); code(err) != "503 5.5.1" {
			t.Errorf("%s: RCPT %v", name, err)
		}
		if _, err := tx.Data(t.Context(), strings.NewReader(plain)); code(err) != "503 5.5.1" {
			t.Errorf("%s: DATA %v", name, err)
		}
	}
	if n := len(w.box.got); n != 2 {
		t.Errorf("%d messages", n)
	}
}

func TestABodyThatBreaksOffLeavesNothing(t *testing.T) {
	refused := status.Perm(6, 0, "bare LF").Because("bare-lf")
	for _, at := range []int{0, 10, len(plain) - 3, len(plain) + 100_000} {
		for _, broken := range []error{io.ErrUnexpectedEOF, io.ErrClosedPipe, refused} {
			w := newWorld(t, Settings{})
			text := plain + strings.Repeat("y", 200_000)
			body := io.MultiReader(strings.NewReader(text[:at]), iotest.ErrReader(broken))
			r, err := w.begin(stranger(), smtp.MailParams{}, "one").Data(t.Context(), body)
			if err != broken || r.ID != "" {
				t.Errorf("at %d: %+v, %v, want %v as it is", at, r, err, broken)
			}
			w.nothingStored()
			if _, err := w.send(stranger(), plain, "one"); err != nil { // the work space is clean again
				t.Error(err)
			}
			if got := w.last().text; !strings.HasSuffix(got, "+0000\r\n"+plain) {
				t.Errorf("after that: %q", clip(got))
			}
		}
	}
}

// withError gives its octets and an error in one call, and io.EOF in the next, as an io.Reader may.
type withError struct {
	text string
	err  error
}

func (r *withError) Read(p []byte) (n int, err error) {
	if r.err == nil {
		return 0, io.EOF
	}
	n = copy(p, r.text)
	if r.text = r.text[n:]; r.text == "" {
		err, r.err = r.err, nil
	}
	return n, err
}

// Whatever a reader says once, only io.EOF is the end of a message: other errors never earn a 250, not even
// one that comes with octets and is not said again.
func TestOnlyEOFEndsABody(t *testing.T) {
	errs := []error{
		io.ErrUnexpectedEOF, io.ErrNoProgress, io.ErrClosedPipe, net.ErrClosed, os.ErrDeadlineExceeded,
		context.Canceled, errors.New("odd"), fmt.Errorf("read: %w", io.EOF), status.Temp(4, 2, "connection lost"),
	}
	for _, text := range []string{"", "Subject", "Subject: x\r\n", plain, plain + strings.Repeat("y\r\n", 100_000)} {
		for _, broken := range errs {
			w := newWorld(t, Settings{})
			r, err := w.begin(stranger(), smtp.MailParams{}, "one").Data(t.Context(), &withError{text, broken})
			if err == nil || r.ID != "" {
				t.Errorf("%d octets, then %v: %+v, %v", len(text), broken, r, err)
			}
			w.nothingStored()
		}
	}
}

func TestStoreErrorsAreTemporary(t *testing.T) {
	odd := errors.New("I/O error")
	long := plain + strings.Repeat("w", 500_000)
	for _, c := range []struct {
		name string
		set  func(*world, error)
	}{
		{"create", func(w *world, err error) { w.blobs.create = err }},
		{"write", func(w *world, err error) { w.blobs.write = err }},
		{"commit of the body", func(w *world, err error) { w.blobs.commit = err }},
		{"commit of the mailboxes", func(w *world, err error) { w.box.err = err }},
	} {
		for err, want := range map[error]string{
			kv.ErrFull: "452 4.3.1", fmt.Errorf("segment 7: %w", kv.ErrFull): "452 4.3.1", kv.ErrUnavailable: "451 4.3.0",
			kv.ErrCorrupt: "451 4.3.0", kv.ErrClosed: "451 4.3.0", odd: "451 4.3.0", io.ErrUnexpectedEOF: "451 4.3.0", io.EOF: "451 4.3.0",
		} {
			w := newWorld(t, Settings{})
			c.set(w, err)
			body := strings.NewReader(long)
			_, got := w.begin(stranger(), smtp.MailParams{}, "one").Data(t.Context(), body)
			if code(got) != want || !errors.Is(got, err) {
				t.Errorf("%s: %v gives %v, want %s", c.name, err, got, want)
			}
			w.nothingStored()
			if body.Len() != 0 {
				t.Errorf("%s: %d bytes not read", c.name, body.Len())
			}
			if e, _ := status.Of(got); e != nil && strings.Contains(e.Public, "segment") {
				t.Errorf("%s: a stranger is told %q", c.name, e.Public)
			}
			c.set(w, nil)
			if _, err := w.send(stranger(), plain, "one"); err != nil {
				t.Errorf("%s: did not recover: %v", c.name, err)
			}
		}
	}
}
