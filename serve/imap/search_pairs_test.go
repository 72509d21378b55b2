package imap

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
)

// spellings are pairs of which either must find the other: what people write and what they look for.
var spellings = [][2]string{
	{"أحمد", "احمد"},
	{"إجتماع", "اجتماع"},
	{"مدرسة", "مدرسه"},
	{"آمنة", "امنه"},
	{"الشهري", "الشهرى"},
	{"الشهــري", "الشهري"},
	{"كُتُبٌ", "كتب"},
	{"تقرير", "تقریر"},
	{"کتاب", "كتاب"},
	{"می\u200cخواهم", "میخواهم"},
	{"کتاب\u200cها", "کتابها"},
	{"می\u200cخواهم", "می خواهم"},
	{"ماهانهٔ", "ماهانه"},
	{"١٢٣", "123"},
	{"۱۲۳", "123"},
	{"۱۲۳", "١٢٣"},
	{"والتقرير", "تقرير"},
	{"مسئول", "مسوول"},
	{"مسئول", "مسؤول"},
	{"ﷲ", "الله"},
	{"ﻣﺮﺣﺒﺎ", "مرحبا"},
}

// TestSpellingsFindOneAnother looks for each side of each pair in mail that has the other, in the subject, in
// a name, in a plain and in an HTML body of any transfer encoding.
func TestSpellingsFindOneAnother(t *testing.T) {
	w := newWorld(t, nil)
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
