package mailbox

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"barid/base/kv"
	"barid/mail"
)

// TestCheckFindsDamage changes rows behind the Store's back: Check must say something fitting.
func TestCheckFindsDamage(t *testing.T) {
	edit := func(f func(*state)) func(*world, kv.Txn) {
		return func(w *world, t kv.Txn) {
			v, _, _ := t.Get(mail.TableState, stateKey())
			s, err := decodeState(v)
			must(w.t, err)
			f(&s)
			t.Put(mail.TableState, stateKey(), s.encode())
		}
	}
	first := func(table kv.Table, prefix []byte, f func(t kv.Txn, k, v []byte)) func(*world, kv.Txn) {
		return func(w *world, t kv.Txn) {
			var key, val []byte
			must(w.t, t.Scan(table, prefix, nil, kv.ScanOpt{Limit: 1}, func(k, v []byte) error {
				key, val = slices.Clone(k), slices.Clone(v)
				return nil
			}))
			f(t, key, val)
		}
	}
	for name, c := range map[string]struct {
		damage func(*world, kv.Txn)
		want   string
	}{
		"usage":          {edit(func(s *state) { s.bytes++ }), "a recount gives"},
		"message number": {edit(func(s *state) { s.nextMsg = 2 }), "and message"},
		"modseq":         {edit(func(s *state) { s.modseq = 3 }), "is past the account's"},
		"dead":           {edit(func(s *state) { s.dead = 1 }), "are to be removed"},
		"cold record":    {first(mail.TableMessage, coldKey(3), func(t kv.Txn, k, _ []byte) { t.Del(mail.TableMessage, k) }), "have a record"},
		"damaged record": {first(mail.TableMessage, coldKey(3), func(t kv.Txn, k, v []byte) { t.Put(mail.TableMessage, k, v[:20]) }), "message record"},
		"thread row":     {first(mail.TableThread, nil, func(t kv.Txn, k, _ []byte) { t.Del(mail.TableThread, k) }), "have a thread"},
		"origin": {first(mail.TableMessage, coldKey(3), func(t kv.Txn, k, v []byte) {
			r, err := decodeRoots(v)
			if err != nil {
				panic(err)
			}
			at := bytes.Index(v, r.blob[:])
			v = slices.Concat([]byte{formatOrigin}, v[1:at], []byte{9, 1, 9, 1}, v[at:])
			t.Put(mail.TableMessage, k, v)
		}), "which its mailbox does not know"},
		"message-id row":  {first(mail.TableMsgID, nil, func(t kv.Txn, k, _ []byte) { t.Del(mail.TableMsgID, k) }), "message-ids are claimed"},
		"claims":          {first(mail.TableMsgID, nil, func(t kv.Txn, k, _ []byte) { t.Put(mail.TableMsgID, k, msgID{thread: 1, claims: 9}.encode(nil)) }), "counts 9 claims"},
		"change record":   {first(logTable, hotKey(1, 0), func(t kv.Txn, k, _ []byte) { t.Del(logTable, k) }), "change records"},
		"damaged change":  {first(logTable, hotKey(1, 0), func(t kv.Txn, k, _ []byte) { t.Put(logTable, k, []byte{9}) }), "change record"},
		"page":            {first(pageTable, boxKey(1), func(t kv.Txn, k, v []byte) { t.Put(pageTable, k, v[:9]) }), "page of messages"},
		"reference count": {first(mail.TableMessage, []byte{refPrefix}, func(t kv.Txn, k, _ []byte) { t.Del(mail.TableMessage, k) }), "its count says"},
		"mailbox row":     {first(mail.TableMailbox, boxKey(3), func(t kv.Txn, k, _ []byte) { t.Put(mail.TableMailbox, k, []byte{1}) }), "mailbox row"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, Options{SnapRecords: 4})
			w.fill(600, "INBOX")
			for range 3 {
				w.fill(1, "INBOX")
			}
			if _, err := w.open(1, "INBOX").Copy(ctx, SetOf(5, 6), "Trash"); err != nil {
				t.Fatal(err)
			}
			w.check(1)
			must(t, w.mem.Update(ctx, mailID(1).Part(), func(x kv.Txn) error { c.damage(w, x); return nil }))
			ps, err := w.Check(ctx, 1)
			if err != nil {
				ps = append(ps, err.Error())
			}
			if !strings.Contains(strings.Join(ps, "\n"), c.want) {
				t.Errorf("Check says %q, want %q", ps, c.want)
			}
		})
	}
	w := newWorld(t, Options{})
	if ps, err := w.Check(ctx, 99); err != nil || ps != nil {
		t.Errorf("an account that is not there: %v, %v", ps, err)
	}
}

