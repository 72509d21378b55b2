package manage

import (
	"fmt"
	"strings"
	"time"

	"barid/mail"
	"barid/mail/event"
)

// connected tells of the session in which e happened.
func (t *tracer) connected(e *event.Event) Step {
	f := e.Facts
	s := Step{
		Time: f.Started, Code: StepConnected, Session: e.Session, Listener: e.Role.String(), Helo: f.Helo, Protocol: f.Protocol,
		TLS: f.TLS, Application: f.Application, Login: f.User,
	}
	if s.Time.IsZero() || s.Time.After(e.Time) {
		s.Time = e.Time
	}
	if e.Remote.IsValid() {
		s.Peer = e.Remote.String()
	}
	if e.Login != 0 {
		s.Login = t.names.of(t.ctx, e.Login)
	}
	return s
}

// step tells one event.
func (t *tracer) step(e *event.Event) Step {
	s := Step{
		Time: e.Time, Code: stepCode(e), ID: e.ID, Recipients: e.Rcpts, Size: e.Size, Stage: e.Stage, Reason: e.Reason,
		Status: statusWord(e), Took: took(e),
	}
	for _, to := range e.To {
		s.To = append(s.To, unicode(to))
	}
	switch {
	case e.From != "":
		s.From = unicode(e.From)
	case s.Code == StepAccepted:
		s.From = "<>"
	}
	if f := e.Facts; f != nil {
		s.Session, s.MessageID, s.EnvID, s.Checks = e.Session, f.MessageID, f.EnvID, f.Findings
	}
	if h := e.Hop; h != nil {
		s.Host, s.Answer, s.Destination, s.Entry, s.Attempt, s.Next, s.TLS = h.Host, h.Text, h.Destination, h.Entry, h.Attempt, h.Next, h.TLS
	}
	switch s.Code {
	case StepReported, StepNotReported, StepTold:
		s.Report, s.Kind, s.Stage, s.From, s.Size = e.Other, reportKind(e), "", "", 0
	case StepStored:
		s.Mailboxes = t.places(e)
	}
	return s
}

// stepCode names what happened. A message that went into mailboxes at once was accepted; the step behind says where
// it is.
func stepCode(e *event.Event) string {
	if isReport(e) {
		if e.Hop != nil {
			return StepTold
		}
		if e.Kind == event.Discarded {
			return StepNotReported
		}
		return StepReported
	}
	switch e.Kind {
	case event.Delivered:
		if e.Hop == nil && e.Stage == "" {
			return StepAccepted
		}
		return StepStored
	case event.Accepted, event.Refused, event.Deferred, event.Discarded, event.Queued, event.Relayed, event.Delayed, event.Bounced, event.Expired:
		return e.Kind.String() // they are the same words
	}
	return "unknown"
}

// reportKind is the action of a report: events name it "report-failed".
func reportKind(e *event.Event) string {
	switch {
	case e.Kind == event.Discarded:
		return ""
	case e.Hop != nil && isReport(e) && e.Kind == event.Bounced:
		return "failed"
	case e.Hop != nil && isReport(e):
		return e.Kind.String()
	}
	return strings.TrimPrefix(e.Reason, "report-")
}

func statusWord(e *event.Event) string {
	if e.Code == 0 {
		return e.Enhanced
	}
	return strings.TrimSpace(fmt.Sprintf("%d %s", e.Code, e.Enhanced))
}

func took(e *event.Event) *StepTook {
	t := StepTook{
		Receive: e.Timing.Receive.Seconds(), Check: e.Timing.Check.Seconds(), Store: e.Timing.Store.Seconds(), Deliver: e.Timing.Deliver.Seconds(),
	}
	if h := e.Hop; h != nil {
		t.DNS, t.Connect, t.TLS = h.DNS.Seconds(), h.Connect.Seconds(), h.Handshake.Seconds()
		t.Dialogue, t.Data = h.Dialogue.Seconds(), h.Data.Seconds()
	}
	if t == (StepTook{}) {
		return nil
	}
	return &t
}

// say adds the English words of a step.
func (t *tracer) say(s Step) Step {
	s.Text = t.words(&s)
	return s
}

