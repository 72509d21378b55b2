package search

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"

	"barid/mail/mailbox"
	"barid/store/memory"
)

// TestOlderIndexIsMadeAnew: after an update that indexes more, everything is Maybe until the index is made anew,
// and nobody is told of damage.
func TestOlderIndexIsMadeAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		db := memory.New()
		w := &world{t: t, db: db, raw: map[mailbox.MsgNo]string{}}
		w.store = mailbox.Open(db, db, mailbox.Options{})
		w.x = Open(db, w.store, Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
		w.a, w.box = w.x.Account(owner), w.store.Account(owner)
		w.x.Start(t.Context())
		nos := w.deliver("Subject: one\r\n\r\nword\r\n", "Subject: two\r\n\r\nother\r\n")
		w.sync()
		w.damage([]byte{0}, func(_, v []byte) []byte { v[0] = format - 1; return v })
		c, err := w.a.Narrow(t.Context(), Key{In: Body, Text: needle("word")})
		if err != nil || c.Of(nos[0]) != Maybe || c.Of(nos[1]) != Maybe {
			t.Errorf("with an older index everything is Maybe: %v", err)
		}
		if found, err := w.a.Verify(t.Context()); err != nil || len(found) > 0 {
			t.Errorf("an older index is not a wrong one: %q, %v", found, err)
		}
		synctest.Wait() // the worker rebuilds
		w.verify()
		w.find("word", nos[0])
		w.x.Close()
		w.store.Close()
		if s := log.String(); strings.Contains(s, "level=ERROR") || strings.Count(s, "older format") != 1 {
			t.Errorf("the log says %q", s)
		}
	})
}
