package imap

import (
	"context"
	"fmt"
	"testing"

	"barid/base/text/texttest"
	"barid/mail/search"
)

// TestTheIndexChangesNoAnswer searches with and without an index, and with one that is behind.
func TestTheIndexChangesNoAnswer(t *testing.T) {
	w, spellings := newWorld(t, nil), texttest.Pairs()
	put := func(from, to int) {
		for i := from; i < to; i++ {
			w.deliver("INBOX", fmt.Appendf(nil, "Subject: report %d %s\r\nFrom: Sender %d <s%d@example.com>\r\nX-Tag: t%d\r\n\r\nBody number %d says %s.\r\n",
				i, spellings[i%21][i%2], i%7, i%7, i%3, i, spellings[(i+3)%21][i%2]))
		}
	}
	put(0, 60)
	queries := []string{
		`SUBJECT "report 1"`, `FROM "s3@example"`, `TEXT "number 5"`, `BODY "says"`, `NOT BODY "number 1"`, `HEADER X-Tag t1`,
		`HEADER X-Tag ""`, `SUBJECT ""`, `TO ""`, `OR SUBJECT "report 7" BODY "number 9"`, `TEXT "X-Tag: t2"`, `BODY "subject"`,
		`SUBJECT "REPORT" NOT FROM "sender 1" UNSEEN`, `CC "nobody"`,
	}
	for _, p := range spellings {
		for _, key := range []string{"SUBJECT", "TEXT", "BODY"} {
			queries = append(queries, fmt.Sprintf("%s {%d+}\r\n%s", key, len(p[0]), p[0]))
		}
	}
	ask := func() (out []string) {
		c := w.login()
		c.do("SELECT INBOX")
		for _, q := range queries {
			out = append(out, c.do("SEARCH CHARSET UTF-8 %s", q)[0])
		}
		c.do("LOGOUT")
		return out
	}
	same := func(when string, want []string) {
		t.Helper()
		for i, got := range ask() {
			if got != want[i] {
				t.Errorf("%s: %q\ngot  %q\nwant %q", when, queries[i], got, want[i])
			}
		}
	}
	index := search.Open(w.store, w.mail, search.Options{})
	plain := ask()
	w.imap.Index = index
	same("with an empty index", plain)
	must(t, index.Account(w.id).Sync(context.Background()))
	same("with an index", plain)
	put(60, 90)
	behind := ask()
	w.imap.Index = nil
	same("with an index that was behind", behind)
}

// TestFuzzyFindsWhatTheTextAsItStandsFinds, and more: pieces of words that follow one another are no words.
func TestFuzzyFindsWhatTheTextAsItStandsFinds(t *testing.T) {
	w := newWorld(t, nil)
	w.deliver("INBOX", []byte("Subject: monthly report budget\r\n\r\nbody\r\n"))
	w.deliver("INBOX", []byte("Subject: budget of a report\r\n\r\nbody\r\n"))
	index := search.Open(w.store, w.mail, search.Options{})
	must(t, index.Account(w.id).Sync(context.Background()))
	w.imap.Index = index
	c := w.login()
	c.do("SELECT INBOX")
	for query, want := range map[string]string{
		`"ort bud"`: "* SEARCH 1", `"report budget"`: "* SEARCH 1 2", `"budget report"`: "* SEARCH 1 2", `"ort of"`: "* SEARCH",
	} {
		if got := c.do("SEARCH FUZZY SUBJECT %s", query)[0]; got != want {
			t.Errorf("%s: %q, want %q", query, got, want)
		}
	}
}
