package interop

import (
	"fmt"
	"strings"
	"testing"

	"barid/e2e/imap"
	"barid/e2e/peer"
	"barid/e2e/server"
)

// TestCurlSends sends by smtps and by STARTTLS, also to an address in Persian (RFC 6531).
func TestCurlSends(t *testing.T) {
	s := start(t)
	raw := "Date: Tue, 18 Nov 2025 10:20:30 +0300\r\n" + string(letter("here", 1))
	file := peer.Write(t, t.TempDir()+"/letter", raw, 0o600)
	for _, c := range []struct {
		name, protocol, to, box string
		args                    []string
	}{
		{"TLS", "ESMTPSA", "demo@example.test", "demo@example.test", []string{"smtps://" + s.Addr["submissions"] + "/client.example.com"}},
		{"STARTTLS", "ESMTPSA", "demo@example.test", "demo@example.test", []string{"--ssl-reqd", "smtp://" + s.Addr["submission"] + "/client.example.com"}},
		{"UTF-8", "UTF8SMTPSA", "فروش@example.test", "فروش@example.test", []string{"smtps://" + s.Addr["submissions"] + "/client.example.com"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			curl(t, s, "info@"+server.Domain, append([]string{"--mail-from", "info@example.test", "--mail-rcpt", c.to, "--upload-file", file}, c.args...)...)
			m := imap.Dial(t, s, c.box)
			m.Do("EXAMINE INBOX")
			got := m.Fetch("(BODY.PEEK[])")
			if len(got) == 0 {
				t.Fatal("nothing came")
			}
			tr, err := cutTrace([]byte(imap.Text(got[len(got)-1]["BODY[]"])))
			if err != nil || string(tr.rest) != raw || tr.protocol != c.protocol || tr.to != c.to {
				t.Errorf("came %+v, %v", tr, err)
			}
		})
	}
}

// TestCurlReads walks through the IMAP and POP3 commands that curl has.
func TestCurlReads(t *testing.T) {
	s := start(t)
	user := "info@" + server.Domain
	box, pop := "imaps://"+s.Addr["imaps"]+"/", "pop3s://"+s.Addr["pop3s"]+"/"
	file := peer.Write(t, t.TempDir()+"/letter", string(letter("here", 1)), 0o600)
	for _, step := range []struct {
		name string
		args []string
		want string // somewhere in what curl prints
	}{
		{"appends", []string{"--upload-file", file, box + "INBOX"}, ""},
		{"appends again", []string{"--upload-file", file, box + "INBOX"}, ""},
		{"lists", []string{box}, `* LIST (\HasNoChildren \Sent) "/" Sent`},
		{"looks", []string{box, "-X", "STATUS INBOX (MESSAGES UIDNEXT)"}, "* STATUS INBOX (MESSAGES 2 UIDNEXT 3)"},
		{"searches", []string{box + "INBOX?SUBJECT%20here"}, "* SEARCH 1 2\r\n"},
		{"reads a header", []string{box + "INBOX;UID=2;SECTION=HEADER.FIELDS%20(SUBJECT)"}, "Subject: here 1\r\n\r\n"},
		{"reads a text", []string{box + "INBOX;UID=2;SECTION=TEXT"}, "letter 1, سلام\r\n.\r\n"},
		{"marks", []string{box + "INBOX", "-X", `STORE 1 +FLAGS (\Deleted \Flagged)`}, `* 1 FETCH (FLAGS (\Flagged \Deleted \Seen`},
		{"expunges", []string{box + "INBOX", "-X", "EXPUNGE"}, "* 1 EXPUNGE"},
		{"makes a mailbox", []string{box, "-X", "CREATE " + arabicName}, ""},
		{"sees the mailbox", []string{box + "?", "-X", `LIST "" "*"`}, `"/" ` + arabicName},
		{"lists by POP3", []string{pop}, fmt.Sprintf("1 %d\r\n", len(letter("here", 1)))},
		{"asks for UIDs by POP3", []string{pop, "-X", "UIDL"}, "1 "},
		{"reads the top by POP3", []string{pop + "1%200", "-X", "TOP"}, "Subject: here 1\r\n"},
		{"deletes by POP3", []string{pop + "1", "-X", "DELE", "--list-only"}, ""},
		{"sees nothing more", []string{box, "-X", "STATUS INBOX (MESSAGES)"}, "MESSAGES 0)"},
	} {
		out := curl(t, s, user, step.args...)
		if !strings.Contains(out, step.want) {
			t.Errorf("%s: curl %q printed %q, want %q", step.name, step.args, out, step.want)
		}
	}
	if r := peer.Run(t, peer.Command{Name: "curl", Args: []string{"--silent", "--cacert", s.Dir + "/cert.pem", "--user", user + ":wrong", box}}); r.Code != 67 {
		t.Errorf("curl with a wrong password ended with %d, want 67 (login denied)", r.Code)
	}
}
