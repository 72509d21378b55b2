package clients

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"barid/e2e/imap"
	"barid/e2e/peer"
	"barid/e2e/server"
)

// fetchmail keeps every message it gets as a file.
type fetchmail struct {
	t       *testing.T
	dir, rc string
}

func newFetchmail(t *testing.T, s *server.Server, w *wire, protocol, options string) *fetchmail {
	t.Helper()
	dir := t.TempDir()
	rc := peer.Write(t, dir+"/rc", fmt.Sprintf("set invisible\npoll 127.0.0.1 service %s protocol %s\n"+
		"  user %q password %q ssl sslcertck sslcertfile %s/cert.pem sslcommonname localhost\n"+
		"  %s no rewrite pass8bits mda %q\n", peer.Port(w.Addr), protocol, user, server.Password, s.Dir, options, deliverer(t, dir)), 0o600)
	return &fetchmail{t, dir, rc}
}

func (f *fetchmail) command() *exec.Cmd {
	cmd := exec.Command(peer.Need(f.t, "fetchmail"), "-f", f.rc, "--pidfile", f.dir+"/pid", "-i", f.dir+"/ids", "--nodetach")
	cmd.Env = peer.Environ("HOME="+f.dir, "FETCHMAILHOME="+f.dir)
	return cmd
}

// run gets what there is; 1 says that there was nothing.
func (f *fetchmail) run() {
	f.t.Helper()
	cmd := f.command()
	out, err := cmd.CombinedOutput()
	if code := cmd.ProcessState.ExitCode(); code > 1 {
		f.t.Fatalf("fetchmail: %v\n%s", err, out)
	}
}

// deliverer is a program that makes a file in dir of every message; delivered lists them by Message-ID.
func deliverer(t *testing.T, dir string) string {
	return peer.Write(t, dir+"/mda", "#!/bin/sh\ncat >"+dir+"/$$.part && mv "+dir+"/$$.part "+dir+"/$$.eml\n", 0o700)
}

func delivered(t *testing.T, dir string) string {
	files, _ := filepath.Glob(dir + "/*.eml") // the pattern is a good one
	var out []string
	for _, name := range files {
		out = append(out, idOf(t, name))
	}
	return strings.Join(sorted(out), " ")
}

func wantDelivered(t *testing.T, dir, want string) {
	t.Helper()
	if got := delivered(t, dir); got != want {
		t.Errorf("there are %q, want %q", got, want)
	}
}

// TestFetchmailIdles stays in IDLE: what comes is fetched by itself.
func TestFetchmailIdles(t *testing.T) {
	s := start(t)
	c := imap.Dial(t, s, user)
	mustAppend(t, c, "INBOX", ``, letter("one", 1))
	w := newWire(t, s, "imaps")
	f := newFetchmail(t, s, w, "IMAP", "nokeep idle")
	spawn(t, f.command())
	for i := 2; i <= 4; i++ {
		until(t, "fetchmail idles", func() bool { return strings.Count(w.said(), " IDLE\n")-strings.Count(w.said(), " DONE\n") == 1 })
		mustAppend(t, c, "INBOX", ``, letter("one", i))
		until(t, "fetchmail gets a new message", func() bool { return strings.Contains(delivered(t, f.dir), fmt.Sprintf("one.%d", i)) })
	}
	until(t, "fetchmail deletes what it has got", func() bool { return c.Count("INBOX") == 0 })
	wantDelivered(t, f.dir, "one.1 one.2 one.3 one.4")
	w.wantNoneRefused()
}

// TestFetchmailTakesWhatIsNew keeps the mail on the server: by IMAP, where \Seen tells what is old, from an Arabic
// mailbox too; and by POP3, where UIDL does.
func TestFetchmailTakesWhatIsNew(t *testing.T) {
	s := start(t)
	c := imap.Dial(t, s, user)
	c.Do("CREATE %q", arabicWire)
	for _, p := range []struct{ protocol, listener, options, more string }{
		{"IMAP", "imaps", fmt.Sprintf("keep folder INBOX, %q", arabicWire), " one.3"},
		{"POP3 uidl", "pop3s", "keep", ""},
	} {
		for _, box := range []string{"INBOX", arabicWire} {
			c.Do("SELECT %q", box)
			c.Do(`STORE 1:* +FLAGS.SILENT (\Deleted)`)
			c.Do("EXPUNGE")
		}
		w := newWire(t, s, p.listener)
		f := newFetchmail(t, s, w, p.protocol, p.options)
		mustAppend(t, c, "INBOX", ``, letter("one", 1))
		mustAppend(t, c, "INBOX", ``, letter("one", 2))
		mustAppend(t, c, arabicWire, ``, letter("one", 3))
		f.run()
		wantDelivered(t, f.dir, "one.1 one.2"+p.more)
		f.run()
		wantDelivered(t, f.dir, "one.1 one.2"+p.more)
		mustAppend(t, c, "INBOX", ``, letter("two", 4))
		f.run()
		wantDelivered(t, f.dir, "one.1 one.2"+p.more+" two.4")
		w.wantNoneRefused()
	}
}
