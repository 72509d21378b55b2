package imap

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"barid/base/text/texttest"
)

// TestSpellingsFindOneAnother looks for each side of each pair in mail that has the other, in the subject, in
// a name and in an encoded body, over the wire.
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
	c := w.login()
	c.do("SELECT INBOX")
	for _, key := range []string{"SUBJECT", "FROM", "TEXT", "BODY"} {
		missed := 0
		for i, p := range spellings {
			for side, other := range p {
				has := 2*i + 2 - side // the message with the other spelling
				got := c.do("SEARCH CHARSET UTF-8 %s {%d+}\r\n%s", key, len(other), other)
				if !strings.Contains(got[0]+" ", fmt.Sprintf(" %d ", has)) {
					missed++
					t.Logf("%s %q does not find %q", key, other, p[1-side])
				}
			}
		}
		if missed > 0 {
			t.Errorf("%s: %d of %d were not found", key, missed, 2*len(spellings))
		}
	}
}
