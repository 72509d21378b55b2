package clients

import (
	"fmt"
	"testing"

	"barid/e2e/imap"
	"barid/e2e/peer"
	"barid/e2e/server"
)

// getmailConfig reads with a retriever of getmail into files in dir.
func getmailConfig(t *testing.T, w *wire, s *server.Server, dir, retriever, options string) string {
	return peer.Write(t, dir+"/rc-"+retriever, fmt.Sprintf(`[retriever]
type = %s
server = localhost
port = %s
username = %s
password = %s
ca_certs = %s/cert.pem
%s
[destination]
type = MDA_external
path = %s
allow_root_commands = true
unixfrom = false
[options]
read_all = false
received = false
delivered_to = false
verbose = 0
`, retriever, peer.Port(w.Addr), user, server.Password, s.Dir, options, deliverer(t, dir)), 0o600)
}

// TestGetmailTakesWhatIsNew reads by IMAP, from an Arabic mailbox too, and by POP3: each run takes just what the last
// one did not, told apart by UIDs.
func TestGetmailTakesWhatIsNew(t *testing.T) {
	s := start(t)
	c := imap.Dial(t, s, user)
	c.Do("CREATE %q", arabicWire)
	for _, r := range []struct{ retriever, protocol, options, more string }{
		{"SimpleIMAPSSLRetriever", "imaps", fmt.Sprintf("mailboxes = (\"INBOX\", %q)", arabic), " one.3"},
		{"SimplePOP3SSLRetriever", "pop3s", "", ""},
	} {
		for _, box := range []string{"INBOX", arabicWire} {
			c.Do("SELECT %q", box)
			c.Do(`STORE 1:* +FLAGS.SILENT (\Deleted)`)
			c.Do("EXPUNGE")
		}
		w := newWire(t, s, r.protocol)
		dir := t.TempDir()
		rc := getmailConfig(t, w, s, dir, r.retriever, r.options)
		get := func() {
			t.Helper()
			out := peer.Must(t, peer.Command{Name: "getmail", Args: []string{"--getmaildir", dir, "--rcfile", rc}, Env: []string{"HOME=" + dir, "LC_ALL=C.UTF-8"}})
			if out.Err != "" {
				t.Errorf("getmail: %s", out.Err)
			}
		}
		mustAppend(t, c, "INBOX", ``, letter("one", 1))
		mustAppend(t, c, "INBOX", `\Seen`, letter("one", 2))
		mustAppend(t, c, arabicWire, ``, letter("one", 3))
		want := "one.1 one.2" + r.more
		get()
		wantDelivered(t, dir, want)
		get()
		wantDelivered(t, dir, want)
		mustAppend(t, c, "INBOX", ``, letter("two", 4))
		get()
		wantDelivered(t, dir, want+" two.4")
		w.wantNoneRefused()
	}
}
