package remote

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"barid/flow/queue"
	"barid/mail/spool"
	"barid/rfc/smtp"
)

// maxText is how many octets of a server's words are kept.
const maxText = 500

// trouble ends a try with an address, a host, or the whole attempt, for all recipients still open.
type trouble struct {
	kind   queue.Kind // Deferred or Failed
	answer spool.Answer
	next   bool          // another host may do better
	retry  time.Duration // the other side asked to wait
	stale  bool          // an idle connection was dead: nothing was said, a new one may do
	noTLS  bool          // the handshake failed: in clear, if that is allowed, it may go
	busy   bool          // the host has too much to do: fewer connections
	cause  error         // for the log
}

// ours makes trouble of our own reason.
func ours(k queue.Kind, stage, enhanced, text string) *trouble {
	return &trouble{kind: k, answer: spool.Answer{Enhanced: enhanced, Text: text, Stage: stage}}
}

// orNext lets other hosts try.
func (t *trouble) orNext() *trouble { t.next = true; return t }

// from names the host that the trouble was with.
func (t *trouble) from(remote string) *trouble { t.answer.Remote = remote; return t }

// because notes the cause.
func (t *trouble) because(err error) *trouble { t.cause = err; return t }

// worse joins the troubles of two hosts. It fails only if both fail; a server's words count more than our own.
func worse(a, b *trouble) *trouble {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	case a.kind != b.kind:
		if a.kind == queue.Deferred {
			return a
		}
		return b
	case a.kind == queue.Failed, a.answer.Code != 0 && b.answer.Code == 0:
		return a
	}
	return b
}

// refused makes trouble of a reply that is not the wanted one.
func refused(stage, remote string, r smtp.Reply) *trouble {
	t := &trouble{kind: queue.Deferred, answer: answerOf(stage, remote, r)}
	switch r.Code / 100 {
	case 5:
		t.kind = queue.Failed
	case 4:
		t.retry = retryHint(t.answer.Text)
		t.busy = isBusy(&t.answer)
	default: // a reply that does not fit the command says nothing about the message (RFC 5321 §4.2.1)
		t.answer.Enhanced = "4.5.0"
	}
	t.next = aboutServer(&t.answer, t.kind)
	return t
}

// answerOf keeps a reply.
func answerOf(stage, remote string, r smtp.Reply) spool.Answer {
	a := spool.Answer{Code: r.Code, Enhanced: r.Enhanced, Text: words(r.Lines), Remote: remote, Stage: stage}
	if a.Enhanced == "" {
		a.Enhanced = enhancedOf(stage, r.Code)
	}
	return a
}

// aboutServer tells whether a temporary reply is about the server and not about sender, recipient or policy:
// then the domain's other servers may do better. Policy (4.7.x: too much, too fast, grey) is that of all of them.
func aboutServer(a *spool.Answer, k queue.Kind) bool {
	if k == queue.Failed {
		return a.Code == 521
	}
	switch subject(a.Enhanced) {
	case 3, 4, 5:
		return true
	case 0:
		return a.Code == 421 || a.Code == 451
	}
	return false
}

// isBusy tells whether a server says that we do too much at once: 421, 4.7.x about rates, 4.3.2, 4.4.5 (D83).
func isBusy(a *spool.Answer) bool {
	return a.Code == 421 || a.Enhanced == "4.7.28" || a.Enhanced == "4.3.2" || a.Enhanced == "4.4.5"
}

// subject gives the middle number of an enhanced code.
func subject(enhanced string) int {
	_, rest, _ := strings.Cut(enhanced, ".")
	s, _, _ := strings.Cut(rest, ".")
	n, _ := strconv.Atoi(s)
	return n
}