func (t *tracer) words(s *Step) string {
	switch s.Code {
	case StepConnected:
		return connectedWords(s)
	case StepAccepted:
		return fmt.Sprintf("taken with %s: %s from %s to %s", s.Status, FormatBytes(s.Size), s.From, toWords(s))
	case StepRefused, StepDeferred:
		return refusedWords(s)
	case StepDiscarded:
		if s.Entry != "" {
			return fmt.Sprintf("an operator removed it from the queue for %s", toWords(s))
		}
		return "thrown away by a rule of " + toWords(s)
	case StepStored:
		return storedWords(s)
	case StepQueued:
		return queuedWords(s)
	case StepRelayed:
		return fmt.Sprintf("%s took it for %s%s", hostWords(s), toWords(s), saying(s))
	case StepDelayed:
		return fmt.Sprintf("attempt %d for %s%s%s", s.Attempt, toWords(s), answerWords(s), nextWords(s))
	case StepBounced:
		return fmt.Sprintf("given up for %s%s", toWords(s), answerWords(s))
	case StepExpired:
		return fmt.Sprintf("given up for %s: its time is over; the last answer%s", toWords(s), answerWords(s))
	case StepReported:
		return fmt.Sprintf("the sender is told about %s: %s", toWords(s), reportWords(s))
	case StepNotReported:
		return fmt.Sprintf("the sender is not told about %s (%s)", toWords(s), s.Reason)
	case StepTold:
		return fmt.Sprintf("%s reports about %s: %s%s", hostOnly(s), toWords(s), s.Kind, inReport(s))
	case StepAbout:
		return "this message is a report about " + s.About
	case StepOmitted:
		return fmt.Sprintf("%d events between are not shown", s.Count)
	case StepMissing:
		return missingWords(s)
	case StepLocal:
		return "done; no other server was contacted"
	case StepWaiting, StepHeld:
		return t.waitingWords(s)
	case StepSettled:
		return "done; nothing of it is in the queue"
	}
	return "something this program has no words for"
}

func connectedWords(s *Step) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s connected to %s", peerWords(s), map[string]string{
		mail.RoleMX.String(): "port 25 (mx)", mail.RoleSubmission.String(): "submission", mail.RoleLMTP.String(): "lmtp",
		mail.RoleLocal.String(): "the socket of this machine",
	}[s.Listener])
	if s.TLS == "" {
		b.WriteString(", in clear")
	} else {
		b.WriteString(", " + s.TLS)
	}
	if s.Login != "" {
		b.WriteString(", logged in as " + s.Login)
	}
	if s.Application != "" {
		fmt.Fprintf(&b, " with the password of %q", s.Application)
	}
	return b.String()
}

func peerWords(s *Step) string {
	switch {
	case s.Helo != "" && s.Peer != "":
		return s.Helo + " [" + s.Peer + "]"
	case s.Peer != "":
		return "[" + s.Peer + "]"
	}
	return "somebody"
}

// toWords names few recipients, and counts many.
func toWords(s *Step) string {
	const few = 3
	n := max(s.Recipients, len(s.To))
	switch {
	case n == 0:
		return "nobody"
	case len(s.To) == 0:
		return fmt.Sprintf("%d recipients", n)
	case n > few:
		return fmt.Sprintf("%s and %d more", strings.Join(s.To[:min(few-1, len(s.To))], ", "), n-min(few-1, len(s.To)))
	}
	return strings.Join(s.To, ", ")
}

func refusedWords(s *Step) string {
	w := "answered " + s.Status
	if s.Stage != "" {
		w += " at " + stageWords(s.Stage)
	}
	if len(s.To) > 0 && s.Stage == "rcpt" {
		w += " for " + toWords(s)
	}
	if s.Reason != "" {
		w += " (" + s.Reason + ")"
	}
	if s.Code == StepDeferred {
		w += "; the sender may try again"
	}
	return w
}

// stageWords names a stage of a dialogue as its command.
func stageWords(stage string) string {
	if w, ok := map[string]string{
		"connect": "the greeting", "helo": "EHLO", "mail": "MAIL", "rcpt": "RCPT", "data": "the end of data", "deliver": "delivery",
		"dns": "the look-up", "greeting": "the greeting", "ehlo": "EHLO", "tls": "STARTTLS", "starttls": "STARTTLS", "auth": "AUTH", "body": "the end of data",
	}[stage]; ok {
		return w
	}
	return stage
}

