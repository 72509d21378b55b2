package report

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"barid/mail/event"
	"barid/rfc/addr"
	"barid/rfc/dsn"
	"barid/rfc/mime"
)

// arrive stores a report and hands it to an Inbox.
func (w *world) arrive(x *Inbox, text string, to ...string) {
	w.t.Helper()
	a := Arrival{ID: "in.1", From: addr.Path{Null: true}, Blob: w.blob(text), Parsed: mime.Scan([]byte(text), mime.DefaultLimits())}
	for _, s := range to {
		a.To = append(a.To, path(s).Mailbox)
	}
	x.Arrived(a)
	synctest.Wait()
}

// recorded gives the events that came after those of history().
func recorded(l *events) []event.Event {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]event.Event(nil), l.all[len(history().all):]...)
}

func (w *world) openInbox() *Inbox {
	w.events.all = history().all
	x := NewInbox(InboxDeps{
		Matcher: &Matcher{Events: w.events, Index: index{}, Names: []string{"mail.ours.test"}}, Blobs: w.db, Events: w.events,
		Flush: func(context.Context) error { return nil },
	})
	x.Start()
	return x
}

func TestAnIncomingReportIsRecordedForItsMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		x := w.openInbox()
		defer x.Close()
		w.arrive(x, bounce{final: "info@example.org", envid: "QQ314159"}.text(), "sender@ours.test")
		got := recorded(w.events)
		if len(got) != 1 {
			t.Fatalf("%d events", len(got))
		}
		e := got[0]
		if e.Kind != event.Bounced || e.ID != txID || e.Login != 1 || e.Reason != "bounce-hard" || e.Enhanced != "5.1.1" || e.Code != 550 ||
			e.Other != "in.1" || e.Hop == nil || e.Hop.Host != "mx.example.org" || e.Hop.Text != "no such user" || strings.Join(e.To, " ") != "info@example.org" {
			t.Errorf("%+v %+v", e, e.Hop)
		}
		// What was recorded is not taken for something that we sent.
		w.arrive(x, bounce{final: "other@example.org", envid: "QQ314159"}.text(), "sender@ours.test")
		if got := recorded(w.events); len(got) != 2 || strings.Join(got[1].To, " ") != "other@example.org" {
			t.Errorf("%+v", got)
		}
	})
}

func TestWhatIsNoReportAboutOursLeavesNoTrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		x := w.openInbox()
		defer x.Close()
		w.arrive(x, "Subject: hello\r\n\r\nnothing\r\n", "sender@ours.test")
		w.arrive(x, bounce{final: "info@example.org", envid: "QQ314159"}.text(), "stranger@ours.test") // not whose message it was
		w.arrive(x, bounce{final: "info@example.org", envid: "unknown"}.text(), "sender@ours.test")
		w.arrive(x, "X-Long: "+strings.Repeat("x", inboxHeader)+"\r\n"+bounce{final: "info@example.org", envid: "QQ314159"}.text(), "sender@ours.test")
		x.Arrived(Arrival{})
		if got := recorded(w.events); len(got) != 0 {
			t.Errorf("%+v", got)
		}
	})
}

func TestAnInboxThatIsFullDoesNotBlock(t *testing.T) {
	x := NewInbox(InboxDeps{Matcher: &Matcher{}}) // not started
	for range 2 * inboxRoom {
		x.Arrived(Arrival{Parsed: &mime.Message{}})
	}
	if len(x.queue) != inboxRoom {
		t.Errorf("%d wait", len(x.queue))
	}
	x.Close()
}

func TestTroubleWithTheEventsIsNotFatal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		x := w.openInbox()
		defer x.Close()
		x.d.Flush = func(context.Context) error { return errors.New("closed") }
		w.arrive(x, bounce{final: "info@example.org", envid: "QQ314159"}.text(), "sender@ours.test")
		x.d.Flush = nil
		w.arrive(x, bounce{final: "info@example.org", envid: "QQ314159"}.text(), "sender@ours.test")
		if got := recorded(w.events); len(got) != 1 {
			t.Errorf("%d events", len(got))
		}
	})
}

func TestKindsOfIncomingReports(t *testing.T) {
	r := Result{ID: txID, Sender: "sender@ours.test", Bounce: dsn.Bounce{Report: dsn.Report{ReportingMTA: "mx.example.org"}}}
	for a, want := range map[dsn.Action]event.Kind{
		dsn.Failed: event.Bounced, dsn.Delayed: event.Delayed, dsn.Delivered: event.Delivered, dsn.Relayed: event.Relayed, dsn.Expanded: event.Relayed, 0: event.Bounced,
	} {
		e := r.event(&Told{Final: "a@b.test", Recipient: dsn.Recipient{Action: a}}, "in.1", noon)
		if e.Kind != want || e.Hop.Host != "mx.example.org" || e.Stage != "report" || e.To[0] != "a@b.test" {
			t.Errorf("%v: %+v", a, e)
		}
	}
	for in, want := range map[string]string{
		"552 5.2.2 full": "full", "552 full": "full", "full": "full", "": "", "99 bottles": "99 bottles", "550": "", "552 5.1.1 no": "5.1.1 no",
	} {
		if _, got := remoteWords(in, "5.2.2"); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
