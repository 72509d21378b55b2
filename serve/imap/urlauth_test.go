package imap

import (
	"context"
	"strings"
	"testing"

	"barid/mail/account"
)

const (
	rump   = "imap://info%40example.test@mail.example.test/INBOX/;uid=1/;section=1;urlauth="
	helper = "demo@example.test"
)

// signedURL asks for a token and gives the URL.
func (c *client) signedURL(rump string) string {
	c.t.Helper()
	l := c.do(`GENURLAUTH "%s" INTERNAL`, rump)[0]
	url, ok := strings.CutPrefix(l, `* GENURLAUTH "`)
	if !ok || !strings.HasPrefix(url, rump+":internal:01") {
		c.t.Fatal(l)
	}
	return strings.TrimSuffix(url, `"`)
}

// TestURLAuth is RFC 4467 §7 with its examples: who may fetch what was signed, and for how long.
func TestURLAuth(t *testing.T) {
	w := newWorld(t, nil)
	w.deliver("INBOX", []byte("Subject: x\r\n\r\nSi vis pacem, para bellum.\r\n"))
	_, err := w.imap.Accounts.(*account.Directory).AddAccount(context.Background(), account.Account{Name: helper, Addresses: []string{helper}}, testPassword)
	must(t, err)
	owner := w.login()
	other := w.dial()
	other.do(`LOGIN %s "%s"`, helper, testPassword)
	fetch := func(c *client, url string) string {
		t.Helper()
		return strings.Join(c.do(`URLFETCH "%s"`, url), "\n")
	}
	text := func(url string) string {
		return `* URLFETCH "` + url + "\" {28}\nSi vis pacem, para bellum.\n\nOK URLFETCH completed"
	}
	nothing := func(url string) string { return `* URLFETCH "` + url + "\" NIL\nOK URLFETCH completed" }
	user := owner.signedURL(rump + "user+demo%40example.test")
	forged := user[:len(user)-1] + "0"
	if forged == user {
		forged = user[:len(user)-1] + "1"
	}
	for _, c := range []struct {
		who  *client
		url  string
		want string
	}{
		{other, user, text(user)},
		{owner, user, nothing(user)},
		{other, owner.signedURL(rump + "authuser"), "{28}"},
		{owner, owner.signedURL(rump + "anonymous"), "{28}"},
		{other, owner.signedURL(rump + "submit+demo%40example.test"), "NIL"},
		{other, forged, "NIL"},
		{other, strings.Replace(user, "uid=1/", "uid=2/", 1), "NIL"},
		{other, strings.Replace(user, "info", "demo", 1), "NIL"},
		{other, strings.Replace(user, "mail.", "mx.", 1), "NIL"},
		{other, rump + "user+demo%40example.test", "NIL"},
		{other, "imap://info%40example.test@mail.example.test/INBOX/;uid=1", "NIL"},
		{other, "http://example.test", "NIL"},
		{other, owner.signedURL(strings.Replace(rump, ";urlauth", ";expire=2001-01-01T00:00:00Z;urlauth", 1) + "authuser"), "NIL"},
		{other, owner.signedURL(strings.Replace(rump, ";urlauth", ";expire=2999-01-01T00:00:00Z;urlauth", 1) + "authuser"), "{28}"},
		{other, owner.signedURL(strings.Replace(rump, "section=1", "section=2", 1) + "authuser"), "authuser:internal:...\" \"\"\nOK"},
		{other, owner.signedURL(strings.Replace(rump, "uid=1", "uid=7", 1) + "authuser"), "NIL"},
	} {
		if got := fetch(c.who, c.url); !like("..."+c.want+"...", got) {
			t.Errorf("%s: %q, want %q", c.url, got, c.want)
		}
	}
	for cmd, want := range map[string]string{
		`GENURLAUTH "` + rump + `authuser" SOMETHING`:                                                  "NO [URLMECH INTERNAL] ...",
		`GENURLAUTH "` + strings.Replace(rump, "info", "demo", 1) + `user+x" INTERNAL`:                 "BAD not a URL of this login's mailboxes",
		`GENURLAUTH "` + strings.Replace(rump, "mail.", "mx.", 1) + `user+x" INTERNAL`:                 "BAD not a URL of this server",
		`GENURLAUTH "` + strings.Replace(rump, "INBOX", "None", 1) + `user+x" INTERNAL`:                "BAD the URL names no mailbox of this login",
		`GENURLAUTH "` + strings.Replace(rump, "INBOX", "INBOX;UIDVALIDITY=1", 1) + `user+x" INTERNAL`: "BAD ...",
		`GENURLAUTH "` + rump + `user" INTERNAL`:                                                       "BAD ...",
		`GENURLAUTH "` + user + `" INTERNAL`:                                                           "BAD ...",
		`GENURLAUTH "/INBOX;UID=1" INTERNAL`:                                                           "BAD ...",
		`GENURLAUTH`:                                                                                   "BAD ...", `URLFETCH`: "BAD ...", `RESETKEY INBOX SOMETHING`: "NO [URLMECH INTERNAL] ...", `RESETKEY None`: "NO [NONEXISTENT] ...",
	} {
		if got := owner.try("%s", cmd); !like(want, got[len(got)-1]) {
			t.Errorf("%s: %q, want %q", cmd, got, want)
		}
	}
	wantLines(t, owner.do("RESETKEY INBOX INTERNAL"), "OK [URLMECH INTERNAL] RESETKEY completed")
	if got := fetch(other, user); !strings.Contains(got, "NIL") {
		t.Errorf("after RESETKEY: %q", got)
	}
	again := owner.signedURL(rump + "authuser")
	if got := fetch(other, again); !strings.Contains(got, "{28}") {
		t.Errorf("with the new key: %q", got)
	}
	owner.do("RESETKEY")
	if got := fetch(other, again); !strings.Contains(got, "NIL") {
		t.Errorf("after RESETKEY of all: %q", got)
	}
}

// TestURLBombs: a short command that names much is bounded by the size of one message.
func TestURLBombs(t *testing.T) {
	w := newWorld(t, func(s *Settings) { s.MaxMessageBytes = 10000 })
	w.deliver("INBOX", []byte("Subject: x\r\n\r\n"+strings.Repeat("x", 4000)))
	c := w.login()
	const one = " CATENATE (URL /INBOX;UID=1)"
	for _, cmd := range []string{
		"APPEND INBOX CATENATE (URL /INBOX;UID=1" + strings.Repeat(" URL /INBOX;UID=1", 1000) + ")",
		"APPEND INBOX" + strings.Repeat(one, 1000),
	} {
		if got := c.try("%s", cmd); got[len(got)-1] != "NO [TOOBIG] message is over the size limit" {
			t.Errorf("%.50s: %q", cmd, got)
		}
	}
	// itself: what is named is what is there, not what is being made
	c.do("APPEND INBOX%s%s", one, one)
	if got := c.do("STATUS INBOX (MESSAGES)"); got[0] != "* STATUS INBOX (MESSAGES 3)" {
		t.Error(got)
	}
	if got := c.try("APPEND INBOX CATENATE (URL /INBOX;UID=4)"); !like("NO [BADURL ...", got[0]) {
		t.Error(got)
	}
	if got := c.try("URLFETCH%s", strings.Repeat(" /INBOX;UID=1", 101)); got[0] != "BAD too many URLs" {
		t.Error(got)
	}
}
