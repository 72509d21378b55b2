package report

import (
	"barid/mail/spool"
	"barid/rfc/dsn"
	"barid/rfc/status"
)

// topicOf gives the key of what a code means to a person: "topic.full.means". Codes that say one thing decide;
// with the others the words of the host do, as far as they tell something.
func topicOf(s dsn.Status, words string) string {
	if t := topicOfCode(s); t != "" {
		return t
	}
	return topicOfClass(dsn.Classify(s, words))
}

// topicOfCode knows the codes of RFC 3463 and of the IANA registry that are not used for many things.
func topicOfCode(s dsn.Status) string {
	switch s.Subject {
	case 1:
		return [...]string{1: "no-address", 2: "no-domain", 3: "bad-address", 4: "no-address", 6: "moved", 10: "no-mail"}[inRange(s.Detail, 11)]
	case 2:
		return [...]string{1: "disabled", 2: "full", 3: "big"}[inRange(s.Detail, 4)]
	case 3:
		return [...]string{1: "busy", 2: "busy", 3: "lacks", 4: "big"}[inRange(s.Detail, 5)]
	case 4:
		return [...]string{
			1: "unreachable", 2: "unreachable", 3: "dns", 4: "no-route", 5: "busy", 6: "loop", 7: "expired",
		}[inRange(s.Detail, 8)]
	case 6:
		if s.Detail >= 7 && s.Detail <= 10 { // RFC 6531 §7
			return "needs-utf8"
		}
		return "form"
	case 7:
		switch {
		case s.Detail == 10 || s.Detail == 30: // RFC 8689 §6
			return "no-tls"
		case s.Detail >= 20 && s.Detail <= 26:
			return "auth"
		}
	}
	return ""
}

// inRange gives d, or 0 if it is not below n.
func inRange(d uint16, n int) int {
	if int(d) >= n {
		return 0
	}
	return int(d)
}

func topicOfClass(c dsn.Class) string {
	switch c {
	case dsn.Hard:
		return "no-address"
	case dsn.Soft:
		return "busy"
	case dsn.Full:
		return "full"
	case dsn.Blocked:
		return "blocked"
	case dsn.Auth:
		return "auth"
	case dsn.Policy:
		return "policy"
	case dsn.Size:
		return "big"
	case dsn.Content:
		return "content"
	case dsn.DNS:
		return "no-domain"
	case dsn.Loop:
		return "loop"
	}
	return "other"
}

// statusOf gives the code for a recipient: what the host or we said, as exactly as it was said. A recipient
// that was given up keeps the code of the last attempt, and has 4.4.7 if there is none (RFC 3463 §3.5).
func statusOf(r *spool.Rcpt, a dsn.Action) dsn.Status {
	s, ok := dsn.ParseStatus(r.Last.Enhanced)
	if !ok {
		s = dsn.FromReply(r.Last.Code)
	}
	switch a {
	case dsn.Delivered, dsn.Relayed, dsn.Expanded:
		if s.Class != status.Success {
			s = dsn.Status{Class: status.Success}
		}
	case dsn.Delayed:
		if s.Class != status.Transient {
			s = dsn.Status{Class: status.Transient}
		}
	case dsn.Failed:
		if s.Class == status.Success || s.Unknown() {
			s = dsn.Status{Class: status.Permanent}
		}
		if r.State == spool.Expired && s.Vague() {
			s = dsn.Status{Class: status.Transient, Subject: 4, Detail: 7}
		}
	}
	return s
}
