package main

import (
	"strings"
	"testing"
	"time"

	"barid/ops/manage"
)

// TestTheLegendNamesEveryStepOnce: in the reader's language, and every step there is has words.
func TestTheLegendNamesEveryStepOnce(t *testing.T) {
	steps := []manage.Step{{Code: manage.StepConnected}, {Code: manage.StepDelayed}, {Code: manage.StepDelayed}, {Code: manage.StepMissing}}
	var b strings.Builder
	printLegend(&b, manage.Trace{Messages: []manage.Journey{{Steps: steps}, {Steps: steps}}}, "fa")
	lines := strings.Split(strings.TrimSpace(b.String()), "\n")
	if len(lines) != 3 || !strings.HasPrefix(lines[0], "connected     برنامه") || !strings.HasPrefix(lines[1], "delayed ") || !strings.HasPrefix(lines[2], "missing ") {
		t.Errorf("%q", lines)
	}
}

// TestTraceIsOneScreen fixes what a person sees: aligned, with the day, and nothing that moves the cursor.
func TestTraceIsOneScreen(t *testing.T) {
	noon := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	at := func(d time.Duration) time.Time { return noon.Add(d) }
	tr := manage.Trace{Messages: []manage.Journey{{ID: "01jd4xk8t0003f7q2m.1", Steps: []manage.Step{
		{Time: at(0), Code: manage.StepConnected, Text: "client.example [192.0.2.9] connected to submission, TLS1.3"},
		{
			Time: at(17 * time.Millisecond), Code: manage.StepAccepted, Text: "taken", MessageID: "a@b.test", EnvID: "QQ", Checks: []string{"iprev=pass", "spf=none"},
			Took: &manage.StepTook{Receive: 0.012, Check: 0.0004, Store: 1.25, Deliver: 71},
		},
		{Time: at(13 * time.Hour), Code: manage.StepBounced, Text: "said \"550 \x1b[31mred\u202e\x9b\" فروش"},
		{Time: at(13 * time.Hour), Code: manage.StepStored, Text: "stored in INBOX of info@example.test", About: "01jd4xk8t0003f7q2m.1"},
		{Time: at(99 * time.Hour), Code: manage.StepSettled, Text: "done"},
	}}, {ID: "01jd4xk8t0003f7q2m.2"}}}
	const want = `message 01jd4xk8t0003f7q2m.1
2026-11-22 UTC
12:00:00.000             connected     client.example [192.0.2.9] connected to submission, TLS1.3
12:00:00.017     +17 ms  accepted      taken
                                       Message-ID <a@b.test>
                                       ENVID QQ
                                       checks: iprev=pass, spf=none
                                       took: receive 12 ms, check 400 µs, store 1.2 s, deliver 1m11s
2026-11-23 UTC
01:00:00.000   +13h0m0s  bounced       said "550 ?[31mred??" فروش
01:00:00.000      +0 µs  stored        the report: stored in INBOX of info@example.test
now                      settled       done

message 01jd4xk8t0003f7q2m.2
`
	var b strings.Builder
	printTrace(&b, tr, time.UTC)
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}

func TestSpans(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second: "0 µs", 0: "0 µs", 400 * time.Microsecond: "400 µs", 1500 * time.Microsecond: "1.5 ms", 17 * time.Millisecond: "17 ms", 1200 * time.Millisecond: "1.2 s",
		5*time.Minute + 12*time.Second + 300*time.Millisecond: "5m12s", 26 * time.Hour: "26h0m0s",
	} {
		if got := span(d); got != want {
			t.Errorf("%v: %q, want %q", d, got, want)
		}
	}
}
