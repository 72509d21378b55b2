package interop

import (
	"fmt"
	"strings"
	"testing"

	"barid/e2e/imap"
	"barid/e2e/peer"
	"barid/e2e/server"
)

// muttConfig logs in by imaps and submits with STARTTLS.
func muttConfig(t *testing.T, s *server.Server, dir string) string {
	return peer.Write(t, dir+"/muttrc", fmt.Sprintf(`set folder="imaps://localhost:%[1]s/" spoolfile="+INBOX" record="+Sent" postponed="+Drafts"
set imap_user="info@example.test" imap_pass="%[3]s"
set smtp_url="smtp://info%%40example.test@localhost:%[2]s/" smtp_pass="%[3]s" smtp_authenticators="plain"
set ssl_starttls=yes ssl_force_tls=yes certificate_file="%[4]s/cert.pem"
set from="info@example.test" realname="Info" hostname="client.example.com" use_from=yes copy=yes use_envelope_from=yes
set confirmappend=no confirmcreate=no delete=yes move=no quit=yes wait_key=no mark_old=no beep=no sort=mailbox-order
set header_cache="" charset="utf-8" send_charset="us-ascii:utf-8" tmpdir="%[5]s" index_format="<%%Z|%%s>"
`, peer.Port(s.Addr["imaps"]), peer.Port(s.Addr["submission"]), server.Password, s.Dir, dir), 0o600)
}

// mutt opens a mailbox on a terminal of its own and types; it gives what stood on the screen.
func mutt(t *testing.T, s *server.Server, mailbox, keys string) string {
	t.Helper()
	peer.Need(t, "mutt")
	dir := t.TempDir()
	rc := muttConfig(t, s, dir)
	script := peer.Write(t, dir+"/run", fmt.Sprintf("#!/bin/sh\nstty rows 40 cols 120\nexec mutt -F %s -f '+%s' -e 'push \"%s\"'\n", rc, mailbox, keys), 0o700)
	r := peer.Run(t, peer.Command{
		Name: "socat", Args: []string{"-t", "60", "-T", "20", "STDIO,ignoreeof", "EXEC:" + script + ",pty,setsid,ctty"},
		Env: []string{"TERM=vt100", "LC_ALL=C.UTF-8", "HOME=" + dir}, Dir: dir,
	})
	if r.Code != 0 {
		t.Fatalf("mutt ended with %d: %s %s", r.Code, r.Err, r.Out)
	}
	return r.Out
}

// TestMuttReadsMarksAndSaves lists a mailbox, tags, flags, saves to another one, deletes and undeletes.
func TestMuttReadsMarksAndSaves(t *testing.T) {
	s := start(t)
	c := imap.Dial(t, s, "info@"+server.Domain)
	for i := 1; i <= 4; i++ {
		mustAppend(t, c, "INBOX", ``, letter("letter", i))
	}
	mustAppend(t, c, "INBOX", `\Flagged`, []byte("From: فروش@example.test\r\nSubject: =?utf-8?B?2YHYp9qp2KrZiNix?=\r\n\r\nfatura\r\n"))
	c.Do("CREATE %q", arabicName)

	screen := mutt(t, s, "INBOX", "<tag-pattern>~s letter<enter><tag-prefix><flag-message>"+
		"<untag-pattern>~A<enter><tag-pattern>~s 2<enter><tag-prefix><copy-message>=رسائل<enter>"+
		"<untag-pattern>~A<enter><tag-pattern>~s 3<enter><tag-prefix><save-message>=Archive<enter>"+
		"<delete-pattern>~s 4<enter><sync-mailbox><first-entry><display-message><exit><quit>")
	for _, want := range []string{"letter 1", "letter 2", "فاکتور"} {
		if !strings.Contains(screen, want) {
			t.Errorf("the screen did not show %q", want)
		}
	}
	want := []string{
		`INBOX "FS" "letter 1`, `INBOX "F" "letter 2`, `INBOX "F" "` + "فاکتور",
		arabicName + ` "F" "letter 2`, `Archive "F" "letter 3`,
	}
	got := mailThere(c)
	for _, w := range want {
		if !found(got, w) {
			t.Errorf("%s is not there", w)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d messages, want %d", len(got), len(want))
	}
	if t.Failed() {
		t.Logf("there are\n%s\nthe screen was\n%q", strings.Join(got, "\n"), screen)
	}
}

// found looks for a message by mailbox, flags and subject: `INBOX "F" "letter 2`.
func found(all []string, want string) bool {
	place, subject, _ := strings.Cut(want, `" "`)
	encoded := map[string]string{"فاکتور": "=?utf-8?B?2YHYp9qp2KrZiNix?="}[subject]
	if encoded != "" {
		subject = encoded
	}
	for _, one := range all {
		if strings.HasPrefix(one, place+`" `) && strings.Contains(one, "Subject: "+subject+`\n`) {
			return true
		}
	}
	return false
}

// TestMuttSends submits with STARTTLS and keeps a copy in Sent.
func TestMuttSends(t *testing.T) {
	s := start(t)
	dir := t.TempDir()
	attachment := peer.Write(t, dir+"/گزارش.txt", "سلام\n", 0o600)
	peer.Must(t, peer.Command{
		Name: "mutt", Args: []string{"-F", muttConfig(t, s, dir), "-s", "سلام from mutt", "-a", attachment, "--", "demo@example.test"},
		Stdin: []byte("متن\n.\nFrom here\n"), Env: []string{"LC_ALL=C.UTF-8", "HOME=" + dir},
	})
	sent := imap.Dial(t, s, "info@"+server.Domain)
	sent.Do("EXAMINE Sent")
	copies := sent.Fetch("(FLAGS BODY.PEEK[])")
	c := imap.Dial(t, s, "demo@"+server.Domain)
	c.Do("EXAMINE INBOX")
	got := c.Fetch("(BODYSTRUCTURE BODY.PEEK[])")
	if len(copies) != 1 || len(got) != 1 {
		t.Fatalf("%d copies in Sent, %d messages arrived", len(copies), len(got))
	}
	m, err := cutTrace([]byte(imap.Text(got[0]["BODY[]"])))
	if err != nil || m.protocol != "ESMTPSA" || m.from != "info@example.test" {
		t.Errorf("came %+v, %v", m, err)
	}
	copied := imap.Text(copies[0]["BODY[]"])
	if undated(copied) != undated(string(m.rest)) {
		t.Errorf("Sent has\n%q\nthe recipient\n%q", copied, m.rest)
	}
	parts := partsOf(got[0]["BODYSTRUCTURE"].([]any), nil, true)
	if len(parts) != 3 || parts[2].Name != "گزارش.txt" {
		t.Errorf("parts\n%s", lines(parts))
	}
}

// undated is a message without the line that mutt writes anew for its copy.
func undated(message string) string {
	before, after, ok := strings.Cut(message, "Date: ")
	_, after, _ = strings.Cut(after, "\r\n")
	if !ok {
		return message
	}
	return before + after
}
