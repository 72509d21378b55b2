package main

import (
	"strings"
	"testing"
	"time"

	"barid/ops/manage"
)

// TestStatusNamesWhatNeedsCare: a certificate that ends, one that is broken, a disk that fills, servers that are down.
func TestStatusNamesWhatNeedsCare(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	st := manage.Status{
		Stages: []manage.StageTime{{Stage: "receive", Count: 9, P50: 0.0004, P95: 0.02}, {Stage: "dns", Count: 2, P50: 1.2, P95: 71}},
		Disk:   &manage.DiskState{Path: "/var/lib/barid", Free: 300 << 20, Total: 10 << 30, Reserve: 256 << 20},
		Certificates: []manage.CertificateState{
			{Names: []string{"mx.example.org", "mail.example.org"}, Expires: now.AddDate(0, 0, 60)},
			{Names: []string{"old.example.org"}, Expires: now.AddDate(0, 0, 5)},
			{Names: []string{"gone.example.org"}, Expires: now.AddDate(0, 0, -1)},
			{File: "/etc/cert.pem", Trouble: "no such file"},
		},
		HostsDown: 1,
		Hosts:     []manage.HostState{{Host: "mx.example.net", Fails: 3, Since: now.Add(-time.Hour), Why: "no answer\x07 in time"}},
	}
	want := `stages    half/95% of the newest took up to: receive 400 µs/20 ms, dns 1.2 s/1m11s
disk      300.0 MiB free of 10.0 GiB (/var/lib/barid)  LOW: new mail is deferred below 256.0 MiB
cert      mx.example.org, mail.example.org  until 2027-01-21 (in 60 days)
cert      old.example.org  EXPIRES 2026-11-27 (in 5 days)
cert      gone.example.org  EXPIRES 2026-11-21 (EXPIRED)
cert      /etc/cert.pem  CAN NOT BE USED: no such file
servers   1 can not be reached; others of their domains are tried first
  mx.example.net  3 times since ` + now.Add(-time.Hour).Local().Format(time.DateTime) + `: no answer? in time
`
	var b strings.Builder
	printAround(&b, st, now)
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
	b.Reset()
	if printAround(&b, manage.Status{}, now); b.String() != "" {
		t.Errorf("nothing known, but said %q", b.String())
	}
}
