package clients

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"barid/e2e/imap"
	"barid/e2e/peer"
	"barid/e2e/server"
)

// offlineimap syncs all mailboxes of the account with maildirs; mailbox names are UTF-8 on its side.
type offlineimap struct {
	maildir
	home string
}

func newOfflineimap(t *testing.T, s *server.Server, w *wire) *offlineimap {
	t.Helper()
	home := t.TempDir()
	if err := os.Mkdir(home+"/mail", 0o700); err != nil {
		t.Fatal(err)
	}
	peer.Write(t, home+"/rc", fmt.Sprintf(`[general]
accounts = barid
metadata = %[1]s/metadata
ui = basic
[Account barid]
localrepository = near
remoterepository = far
utf8foldernames = yes
[Repository near]
type = Maildir
localfolders = %[1]s/mail
sep = /
[Repository far]
type = IMAP
remotehost = localhost
remoteport = %[2]s
remoteuser = %[3]s
remotepass = %[4]s
ssl = yes
sslcacertfile = %[5]s/cert.pem
`, home, peer.Port(w.Addr), user, server.Password, s.Dir), 0o600)
	return &offlineimap{maildir{t: t, dir: home + "/mail"}, home}
}

func (o *offlineimap) sync() {
	o.t.Helper()
	r := peer.Must(o.t, peer.Command{Name: "offlineimap", Args: []string{"-c", o.home + "/rc", "-o"}, Env: []string{"HOME=" + o.home, "LC_ALL=C.UTF-8"}})
	if said := r.Out + r.Err; strings.Contains(said, "ERROR") {
		o.t.Fatalf("offlineimap: %s", said)
	}
}

// TestOfflineimapSyncsBothWays changes both sides between two runs; a further run changes nothing.
func TestOfflineimapSyncsBothWays(t *testing.T) {
	s := start(t)
	c := imap.Dial(t, s, user)
	for i := 1; i <= 5; i++ {
		mustAppend(t, c, "INBOX", ``, letter("far", i))
	}
	c.Do("CREATE %q", arabicWire)
	mustAppend(t, c, arabicWire, `\Flagged`, letter("far", 6))
	w := newWire(t, s, "imaps")
	o := newOfflineimap(t, s, w)
	const letters = "نامه\u200cها" // with a zero-width non-joiner
	o.sync()
	o.wantHere("INBOX [] far.1", "INBOX [] far.2", "INBOX [] far.3", "INBOX [] far.4", "INBOX [] far.5", arabic+" [F] far.6")

	o.reflag("INBOX", "far.1", "F") // flagged here, answered there
	o.remove("INBOX", "far.2")      // deleted here, flagged there
	o.reflag("INBOX", "far.3", "S") // seen here, deleted there
	c.Do("SELECT INBOX")
	c.Do(`UID STORE 1 +FLAGS.SILENT (\Answered)`)
	c.Do(`UID STORE 2,4 +FLAGS.SILENT (\Flagged)`)
	c.Do(`UID STORE 3 +FLAGS.SILENT (\Deleted)`)
	c.Do("UID EXPUNGE 3")
	c.Do("CREATE %q", persianWire)
	mustAppend(t, c, persianWire, `\Seen`, letter("far", 7))
	o.put(letters, "S", letter("near", 1)) // a mailbox made here
	o.put(arabic, "RS", letter("near", 2))
	o.sync()
	o.sync()
	want := func(arabic, persian, made string) []string {
		return []string{
			"INBOX [FR] far.1", "INBOX [F] far.4", "INBOX [] far.5", arabic + " [F] far.6", arabic + " [RS] near.2", persian + " [S] far.7", made + " [S] near.1",
		}
	}
	o.wantHere(want(arabic, persian, letters)...)
	wantThere(t, c, want(arabicWire, persianWire, "&BkYGJwZFBkcgDAZHBic-")...)
	files, said := o.files(), len(w.said())
	o.sync()
	if after := o.files(); after != files {
		t.Errorf("a run with nothing to do changed\n%s\ninto\n%s", files, after)
	}
	if did := changes.FindAllString(w.said()[said:], -1); len(did) > 0 {
		t.Errorf("a run with nothing to do said %q", did)
	}
	w.wantNoneRefused()
}
