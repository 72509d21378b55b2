package imap

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"

	"barid/base/kv"
	"barid/mail/mailbox"
	"barid/mail/search"
	"barid/rfc/imap"
	"barid/rfc/status"
	"barid/serve/listen"
)

// refusal is a tagged NO or BAD. This file is the only one that makes them of other errors.
type refusal struct {
	bad  bool
	junk bool   // counts against Settings.MaxBad though it is a NO
	code string // response code of RFC 3501 §7.1, RFC 5530 and extensions; "" for none
	text string // safe for a stranger, ASCII
}

// Error gives the line.
func (r refusal) Error() string { return r.line() }

func (r refusal) word() string {
	if r.bad {
		return "bad"
	}
	return "no"
}

// line is the response without its tag.
func (r refusal) line() string {
	word := "NO "
	if r.bad {
		word = "BAD "
	}
	if r.code != "" {
		return word + "[" + r.code + "] " + r.text
	}
	return word + r.text
}

func okLine(code, text string) string {
	if code != "" {
		return "OK [" + code + "] " + text
	}
	return "OK " + text
}

// badf refuses a command the client should not have sent.
func badf(text string) error { return refusal{bad: true, text: text} }

// codeGone says that the rest was done (RFC 5530 §3).
const codeGone = "EXPUNGEISSUED"

// isBad reports whether err will be a BAD.
func isBad(err error) bool {
	var r refusal
	var syntax *imap.SyntaxError
	return errors.As(err, &syntax) || errors.As(err, &r) && r.bad
}

// no refuses a command that can not be done, with a response code.
func no(code, text string) error { return refusal{code: code, text: text} }

// refusals maps the errors of mail/mailbox; the first that matches wins.
var refusals = []struct {
	err error
	is  refusal
}{
	{mailbox.ErrNoMailbox, refusal{code: "NONEXISTENT", text: "there is no such mailbox"}},
	{mailbox.ErrExists, refusal{code: "ALREADYEXISTS", text: "there is a mailbox of that name"}},
	{mailbox.ErrName, refusal{code: "CANNOT", text: "not a name a mailbox can have"}},
	{imap.ErrName, refusal{code: "CANNOT", text: "mailbox name is not modified UTF-7"}},
	{mailbox.ErrKeywordMany, refusal{code: "LIMIT", text: "too many keywords in this mailbox"}},
	{mailbox.ErrKeyword, refusal{bad: true, text: "not a keyword"}},
	{mailbox.ErrLimit, refusal{code: "LIMIT", text: "too many mailboxes"}},
	{mailbox.ErrInbox, refusal{code: "CANNOT", text: "INBOX can not be deleted"}},
	{mailbox.ErrHasChildren, refusal{code: "HASCHILDREN", text: "the name has names below it"}},
	{mailbox.ErrNoSelect, refusal{code: "CANNOT", text: "the name holds other names, no messages"}},
	{mailbox.ErrUse, refusal{code: "USEATTR", text: "special use is taken or unknown"}},
	{search.ErrTooLong, refusal{code: "LIMIT", text: "too many words to look for"}},
	{mailbox.ErrBatch, refusal{code: "LIMIT", text: "too many messages at once"}},
	{mailbox.ErrAnnotationSize, errMetadataSize},
	{mailbox.ErrAnnotationMany, refusal{code: "METADATA TOOMANY", text: "too many annotations"}},
	{mailbox.ErrGrants, refusal{code: "LIMIT", text: "too many identifiers have rights in this mailbox"}},
	{mailbox.ErrTooBig, refusal{code: "TOOBIG", text: "message is over the size limit"}},
	{mailbox.ErrOverQuota, refusal{code: "OVERQUOTA", text: "mailbox is full"}},
	{mailbox.ErrGone, refusal{code: codeGone, text: "some of the messages were expunged"}},
	{mailbox.ErrFullUIDs, refusal{code: "LIMIT", text: "all UIDs of the mailbox are used up"}},
	{mailbox.ErrTooOld, refusal{code: "UNAVAILABLE", text: "changes are not known so far back"}},
	{mailbox.ErrRemoved, refusal{code: "CONTACTADMIN", text: "the account is being removed"}},
	{kv.ErrFull, refusal{code: "UNAVAILABLE", text: "storage is full, try again later"}},
	{kv.ErrCorrupt, refusal{code: "CORRUPTION", text: "stored data is damaged"}},
	{kv.ErrNotFound, refusal{code: codeGone, text: "some messages are gone"}},
	{kv.ErrClosed, refusal{code: "UNAVAILABLE", text: "server is going down"}},
	{context.Canceled, refusal{code: "UNAVAILABLE", text: "server is going down"}},
}

// answer turns any error into a tagged response. A plain error is internal: NO [UNAVAILABLE] with the
// session's id, which the log repeats.
func (s *session) answer(err error) refusal {
	var r refusal
	var syntax *imap.SyntaxError
	switch {
	case errors.As(err, &r):
		return r
	case errors.As(err, &syntax):
		return refusal{bad: true, text: syntax.Why}
	}
	for _, m := range refusals {
		if errors.Is(err, m.err) {
			if m.is.code == "CORRUPTION" || m.err == kv.ErrFull {
				s.log.Error("imap command failed", "user", s.user, "err", err)
			}
			return m.is
		}
	}
	if e, ok := status.Of(err); ok {
		return ofStatus(e)
	}
	s.log.Error("imap command failed", "user", s.user, "err", err)
	return refusal{code: "UNAVAILABLE", text: "temporary failure, try again later (" + s.id + ")"}
}

// ofStatus is for refusals with an enhanced code of their own (RFC 3463): logins, and what later
// packages add.
func ofStatus(e *status.Error) refusal {
	r := refusal{text: e.Public}
	switch {
	case e.Subject == 7 && e.Class == status.Permanent && e.Detail == 8:
		r.code, r.junk = "AUTHENTICATIONFAILED", true
	case e.Subject == 7 && e.Class == status.Permanent:
		r.code, r.junk = "AUTHORIZATIONFAILED", true
	case e.Subject == 2 && e.Detail == 2:
		r.code = "OVERQUOTA"
	case e.Subject == 3 && e.Detail == 4:
		r.code = "LIMIT"
	case e.Class == status.Transient:
		r.code, r.junk = "UNAVAILABLE", e.Subject == 7
	default:
		r.code = "CANNOT"
	}
	return r
}

// brokenLiteral is a failure of the store after the size of a literal was told: only the end of the
// connection tells the client that the bytes are not all there.
type brokenLiteral struct{ err error }

func (b brokenLiteral) Error() string { return fmt.Sprintf("response broken off: %v", b.err) }
func (b brokenLiteral) Unwrap() error { return b.err }

// isConnection reports errors of reading a command that connectionError answers: mostly nobody listens any more,
// or must.
func isConnection(err error) bool {
	var broken brokenLiteral
	var fatal *imap.FatalError
	var big *imap.TooBigError
	var op *net.OpError
	return errors.As(err, &broken) || errors.As(err, &fatal) || errors.As(err, &big) || errors.As(err, &op) || isTimeout(err) ||
		errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, listen.ErrStopping) || isUnpackable(err)
}
