package intake

import (
	"errors"

	"barid/base/kv"
	"barid/mail/mailbox"
	"barid/rfc/status"
)

// The refusals of intake itself.
func needsUTF8() error {
	return status.Perm(6, 7, "non-ASCII address needs SMTPUTF8").WithReply(553).Because("address-needs-utf8")
}

func tooBig() error {
	return status.Perm(3, 4, "message is too big").Because("message-too-big")
}

func headerTooBig() error {
	return status.Perm(3, 4, "header section is too big").Because("header-too-big")
}

func loop() error {
	return status.Perm(4, 6, "too many hops, this is a mail loop").WithReply(554).Because("mail-loop")
}

func tooManyRecipients() error {
	return status.Temp(5, 3, "too many recipients, send the rest in another transaction").Because("too-many-recipients")
}

func badSequence() error {
	return status.Perm(5, 1, "no transaction, start with MAIL").Because("bad-sequence")
}

func noRecipients() error {
	return status.Perm(5, 1, "no valid recipients").WithReply(554).Because("no-recipients")
}

// answer makes a status of whatever went wrong. What has no status of its own is ours and temporary: a full
// disk or a damaged row is never a reason to bounce mail. id is repeated in the log.
func answer(err error, id string) *status.Error {
	if e, ok := status.Of(err); ok {
		return e
	}
	switch {
	case errors.Is(err, kv.ErrFull):
		return status.Temp(3, 1, "not enough storage, try again later").Because("storage-full").Wrap(err)
	case errors.Is(err, mailbox.ErrTooBig):
		return status.Perm(3, 4, "message is too big").Because("message-too-big").Wrap(err)
	}
	return status.Temp(3, 0, "local error, try again later (id "+id+")").Because("local-error").Wrap(err)
}

// isFailure tells whether a refusal is a failure of ours, which somebody should look at.
func isFailure(e *status.Error) bool { return e.Reason == "local-error" || e.Reason == "storage-full" }
