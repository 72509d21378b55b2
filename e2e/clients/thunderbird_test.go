package clients

import (
	"encoding/base64"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"barid/e2e/imap"
	"barid/e2e/peer"
	"barid/e2e/server"
)

// thunderbird is a running one, with a profile of its own.
type thunderbird struct {
	*marionette
	dir     string
	display *display
}

// startThunderbird starts it offline, makes it trust the wire, and lets it go online.
func startThunderbird(t *testing.T, w *wire) *thunderbird {
	t.Helper()
	bird := &thunderbird{dir: t.TempDir(), display: newDisplay(t)}
	control := server.FreeAddress(t)
	prefs := strings.NewReplacer("PORT", peer.Port(w.Addr), "MARIONETTE", peer.Port(control)).Replace(thunderbirdPrefs)
	var b strings.Builder
	for line := range strings.Lines(strings.TrimSpace(prefs)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " = ")
		fmt.Fprintf(&b, "user_pref(%q, %s);\n", name, value)
	}
	peer.Write(t, bird.dir+"/user.js", b.String(), 0o600)
	cmd := exec.Command(peer.Need(t, "thunderbird"), "--profile", bird.dir, "--no-remote", "--marionette", "--remote-allow-system-access")
	cmd.Env = peer.Environ("DISPLAY="+bird.display.name, "HOME="+bird.dir)
	spawn(t, cmd)
	t.Cleanup(func() {
		if t.Failed() {
			bird.display.save("thunderbird-failed")
		}
	})
	bird.marionette = dialMarionette(t, control)
	bird.do(nil, birdLogin, peer.Port(w.Addr), user, server.Password, base64.StdEncoding.EncodeToString(w.cert))
	bird.do(nil, birdOnline)
	return bird
}

// do runs one of the bird scripts.
func (bird *thunderbird) do(v any, script string, args ...any) {
	bird.t.Helper()
	bird.run(v, thunderbirdWords+script, args...)
}

// gets gets messages, and waits until Thunderbird has found the folders.
func (bird *thunderbird) gets(folders ...string) {
	bird.t.Helper()
	bird.do(nil, birdGet)
	until(bird.t, "Thunderbird finds "+strings.Join(folders, ", "), func() bool {
		var got []string
		bird.do(&got, birdFolders)
		return !slices.ContainsFunc(folders, func(f string) bool { return !slices.Contains(got, f+":") })
	})
}