func storedWords(s *Step) string {
	var to []string
	for _, p := range s.Mailboxes {
		to = append(to, p.Mailbox+" of "+p.Account)
	}
	const few = 5
	if n := len(to); n > few {
		to = append(to[:few-1], fmt.Sprintf("%d more", n-few+1))
	}
	if len(to) == 0 {
		return "stored for " + toWords(s)
	}
	return "stored in " + strings.Join(to, ", ")
}

func queuedWords(s *Step) string {
	w := fmt.Sprintf("queued as %s for %s: %s", s.Entry, s.Destination, toWords(s))
	if !s.Next.IsZero() {
		w += ", not before " + clockWords(s.Next)
	}
	return w
}

// hostWords names the other server and how it was spoken to.
func hostWords(s *Step) string {
	w := s.Host
	if w == "" {
		w = "no server"
	}
	if s.TLS != "" {
		return w + " (" + s.TLS + ")"
	}
	if s.Host != "" {
		return w + " (in clear)"
	}
	return w
}

func hostOnly(s *Step) string {
	if s.Host == "" {
		return "another server"
	}
	return s.Host
}

// inReport gives what a report says, and which message it is.
func inReport(s *Step) string {
	w := strings.TrimSpace(s.Status + " " + s.Answer)
	if w != "" {
		w = fmt.Sprintf(": %q", w)
	}
	if s.Report != "" {
		w += " (message " + s.Report + ")"
	}
	return w
}

func saying(s *Step) string {
	if s.Answer == "" && s.Status == "" {
		return ""
	}
	return fmt.Sprintf(": %q", strings.TrimSpace(s.Status+" "+s.Answer))
}

// answerWords tells who said no: another server at some stage, or we ourselves.
func answerWords(s *Step) string {
	words := strings.TrimSpace(s.Status + " " + s.Answer)
	if s.Host == "" {
		return ": " + words
	}
	at := ""
	if s.Stage != "" {
		at = " at " + stageWords(s.Stage)
	}
	if !strings.Contains("0123456789", s.Status[:min(1, len(s.Status))]) || len(s.Status) < 3 || s.Status[1] == '.' { // our words about it
		return fmt.Sprintf(": %s%s: %s", hostWords(s), at, words)
	}
	return fmt.Sprintf(": %s said%s %q", hostWords(s), at, words)
}

func nextWords(s *Step) string {
	if s.Next.IsZero() {
		return ""
	}
	return "; next attempt at " + clockWords(s.Next)
}

func reportWords(s *Step) string {
	w := "report"
	if s.Kind != "" {
		w = s.Kind + " report"
	}
	if s.Report != "" {
		w += " " + s.Report
	}
	return w
}

func (t *tracer) waitingWords(s *Step) string {
	if s.Reason == "report" {
		return fmt.Sprintf("settled for all recipients; a report about it is still to be made (entry %s)", s.Entry)
	}
	if s.Code == StepHeld {
		return fmt.Sprintf("held in the queue for %s (entry %s): barid queue release %s", toWords(s), s.Entry, s.Entry)
	}
	w := fmt.Sprintf("still waiting for %s (entry %s)", toWords(s), s.Entry)
	if wait := s.Next.Sub(t.now); wait > 0 {
		w += fmt.Sprintf("; next attempt in %s, at %s", roughly(wait), clockWords(s.Next))
	} else {
		w += "; its turn is now"
	}
	if !s.Expires.IsZero() {
		w += "; given up at " + clockWords(s.Expires)
	}
	return w
}

// missingWords says what is not known, and that this is no loss of mail.
func missingWords(s *Step) string {
	if s.Reason == MissingBeginning {
		return "how it came here is not on record: it is too long ago, or the server was killed right behind the answer"
	}
	return fmt.Sprintf("what became of it for %s is not on record: it is not in the queue any more, and the server was killed before that was written down", toWords(s))
}

// clockWords gives a time with its day in UTC, so that the words are the same for everybody.
func clockWords(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05Z") }

// roughly gives "12m", "3h 5m", "45s": enough for a person who waits.
func roughly(d time.Duration) string {
	switch d = d.Round(time.Second); {
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh %dm", int(d.Hours()), int(d.Minutes())%60)
	}
	return fmt.Sprintf("%dd %dh", int(d.Hours())/24, int(d.Hours())%24)
}