// enhancedOf gives the code of RFC 3463 for a basic one whose server gave none. Where RFC 5321 §4.2.2 allows
// many meanings it is the general one.
func enhancedOf(stage string, code int) string {
	rcpt := stage == spool.StageRcpt
	switch code {
	case 421:
		return "4.3.2"
	case 451:
		return "4.3.0"
	case 452:
		return "4.3.1"
	case 454:
		return "4.7.0"
	case 500:
		return "5.5.2"
	case 501, 504, 555:
		return "5.5.4"
	case 502, 503:
		return "5.5.1"
	case 521:
		return "5.3.2"
	case 535:
		return "5.7.8"
	case 550:
		if rcpt {
			return "5.1.0"
		}
	case 551:
		return "5.1.6"
	case 552:
		if rcpt {
			return "5.2.2"
		}
		return "5.3.4"
	case 553:
		return "5.1.0"
	case 556:
		return "5.1.10"
	}
	if code/100 == 5 {
		return "5.0.0"
	}
	return "4.0.0"
}

// words joins the lines of a reply into one text without control characters.
func words(lines []string) string {
	var b strings.Builder
	for i, l := range lines {
		if i > 0 && b.Len() > 0 {
			b.WriteByte(' ')
		}
		for _, c := range l {
			if b.Len() >= maxText {
				return b.String()
			}
			switch {
			case c < ' ' || c >= 0x7f && c < 0xa0 || c == 0x2028 || c == 0x2029:
				c = ' '
			case c == utf8.RuneError:
				c = '?'
			}
			b.WriteRune(c)
		}
	}
	return strings.TrimSpace(b.String())
}

// retryHint reads how long a server asks to wait: "try again in 300 seconds", "in 5 min". 0: it does not.
func retryHint(text string) time.Duration {
	words := strings.FieldsFunc(strings.ToLower(text), func(c rune) bool {
		return !(c >= '0' && c <= '9' || c >= 'a' && c <= 'z')
	})
	for i := 0; i+2 < len(words); i++ {
		if words[i] != "in" && words[i] != "after" && words[i] != "for" {
			continue
		}
		n, err := strconv.Atoi(words[i+1])
		if unit := unitOf(words[i+2]); err == nil && n > 0 && n < 1e6 && unit > 0 {
			return min(time.Duration(n)*unit, maxHint)
		}
	}
	return 0
}

// maxHint is the longest wait that a server's words are believed for.
const maxHint = 4 * time.Hour

func unitOf(word string) time.Duration {
	switch word {
	case "s", "sec", "secs", "second", "seconds":
		return time.Second
	case "m", "min", "mins", "minute", "minutes":
		return time.Minute
	case "h", "hr", "hour", "hours":
		return time.Hour
	}
	return 0
}

// broken makes trouble of an error of the connection.
func broken(ctx context.Context, stage, remote string, err error) *trouble {
	t := ours(queue.Deferred, stage, "4.4.2", "").from(remote).because(err).orNext()
	var timeout net.Error
	switch {
	case ctx.Err() != nil:
		t.answer.Enhanced, t.answer.Text, t.next = "4.3.2", "stopped before an answer came", false
	case errors.Is(err, smtp.ErrBadReply), errors.Is(err, smtp.ErrTooLong), errors.Is(err, smtp.ErrEndless),
		errors.Is(err, smtp.ErrBareCR), errors.Is(err, smtp.ErrBareLF), errors.Is(err, smtp.ErrNUL):
		t.answer.Enhanced, t.answer.Text = "4.5.0", "what the server said is no reply of SMTP"
	case errors.Is(err, errAhead):
		t.answer.Enhanced, t.answer.Text = "4.5.0", "the server answered what it was not asked"
	case errors.Is(err, os.ErrDeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		t.answer.Text = "no answer in time"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		t.answer.Text = "the server closed the connection without an answer"
	default:
		t.answer.Text = "the connection broke: " + plainError(err)
	}
	return t
}

// plainError tells a network error without addresses and operation, which stand elsewhere.
func plainError(err error) string {
	var op *net.OpError
	if errors.As(err, &op) && op.Err != nil {
		err = op.Err
	}
	var sys *os.SyscallError
	if errors.As(err, &sys) {
		err = sys.Err
	}
	return words([]string{err.Error()})
}
