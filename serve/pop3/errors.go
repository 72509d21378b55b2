package pop3

import (
	"errors"

	"barid/base/kv"
	"barid/mail/mailbox"
	"barid/rfc/pop3"
	"barid/rfc/sasl"
	"barid/rfc/status"
)

// The response codes (RFC 2449 §8.1.1, RFC 3206 §4).
const (
	codeNone  = ""
	codeAuth  = "[AUTH] "
	codeInUse = "[IN-USE] "
	codeTemp  = "[SYS/TEMP] "
	codePerm  = "[SYS/PERM] "
	codeDelay = "[LOGIN-DELAY] "
)

// refusal is an error of the session itself.
type refusal struct {
	code string
	text string
	junk bool // counts against Settings.MaxJunk
	over bool // ends the session
}

// Error gives the text.
func (r *refusal) Error() string { return r.text }

var (
	errUnknown    = &refusal{text: "unknown command", junk: true}
	errSyntax     = &refusal{text: "not a command", junk: true}
	errArguments  = &refusal{text: "wrong arguments", junk: true}
	errNotYet     = &refusal{text: "log in first", junk: true}
	errNotAnyMore = &refusal{text: "only before login", junk: true}
	errTooLong    = &refusal{text: "command line is too long", junk: true}
	errLineEnd    = &refusal{text: "lines must end with CR LF", junk: true}
	errNoUser     = &refusal{text: "say USER first", junk: true}
	errNoMessage  = &refusal{text: "no such message"}
	errIsDeleted  = &refusal{text: "message is deleted"}
	errNeedsTLS   = &refusal{code: codeAuth, text: "passwords are taken only inside TLS: use STLS or the TLS port", junk: true}
	errNoTLS      = &refusal{text: "TLS is not to be had here"}
	errHasTLS     = &refusal{text: "TLS is on already", junk: true}
	errMechanism  = &refusal{text: "unknown authentication mechanism"}
	errIdentity   = &refusal{code: codeAuth, text: "nobody can act for somebody else here"}
	errLanguage   = &refusal{text: "that language is not spoken here"}
	errTooSoon    = &refusal{code: codeDelay, text: "too soon after the last login"}
	errInUse      = &refusal{code: codeInUse, text: "another session has the mailbox open"}
	errLeft       = &refusal{code: codeTemp, text: "some deleted messages were not removed", over: true}
	errFlooded    = &refusal{text: "endless command line", over: true}
	errStopping   = &refusal{code: codeTemp, text: "the server is stopping, try again soon", over: true}
)

// answer is what an error looks like on the wire. internal errors are ours: they go to the log.
type answer struct {
	refusal
	internal bool
}

// answerTo turns any error into an answer. No text of an error that is not made for strangers gets through.
func answerTo(err error) answer {
	var r *refusal
	if errors.As(err, &r) {
		return answer{refusal: *r}
	}
	if e, ok := status.Of(err); ok {
		return answer{refusal: refusal{code: codeOf(e), text: e.Public}}
	}
	switch {
	case errors.Is(err, pop3.ErrLine), errors.Is(err, pop3.ErrCommand):
		return answer{refusal: *errSyntax}
	case errors.Is(err, sasl.ErrCancelled):
		return answer{refusal: refusal{text: "authentication cancelled"}}
	case errors.Is(err, sasl.ErrEncoding), errors.Is(err, sasl.ErrSyntax), errors.Is(err, sasl.ErrTooLong):
		return answer{refusal: refusal{text: "malformed authentication response", junk: true}}
	case errors.Is(err, mailbox.ErrGone):
		return answer{refusal: refusal{text: "message was removed by another client"}}
	case errors.Is(err, kv.ErrCorrupt):
		return answer{refusal: refusal{code: codePerm, text: "the message is damaged"}, internal: true}
	}
	return answer{refusal: refusal{code: codeTemp, text: "internal error"}, internal: true}
}

func codeOf(e *status.Error) string {
	switch {
	case e.Class == status.Transient:
		return codeTemp
	case e.Subject == 7:
		return codeAuth
	}
	return codePerm
}
