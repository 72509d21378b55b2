package imap

import (
	"context"
	"testing"

	"barid/mail/search"
)

// BenchmarkSortCold orders a mailbox whose keys are made anew each time.
func BenchmarkSortCold(b *testing.B) {
	w := benchWorld(b)
	c := w.login()
	c.drain("SELECT INBOX")
	for b.Loop() {
		w.imap.keyrings = newKeyrings(64 << 20)
		c.drain("SORT (SUBJECT) UTF-8 ALL")
	}
}

// BenchmarkIndexed searches with an index.
func BenchmarkIndexed(b *testing.B) {
	w := benchWorld(b)
	w.imap.Index = search.Open(w.store, w.mail, search.Options{})
	must(b, w.imap.Index.Account(w.id).Sync(context.Background()))
	c := w.login()
	c.drain("SELECT INBOX")
	for _, cmd := range []struct{ name, cmd string }{
		{"Subject", `SEARCH SUBJECT "number 77"`},
		{"From", `SEARCH FROM "sender77@"`},
		{"Text", `SEARCH TEXT "not there at all"`},
		{"Body", `SEARCH BODY "characters"`},
	} {
		b.Run(cmd.name, func(b *testing.B) {
			for b.Loop() {
				c.drain(cmd.cmd)
			}
		})
	}
}
