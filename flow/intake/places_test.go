package intake

import (
	"context"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"barid/flow/policy"
	"barid/mail"
	"barid/rfc/addr"
	"barid/rfc/smtp"
)

// ledger holds something for every transaction and notes how each ended. It refuses at a stage, if asked to.
type ledger struct {
	refuse policy.Stage
	ends   []policy.Outcome
}

func (*ledger) Name() string        { return "sender" } // DefaultSettings has a rule for its Fail
func (*ledger) Stage() policy.Stage { return policy.Mail }
func (*ledger) Quick() bool         { return true }

func (l *ledger) Run(_ context.Context, tx *policy.Tx) ([]policy.Finding, error) {
	tx.Held.Put(l.Name(), l)
	if l.refuse == policy.Mail {
		return []policy.Finding{{Result: policy.Fail, Reason: "sender-envelope"}}, nil
	}
	return nil, nil
}

func (l *ledger) End(o policy.Outcome) { l.ends = append(l.ends, o) }

// TestChecksHearHowATransactionEnded ends transactions in every way there is, each of them once.
func TestChecksHearHowATransactionEnded(t *testing.T) {
	const text = "From: one@example.test\r\n\r\ntext\r\n"
	for name, c := range map[string]struct {
		refuse policy.Stage
		play   func(w *world, tx *Tx)
		want   policy.Outcome
	}{
		"accepted": {play: func(w *world, tx *Tx) {
			_, err := tx.Data(w.t.Context(), strings.NewReader(text))
			if err != nil {
				w.t.Fatal(err)
			}
			tx.Abort()
		}, want: policy.Outcome{Accepted: true, Size: int64(len(text)), Rcpts: []addr.Mailbox{{Local: "one", Domain: "example.test"}}}},
		"refused at MAIL": {refuse: policy.Mail},
		"given up":        {play: func(_ *world, tx *Tx) { tx.Abort(); tx.Abort() }},
		"cut off": {play: func(w *world, tx *Tx) {
			if _, err := tx.Data(w.t.Context(), io.MultiReader(strings.NewReader(text), iotest.ErrReader(io.ErrUnexpectedEOF))); err == nil {
				w.t.Fatal("taken")
			}
		}},
		"not stored": {play: func(w *world, tx *Tx) {
			w.box.full = map[mail.AccountID]bool{1: true}
			if _, err := tx.Data(w.t.Context(), strings.NewReader(text)); err == nil {
				w.t.Fatal("taken")
			}
			tx.Abort()
		}},
	} {
		t.Run(name, func(t *testing.T) {
			l := &ledger{refuse: c.refuse}
			w := newWorld(t, Settings{}, l)
			from := addr.Path{Mailbox: addr.Mailbox{Local: "one", Domain: "example.test"}}
			client := login()
			tx, err := w.in.Begin(t.Context(), client, from, smtp.MailParams{})
			if (err != nil) != (c.play == nil) {
				t.Fatal(err)
			}
			if c.play != nil {
				if err := tx.Rcpt(t.Context(), from, smtp.RcptParams{}); err != nil {
					t.Fatal(err)
				}
				c.play(w, tx)
			}
			if len(l.ends) != 1 {
				t.Fatalf("it ended %d times: %+v", len(l.ends), l.ends)
			}
			got := l.ends[0]
			if got.Accepted != c.want.Accepted || got.Size != c.want.Size || len(got.Rcpts) != len(c.want.Rcpts) ||
				len(got.Rcpts) > 0 && got.Rcpts[0] != c.want.Rcpts[0] {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
}
