package report

import (
	"barid/flow/queue"
	"barid/mail/spool"
	"barid/rfc/dsn"
	"barid/rfc/smtp"
)

// Why a report that is due by the outcome is not made.
const (
	reasonOfReport   = "report-of-report"
	reasonToStranger = "report-to-stranger"
	reasonNoMailbox  = "report-no-mailbox"
	reasonOverQuota  = "over-quota"
	reasonInboxFull  = "report-not-read"
)

// actionOf gives the Action of a queue's kind; zero for one that is not reported.
func actionOf(k queue.Kind) dsn.Action {
	switch k {
	case queue.Failed:
		return dsn.Failed
	case queue.Delayed:
		return dsn.Delayed
	case queue.Delivered:
		return dsn.Delivered
	case queue.Relayed:
		return dsn.Relayed
	case queue.Expanded:
		return dsn.Expanded
	}
	return 0
}

// due gives the recipients that the sender of e is owed a report about. If some are, but none may be made,
// why tells the reason. It is pure.
func due(e *spool.Entry, a dsn.Action, rcpts []int, known func(*spool.Message) bool) (owed []int, why string) {
	for _, i := range rcpts {
		if i >= 0 && i < len(e.Rcpts) && wanted(e, &e.Rcpts[i], a) {
			owed = append(owed, i)
		}
	}
	switch {
	case len(rcpts) > 0 && e.From.Null: // whatever NOTIFY says: there is nobody to tell
		return nil, reasonOfReport
	case len(owed) == 0:
		return nil, ""
	case !known(&e.Message):
		return nil, reasonToStranger
	}
	return owed, ""
}

// wanted tells whether the sender asked to be told of a: by NOTIFY, by the T of BY, which asks for every hop
// (RFC 2852 §4), or by its N, where a server that knows no deadline took the message (§4.1.4.2).
func wanted(e *spool.Entry, r *spool.Rcpt, a dsn.Action) bool {
	return dsn.Wanted(r.Notify, a) || a == dsn.Relayed && (e.ByTrace || e.ByMode == 'N') && r.Notify&smtp.NotifyNever == 0
}
