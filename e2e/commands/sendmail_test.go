package commands

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"barid/e2e/peer"
	"barid/e2e/server"
	"barid/e2e/sink"
)

// baridAs runs the command for the configuration of s.
func baridAs(t *testing.T, s *server.Server, stdin string, args ...string) result {
	t.Helper()
	return runAs(t, s, stdin, server.Binary(t), args...)
}

// runAs runs any program with BARID_CONFIG set, in an empty folder.
func runAs(t *testing.T, s *server.Server, stdin, name string, args ...string) result {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = t.TempDir()
	cmd.Env = append(os.Environ(), "HOME="+cmd.Dir, "BARID_CONFIG="+s.File, "LC_ALL=C.UTF-8")
	cmd.Stdin = strings.NewReader(stdin)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return result{out.String(), errs.String(), cmd.ProcessState.ExitCode()}
}

// boxOf is the text of all messages of info@.
func boxOf(t *testing.T, s *server.Server) string {
	t.Helper()
	c, err := tls.Dial("tcp", s.Addr["pop3s"], &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprintf(c, "USER info@%s\r\nPASS %s\r\n", server.Domain, server.Password)
	for i := 1; i <= 20; i++ {
		fmt.Fprintf(c, "RETR %d\r\n", i)
	}
	fmt.Fprint(c, "QUIT\r\n")
	b, err := io.ReadAll(c)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// installed makes the links and gives the path of one.
func installed(t *testing.T) func(name string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "made", "too")
	if r := barid(t, "", "shim", "install", "--dir", dir, "--dry-run"); r.code != 0 || !contains(r.out, "sendmail", "postsuper", "made") {
		t.Fatalf("dry run: exit %d %s%s", r.code, r.out, r.errs)
	}
	if left, _ := os.ReadDir(dir); len(left) != 0 {
		t.Fatalf("a dry run made %v", left)
	}
	if r := barid(t, "", "shim", "install", "--dir", dir); r.code != 0 {
		t.Fatalf("exit %d %s", r.code, r.errs)
	}
	return func(name string) string { return filepath.Join(dir, name) }
}

func TestLinksAreMadeCarefully(t *testing.T) {
	needTime(t)
	dir := t.TempDir()
	other := filepath.Join(dir, "mailq")
	if err := os.WriteFile(other, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if r := barid(t, "", "shim", "install", "--dir", dir); r.code != 1 || !contains(r.errs, "B1010", other, "--force") {
		t.Errorf("exit %d %s", r.code, r.errs)
	}
	if left, _ := os.ReadDir(dir); len(left) != 1 {
		t.Errorf("half of the links were made: %v", left)
	}
	if r := barid(t, "", "shim", "install", "--dir", dir, "--force"); r.code != 0 || !contains(r.out, "replaced") {
		t.Errorf("exit %d %s%s", r.code, r.out, r.errs)
	}
	if r := barid(t, "", "shim", "install", "--dir", dir, "--json"); r.code != 0 || strings.Count(r.out, `"state":"there"`) != 5 {
		t.Errorf("exit %d %s%s", r.code, r.out, r.errs)
	}
}

// TestProgramsHandInMail calls sendmail as programs do, and looks at what arrives.
func TestProgramsHandInMail(t *testing.T) {
	needTime(t)
	s := server.Start(t, server.Options{Settings: "[outbound]\nenabled = false\n"})
	s.Must("alias", "add", "root@"+server.Domain, "info@"+server.Domain)
	sendmail := installed(t)("sendmail")
	for _, c := range []struct {
		name, stdin string
		args        []string
		want        []string
	}{
		{
			"cron", "From: root (Cron Daemon)\nTo: root\nSubject: Cron <root@mx> true\n\nall is well\n",
			[]string{"-FCronDaemon", "-i", "-odi", "-oem", "-oi", "-t", "-f", "root"},
			[]string{"Return-Path: <root@mx.example.test>", "From: Cron Daemon <root@mx.example.test>", "To: root@mx.example.test", "Message-ID: <", "Date: "},
		},
		{"echo | sendmail -t", "To: info@example.test\nSubject: echo\n\nfrom a shell\n", []string{"-t"}, []string{"Subject: echo", "From: <", "from a shell\r\n"}},
		{
			"PHP's mail()", "To: info@example.test\r\nSubject: =?UTF-8?B?2LPZhNin2YU=?=\r\nX-PHP-Originating-Script: 33:x.php\r\nFrom: www@example.test\r\n\r\nphp\r\n",
			[]string{"-t", "-i", "-f", "www@example.test"},
			[]string{"Return-Path: <www@example.test>", "X-PHP-Originating-Script: 33:x.php"},
		},
		{"Python's subprocess", "From: فروش@example.test\nTo: info@example.test\nSubject: python\n\nسلام\n.\nafter the dot\n", []string{"-t", "-oi"}, []string{"سلام\r\n", "after the dot\r\n"}},
		{"recipients as arguments", "Subject: args\n\nx\n", []string{"-i", "info@example.test", "demo@example.test"}, []string{"Subject: args"}},
		{"Bcc is not shown", "To: demo@example.test\nBcc: info@example.test\nSubject: hidden\n\nx\n", []string{"-t"}, []string{"Subject: hidden"}},
	} {
		r := runAs(t, s, c.stdin, sendmail, c.args...)
		if r.code != 0 || r.out != "" || r.errs != "" {
			t.Fatalf("%s: exit %d %s%s", c.name, r.code, r.out, r.errs)
		}
		box := boxOf(t, s)
		if !contains(box, c.want...) || !strings.Contains(box, "Received: from localhost (user ") {
			t.Errorf("%s: not all of %q in\n%s", c.name, c.want, box)
		}
		if strings.Contains(box, "Bcc:") {
			t.Errorf("%s: Bcc in\n%s", c.name, box)
		}
	}
	events := s.Must("status", "--json")
	if !strings.Contains(events, `"running":true`) {
		t.Error(events)
	}
}

// TestSendmailTellsByItsExitCode: who calls it knows what to do.
func TestSendmailTellsByItsExitCode(t *testing.T) {
	needTime(t)
	s := server.Start(t, server.Options{Settings: "[limits]\nmessage_bytes = 65536\n[outbound]\nenabled = false\n"})
	sendmail := installed(t)("sendmail")
	for _, c := range []struct {
		name, stdin string
		args        []string
		code        int
		says        string
	}{
		{"nobody has the name", "\n\nx\n", []string{"nobody@example.test"}, 67, "5.1.1"},
		{"one of two", "\n\nx\n", []string{"info@example.test", "nobody@example.test"}, 67, "nobody gets the message"},
		{"elsewhere, and outbound is off", "\n\nx\n", []string{"a@b.example"}, 77, "does not send mail to other domains"},
		{"too long", "Subject: x\n\n" + strings.Repeat("0123456789\n", 7000), []string{"info@example.test"}, 65, "5.3.4"},
		{"NUL", "Subject: x\n\n\x00\n", []string{"info@example.test"}, 65, "NUL"},
		{"no recipient", "Subject: x\n\nx\n", []string{"-t"}, 64, "no recipient"},
		{"unknown flag", "", []string{"-Z"}, 64, "-Z"},
		{"a daemon", "", []string{"-bd", "-q30m"}, 69, "barid serve"},
		{"newaliases", "", []string{"-bi"}, 0, ""},
	} {
		r := runAs(t, s, c.stdin, sendmail, c.args...)
		if r.code != c.code || !strings.Contains(r.errs, c.says) || c.code != 0 && !strings.HasPrefix(r.errs, "sendmail: ") {
			t.Errorf("%s: exit %d %q, want %d and %q", c.name, r.code, r.errs, c.code, c.says)
		}
	}
	if box := boxOf(t, s); strings.Contains(box, "Subject:") {
		t.Errorf("something was delivered:\n%s", box)
	}
	if r := runAs(t, s, "", sendmail, "-bv", "info@example.test", "nobody@example.test"); r.code != 67 || !contains(r.out, "info@example.test... deliverable", "undeliverable") {
		t.Errorf("-bv: exit %d %s%s", r.code, r.out, r.errs)
	}
	if r := runAs(t, s, "x\n", sendmail, "-v", "info@example.test"); r.code != 0 || !contains(r.errs, ">>> RCPT TO:<info@example.test>", "<<< 250 2.0.0") {
		t.Errorf("-v: exit %d %s%s", r.code, r.out, r.errs)
	}
}

// TestSendmailSpeaksSMTP: -bs is a whole session, with and without a server.
func TestSendmailSpeaksSMTP(t *testing.T) {
	needTime(t)
	s := server.Start(t, server.Options{})
	sendmail := installed(t)("sendmail")
	talk := "EHLO client\r\nMAIL FROM:<www@example.test>\r\nRCPT TO:<info@example.test>\r\nRCPT TO:<root>\r\nDATA\r\nSubject: by hand\r\n\r\n..dot\r\n.\r\nQUIT\r\n"
	for _, running := range []bool{true, false} {
		r := runAs(t, s, talk, sendmail, "-bs")
		if r.code != 0 || !contains(r.out, "220 mx.example.test", "250 2.1.5", "354 ", "250 2.0.0 Ok", "221 2.0.0") {
			t.Errorf("running %v: exit %d %s%s", running, r.code, r.out, r.errs)
		}
		if running {
			s.Stop()
		}
	}
	s.Boot()
	if box := boxOf(t, s); strings.Count(box, "Subject: by hand") != 2 || !strings.Contains(box, "\r\n..dot\r\n") {
		t.Errorf("%s", box)
	}
}

// TestOthersOfTheMachine: who may not enter the data folder sends through the public socket, if there is one,
// and is told so if there is none.
func TestOthersOfTheMachine(t *testing.T) {
	needTime(t)
	if os.Geteuid() != 0 {
		t.Fatal("only root can become somebody else; make test runs as root")
	}
	open, err := os.MkdirTemp("", "barid-public")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(open)
	if err := os.Chmod(open, 0o755); err != nil {
		t.Fatal(err)
	}
	public := filepath.Join(open, "s")
	s := server.Start(t, server.Options{Top: fmt.Sprintf("local_socket = %q\n", public)})
	asNobody := func(conf string) result {
		file := filepath.Join(open, "barid.toml")
		if err := os.WriteFile(file, []byte(conf), 0o644); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", server.Binary(t), "shim", "sendmail", "info@example.test")
		cmd.Dir, cmd.Stdin = open, strings.NewReader("Subject: from nobody\n\nx\n")
		cmd.Env = []string{"BARID_CONFIG=" + file, "PATH=" + os.Getenv("PATH")}
		out, err := cmd.CombinedOutput()
		if err != nil && cmd.ProcessState == nil {
			t.Fatal(err)
		}
		return result{"", string(out), cmd.ProcessState.ExitCode()}
	}
	data := fmt.Sprintf("hostname = \"mx.example.test\"\ndata = %q\n", filepath.Join(s.Dir, "data"))
	if r := asNobody(data); r.code != 77 || !contains(r.errs, "B3005") {
		t.Errorf("without the public socket: exit %d %s", r.code, r.errs)
	}
	if r := asNobody(data + fmt.Sprintf("local_socket = %q\n", public)); r.code != 0 {
		t.Errorf("with the public socket: exit %d %s", r.code, r.errs)
	}
	if box := boxOf(t, s); !contains(box, "Received: from localhost (user nobody)", "From: <nobody@mx.example.test>") {
		t.Errorf("%s", box)
	}
}

// TestQueueCommandsOfPostfix: what monitors and scripts read and do.
func TestQueueCommandsOfPostfix(t *testing.T) {
	needTime(t)
	s, k := carrier(t)
	bin := installed(t)
	run := func(stdin string, args ...string) string {
		t.Helper()
		r := runAs(t, s, stdin, bin(args[0]), args[1:]...)
		if r.code != 0 {
			t.Errorf("%q: exit %d %s%s", args, r.code, r.out, r.errs)
		}
		return r.out + r.errs
	}
	if out := run("", "mailq"); out != "Mail queue is empty\n" {
		t.Errorf("%q", out)
	}
	mailTo(t, s, "one@out.example")
	mailTo(t, s, "two@out.example")
	within(t, "both were tried", func() bool {
		es := queued(t, s)
		return len(es) == 2 && es[0].Attempts > 0 && es[1].Attempts > 0
	})
	es := queued(t, s)
	out := run("", "postqueue", "-p")
	if !strings.HasPrefix(out, "-Queue ID- --Size-- ----Arrival Time---- -Sender/Recipient-------\n"+es[0].QueueID+" ") ||
		!contains(out, "  info@example.test\n", "(451 4.2.1 the mailbox", "\n"+strings.Repeat(" ", 41)+"one@out.example\n") || !strings.HasSuffix(out, "\n-- 0 Kbytes in 2 Requests.\n") {
		t.Errorf("postqueue -p printed\n%s", out)
	}
	if same := run("", "sendmail", "-bp"); same != out {
		t.Errorf("sendmail -bp printed\n%s", same)
	}
	if out := run("", "postqueue", "-j"); strings.Count(out, `"queue_name":"deferred"`) != 2 || !contains(out, `"delay_reason":"451 4.2.1`, `"forced_expire":false`) {
		t.Errorf("postqueue -j printed\n%s", out)
	}
	if out := run("", "postsuper", "-h", es[0].QueueID); !contains(out, es[0].QueueID+": placed on hold", "Placed on hold: 1 message\n") {
		t.Errorf("%s", out)
	}
	if out := run("", "mailq"); !contains(out, es[0].QueueID+"!") {
		t.Errorf("%s", out)
	}
	run("", "postsuper", "-H", "ALL")
	k.Set(sink.Rcpt, sink.Behaviour{})
	run("", "postqueue", "-i", es[0].QueueID)
	within(t, "one is there", func() bool { return k.Count() == 1 })
	run("", "postqueue", "-s", "nowhere.example")
	k.Set(sink.Rcpt, sink.Behaviour{Reply: "451 4.2.1 busy"})
	if out := run(es[1].QueueID+"\nFFFFF\n", "postsuper", "-d", "-"); !contains(out, es[1].QueueID+": removed", "Deleted: 1 message\n") {
		t.Errorf("%s", out)
	}
	if out := run("", "mailq"); out != "Mail queue is empty\n" {
		t.Errorf("%q", out)
	}
	if out := run("", "newaliases"); out != "" {
		t.Errorf("%q", out)
	}
	if r := runAs(t, s, "", bin("postqueue")); r.code != 64 {
		t.Errorf("postqueue without a flag: exit %d", r.code)
	}
}

// TestMuttSendsThroughSendmail: a mail program that is told to use sendmail.
func TestMuttSendsThroughSendmail(t *testing.T) {
	needTime(t)
	peer.Need(t, "mutt")
	s := server.Start(t, server.Options{})
	sendmail := installed(t)("sendmail")
	r := runAs(t, s, "نامه از mutt\n", "mutt", "-n", "-F", "/dev/null", "-e", fmt.Sprintf("set sendmail=\"%s -oem -oi\"", sendmail),
		"-e", "set copy=no use_envelope_from=yes from=demo@example.test realname=Demo charset=utf-8", "-s", "سلام", "-b", "demo@example.test", "--", "info@example.test")
	if r.code != 0 {
		t.Fatalf("mutt: exit %d %s%s", r.code, r.out, r.errs)
	}
	if box := boxOf(t, s); !contains(box, "Return-Path: <demo@example.test>", "To: info@example.test", "From: Demo <demo@example.test>") || strings.Contains(box, "Bcc") {
		t.Errorf("%s", box)
	}
	r = runAs(t, s, "x\n", "mutt", "-n", "-F", "/dev/null", "-e", fmt.Sprintf("set sendmail=\"%s -oem -oi\" copy=no", sendmail), "-s", "x", "--", "nobody@example.test")
	if r.code == 0 {
		t.Errorf("mutt did not notice that nobody@ was refused: %s%s", r.out, r.errs)
	}
}

// TestASiteThatWasBrokenIntoIsBounded: what a user of this machine may send without a login ends, for now, and is shown.
func TestASiteThatWasBrokenIntoIsBounded(t *testing.T) {
	needTime(t)
	s := server.Start(t, server.Options{})
	s.Must("account", "set-limits", "--local", "--per-hour", "2")
	letter := "From: info@" + server.Domain + "\nSubject: one of many\n\nbody\n"
	for i, want := range []int{0, 0, 75} {
		r := baridAs(t, s, letter, "shim", "sendmail", "-i", "-f", "info@"+server.Domain, "info@"+server.Domain)
		if r.code != want || want != 0 && !contains(r.errs, "2 an hour", "try again after") {
			t.Errorf("%d: exit %d %s%s", i, r.code, r.out, r.errs)
		}
	}
	out := s.Must("account", "limits", "--local", "root")
	if !contains(out, "full", "messages an hour", "root", "local") {
		t.Error(out)
	}
	s.Must("account", "set-limits", "--local", "--per-hour", "default")
	if r := baridAs(t, s, letter, "shim", "sendmail", "-i", "-f", "info@"+server.Domain, "info@"+server.Domain); r.code != 0 {
		t.Errorf("exit %d %s%s", r.code, r.out, r.errs)
	}
}
