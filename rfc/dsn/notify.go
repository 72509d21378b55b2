package dsn

import "barid/rfc/smtp"

// Wanted tells whether the sender of a recipient with NOTIFY n is told of a (RFC 3461 §4.1). Without NOTIFY it
// is told of failures and delays (§4.1, §5.2.6 leave the delay to us).
func Wanted(n smtp.Notify, a Action) bool {
	if n == 0 {
		n = smtp.NotifyFailure | smtp.NotifyDelay
	}
	if n&smtp.NotifyNever != 0 {
		return false
	}
	switch a {
	case Failed:
		return n&smtp.NotifyFailure != 0
	case Delayed:
		return n&smtp.NotifyDelay != 0
	case Delivered, Relayed, Expanded:
		return n&smtp.NotifySuccess != 0
	}
	return false
}

// WantsFull tells whether all of the original is to be returned with a report of a (RFC 3461 §4.3): only with
// a failure, and only if RET=FULL asked for it. Without RET the header section is enough to know the message.
func WantsFull(ret string, a Action) bool { return a == Failed && ret == smtp.RetFull }

// OriginalRecipient gives the Original-Recipient of a report for what ORCPT said, decoded; it is zero when
// ORCPT was not given, because then the field must not be there (RFC 3461 §6.3).
func OriginalRecipient(orcpt string) Address {
	if orcpt == "" {
		return Address{}
	}
	return ParseAddress(orcpt)
}