// lists waits until a folder shows what it should.
func (bird *thunderbird) lists(folder string, want ...string) {
	bird.t.Helper()
	var got []string
	slices.Sort(want)
	defer func() {
		if bird.t.Failed() {
			bird.t.Logf("%s shows\n%s\nwant\n%s", folder, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}()
	until(bird.t, folder+" shows its messages", func() bool {
		bird.do(&got, birdList, folder)
		return slices.Equal(got, want)
	})
}

// shown is how a letter of the suite stands in a list.
func shown(flags, name string, n int) string {
	subject := []string{"فاتورة", "گزارش هفتگی", "invoice"}[n%3]
	return fmt.Sprintf("%s.%d [%s] %s %[1]s %[2]d <- المبيعات <demo@example.test> kept", name, n, flags, subject)
}

// TestThunderbirdKeepsAnAccountForOfflineUse seeds an account with Arabic and Persian mailboxes, lets Thunderbird
// download it all, reads it offline, changes it offline and online, and changes it from outside while it idles.
func TestThunderbirdKeepsAnAccountForOfflineUse(t *testing.T) {
	s := start(t)
	c := imap.Dial(t, s, user)
	for _, m := range []string{arabicWire, persianWire} {
		c.Do("CREATE %q", m)
		c.Do("SUBSCRIBE %q", m)
	}
	for i := range 3 {
		mustAppend(t, c, "INBOX", ``, letter("in", i))
		mustAppend(t, c, arabicWire, `\Seen`, letter("ar", i))
		mustAppend(t, c, persianWire, `\Flagged`, letter("fa", i))
	}
	mustAppend(t, c, arabicWire, `\Seen`, report())
	w := newWire(t, s, "imaps")
	bird := startThunderbird(t, w)
	bird.gets()
	wantFolders(t, bird)
	paths := map[string]string{}
	for _, f := range []string{"INBOX", arabic, persian} {
		var path string
		bird.do(&path, birdDownload, f)
		paths[f] = path
	}
	bird.lists("INBOX", shown("", "in", 0), shown("", "in", 1), shown("", "in", 2))
	bird.lists(persian, shown("F", "fa", 0), shown("F", "fa", 1), shown("F", "fa", 2))
	bird.lists(arabic, shown("S", "ar", 0), shown("S", "ar", 1), shown("S", "ar", 2), "report [S] پیوست: گزارش <- فروش <demo@example.test> kept")
	wantKept(t, paths["INBOX"], letter("in", 0), letter("in", 1), letter("in", 2))
	wantKept(t, paths[arabic], letter("ar", 0), letter("ar", 1), letter("ar", 2), report())
	wantKept(t, paths[persian], letter("fa", 0), letter("fa", 1), letter("fa", 2))

	bird.do(nil, birdOffline)
	readsOffline(t, w, bird)
	bird.do(nil, birdFlag, "INBOX", "in.1")
	bird.do(nil, birdOnline)
	bird.do(nil, birdMove, "INBOX", "in.2", arabic)
	bird.do(nil, birdDelete, persian, "fa.2")
	after := []string{
		"INBOX [S] in.0", "INBOX [F] in.1", arabicWire + " [S] ar.0", arabicWire + " [S] ar.1", arabicWire + " [S] ar.2", arabicWire + " [S] report",
		arabicWire + " [] in.2", persianWire + " [F] fa.0", persianWire + " [FS] fa.1", "Trash [F] fa.2",
	}
	wantSoonThere(t, c, after...)
	bird.do(nil, birdCreate, arabic, "۱۴۰۴")
	w.untilIdle("INBOX", `^C\d+: \d+ list "" "`+arabic+`/۱۴۰۴"`)

	// Somebody else changes INBOX, where Thunderbird idles: it shows that by itself.
	mustAppend(t, c, "INBOX", `\Answered`, letter("new", 1))
	c.Do("SELECT INBOX")
	c.Do(`UID STORE 1 +FLAGS.SILENT (\Flagged)`)
	bird.lists("INBOX", shown("FS", "in", 0), shown("F", "in", 1), shown("R", "new", 1))
	w.wantSaid(`^C\d+: \d+ LANGUAGE fa-IR`, `^S\d+: \d+ OK زبان از این پس فارسی است`)
	w.wantSaid(`^C\d+: \d+ select "(`+arabic+`|`+arabicWire+`)"`, `^C\d+: \d+ select "(`+persian+`|`+persianWire+`)"`,
		`^C\d+: \d+ UID fetch .*BODY.PEEK\[\]`, `^C\d+: \d+ IDLE`, `^C\d+: \d+ uid move`, `^C\d+: \d+ create "(`+arabic+`|`+arabicWire+`)/`)
	w.wantNoneRefused()
}

// wantFolders wants every mailbox in the tree under its name, with its use.
func wantFolders(t *testing.T, bird *thunderbird) {
	t.Helper()
	parent, _, _ := strings.Cut(persian, "/")
	want := []string{"Archive:Archive", "Drafts:Drafts", "INBOX:Inbox", "Junk:Junk", "Sent:SentMail", "Trash:Trash", arabic + ":", parent + ":", persian + ":"}
	slices.Sort(want)
	var got []string
	defer func() {
		if t.Failed() {
			t.Logf("Thunderbird shows\n%q\nwant\n%q", got, want)
		}
	}()
	until(t, "Thunderbird shows all mailboxes", func() bool {
		bird.do(&got, birdFolders)
		slices.Sort(got)
		return slices.Equal(got, want)
	})
}

// wantKept wants messages in a file of the profile, octet by octet.
func wantKept(t *testing.T, path string, raw ...[]byte) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	kept := strings.ReplaceAll(string(b), "\r\n", "\n")
	for _, r := range raw {
		if !strings.Contains(kept, strings.ReplaceAll(string(r), "\r\n", "\n")) {
			t.Errorf("%s does not have\n%q", path, r)
		}
	}
}

// readsOffline opens messages while nothing may be asked of the server.
func readsOffline(t *testing.T, w *wire, bird *thunderbird) {
	t.Helper()
	before := strings.Count(w.said(), "\nC")
	for _, c := range []struct{ folder, id, subject, text, attachment string }{
		{persian, "fa.1", "گزارش هفتگی fa 1", "سلام، این یک نامه است fa 1.", ""},
		{"INBOX", "in.0", "فاتورة in 0", "السلام عليكم، هذه رسالة in 0.", ""},
		{arabic, "report", "پیوست: گزارش", "مرحبا", "گزارش.csv"},
	} {
		var got []string
		bird.do(&got, birdOpen, c.folder, c.id)
		if !strings.Contains(got[0], c.subject) || !strings.Contains(got[1], c.text) || !strings.Contains(got[2], c.attachment) {
			t.Errorf("%s of %s shows %q", c.id, c.folder, got)
		}
	}
	bird.display.save("thunderbird")
	if after := strings.Count(w.said(), "\nC"); after != before {
		t.Errorf("reading offline sent %d lines", after-before)
	}
}

// TestThunderbirdSearchesOnTheServer searches for Arabic and Persian words in other spellings than those of the
// messages, which only the server can find: Thunderbird compares letters as they are.
func TestThunderbirdSearchesOnTheServer(t *testing.T) {
	s := start(t)
	c := imap.Dial(t, s, user)
	c.Do("CREATE %q", arabicWire)
	c.Do("SUBSCRIBE %q", arabicWire)
	for i := range 6 {
		mustAppend(t, c, arabicWire, ``, letter("ar", i))
	}
	w := newWire(t, s, "imaps")
	bird := startThunderbird(t, w)
	bird.gets(arabic)
	var path string
	bird.do(&path, birdDownload, arabic)
	for _, q := range []struct{ attribute, words, want string }{
		{"Body", "رسالة", "ar.0 ar.3"},
		{"Body", "رساله", "ar.0 ar.3"},      // heh for teh marbuta
		{"Subject", "هفتگي", "ar.1 ar.4"},   // the Arabic yeh
		{"Subject", "فـاتورة", "ar.0 ar.3"}, // with a tatweel
		{"Sender", "المبيعات", "ar.0 ar.1 ar.2 ar.3 ar.4 ar.5"},
		{"Body", "letter ar 2", "ar.2"},
		{"Body", "لا شيء", ""},
	} {
		var got []string
		before := len(w.said())
		bird.do(&got, birdSearch, arabic, q.attribute, q.words)
		if hits := strings.Join(got, " "); hits != q.want {
			t.Errorf("%s with %s: %q, want %q", q.attribute, q.words, hits, q.want)
		}
		if said := w.said()[before:]; !strings.Contains(strings.ToLower(said), "uid search") {
			t.Errorf("the server was not asked for %s:\n%s", q.words, said)
		}
	}
	w.wantNoneRefused()
}