// TestDamageStaysInItsMailbox: the other mailboxes of the account are served.
func TestDamageStaysInItsMailbox(t *testing.T) {
	w := newWorld(t, Options{})
	w.fill(3, "Trash")
	w.fill(3, "INBOX")
	trash := w.open(1, "Trash").ID()
	w.restart()
	must(t, w.mem.Update(ctx, mailID(1).Part(), func(t kv.Txn) error {
		return t.Scan(logTable, boxKey(trash), boxKey(trash+1), kv.ScanOpt{}, func(k, _ []byte) error {
			t.Put(logTable, slices.Clone(k), []byte("\x01\x01damaged"))
			return nil
		})
	}))
	if _, err := w.Account(1).Open(ctx, "Trash"); err == nil || !strings.Contains(err.Error(), "change record") {
		t.Errorf("open a damaged mailbox: %v", err)
	}
	if w.open(1, "INBOX").View().Len() != 3 {
		t.Error("INBOX is not served")
	}
}

// TestDamagedRecordStaysAlone: the other messages of a listing are served.
func TestDamagedRecordStaysAlone(t *testing.T) {
	w := newWorld(t, Options{ReapInline: 1})
	w.fill(5, "INBOX")
	must(t, w.mem.Update(ctx, mailID(1).Part(), func(x kv.Txn) error { x.Put(mail.TableMessage, coldKey(3), []byte{9, 9}); return nil }))
	m := w.open(1, "INBOX")
	var got []UID
	must(t, m.Cold(ctx, m.View(), All(), func(_ int, e Entry, c *Cold) error {
		if c != nil {
			got = append(got, e.UID)
		}
		return nil
	}))
	if !slices.Equal(got, []UID{1, 2, 4, 5}) {
		t.Errorf("served %v", got)
	}
	if _, err := m.Body(ctx, m.View().At(2)); !errors.Is(err, kv.ErrCorrupt) {
		t.Errorf("its body: %v", err)
	}
	_, _, err := m.Store(ctx, All(), StoreOp{Mode: Add, Flags: Deleted})
	must(t, err)
	_, _, err = m.Expunge(ctx, nil)
	must(t, err)
	must(t, w.Account(1).Reap(ctx))
	if n := w.rows(1, mail.TableMessage); n != 0 {
		t.Errorf("%d rows left: one that is damaged keeps others from going", n)
	}
}

func TestSweepFinishesWhatACrashLeft(t *testing.T) {
	w := newWorld(t, Options{ReapInline: 1})
	w.fill(700, "INBOX")
	must(t, w.foreign(9))
	m := w.open(1, "INBOX")
	_, _, err := m.Store(ctx, All(), StoreOp{Mode: Add, Flags: Deleted})
	must(t, err)
	w.Store.Close() // nothing in the background any more
	_, _, err = m.Expunge(ctx, nil)
	must(t, err)
	if u, _ := w.Account(1).Usage(ctx); u.Messages != 0 || u.Bytes != 0 {
		t.Errorf("the quota is right at once: %+v", u)
	}
	w.check(1)
	if n, _ := w.mem.GC(ctx); n > 0 {
		t.Errorf("%d bodies free already", n)
	}
	w.restart()
	must(t, w.Sweep(ctx))
	w.check(1)
	if n, _ := w.mem.GC(ctx); n != 700 {
		t.Errorf("%d bodies free, want 700", n)
	}
	if n := w.rows(9, mail.TableState); n != 0 {
		t.Error("a partition without mail was given mailboxes")
	}
}

func TestListed(t *testing.T) {
	for name, want := range map[string]bool{"subject": true, "SUBJECT": true, "X-Priority": true, "Received": false, "Dat@": false, "": false} {
		if Listed(name) != want {
			t.Errorf("Listed(%q) is %v", name, !want)
		}
	}
}
