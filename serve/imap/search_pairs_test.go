package imap

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"barid/base/text/texttest"
	"barid/mail/search"
)

// TestSpellingsFindOneAnother looks for each side of each pair in mail that has the other, in the subject, in
// a name and in an encoded body, over the wire, without the index and with it. It tells the scores: at least 20 of 21
// each way is the goal, all of them is what there is.
func TestSpellingsFindOneAnother(t *testing.T) {
	w := newWorld(t, nil)
	spellings := texttest.Pairs()
	word := func(s string) string { return "=?utf-8?B?" + base64.StdEncoding.EncodeToString([]byte(s)) + "?=" }
	for _, p := range spellings {
		for _, side := range p {
			w.deliver("INBOX", []byte("Subject: "+word("درباره "+side+" ...")+"\r\nFrom: "+word(side)+" <sender@example.com>\r\n"+
				"MIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary=b\r\n\r\n"+
				"--b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n"+
				base64.StdEncoding.EncodeToString([]byte("سلام "+side+"!"))+"\r\n--b--\r\n"))
		}
	}
	score := func(how, fuzzy string) {
		c := w.login()
		c.do("SELECT INBOX")
		for _, key := range []string{"SUBJECT", "FROM", "TEXT", "BODY"} {
			var found [2]int
			for i, p := range spellings {
				for side, other := range p {
					has := 2*i + 2 - side // the message with the other spelling
					got := c.do("SEARCH CHARSET UTF-8 %s%s {%d+}\r\n%s", fuzzy, key, len(other), other)
					if strings.Contains(got[0]+" ", fmt.Sprintf(" %d ", has)) {
						found[side]++
					} else {
						t.Errorf("%s, %s: %q does not find %q", how, key, other, p[1-side])
					}
				}
			}
			t.Logf("%s, %s: %d of %d, and %d of %d the other way", how, key, found[0], len(spellings), found[1], len(spellings))
		}
		c.do("LOGOUT")
	}
	score("without an index", "")
	index := search.Open(w.store, w.mail, search.Options{})
	must(t, index.Account(w.id).Sync(t.Context()))
	w.imap.Index = index
	score("with the index", "")
	score("by likeness", "FUZZY ")
}
