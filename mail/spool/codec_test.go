package spool

import (
	"encoding/hex"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"barid/base/kv"
	"barid/mail"
	"barid/rfc/addr"
	"barid/rfc/smtp"
	"barid/store/memory"
)

var t0 = time.Date(2026, 11, 22, 10, 0, 0, 123e6, time.UTC)

func path(local, domain string) addr.Path {
	return addr.Path{Mailbox: addr.Mailbox{Local: local, Domain: domain}}
}

// full is an entry with every field set.
func full() *Entry {
	a := Answer{Time: t0, Code: 451, Enhanced: "4.7.1", Text: "later, please", Remote: "mx1.example.org [192.0.2.1]", Stage: StageRcpt}
	return &Entry{
		Shard: ShardOf("example.org", "relay"), ID: 300,
		Message: Message{
			ID: "0abc.1", Blob: kv.BlobID{1, 2, 3, 15: 16}, Size: 4096, HeaderLen: 512, Has8bit: true, HasUTF8Header: true, Binary: true,
			From: path("info", "example.test"), EnvID: "env 1", Ret: "HDRS", UTF8: true, Body: "8BITMIME", Account: 7, Locale: "fa",
			Priority: -4, RequireTLS: true, DeliverBy: t0.Add(time.Hour), ByMode: 'N', ByTrace: true,
			NotBefore: t0.Add(time.Minute), Arrived: t0, Expires: t0.Add(120 * time.Hour), Hops: 3,
		},
		Destination: "example.org", Route: "relay", Attempts: 2, Next: t0.Add(5 * time.Minute), Must: t0.Add(4 * time.Minute),
		DelayTold: t0.Add(time.Second), ReportTries: 1, due: millis(t0.Add(4 * time.Minute)), stored: true,
		Rcpts: []Rcpt{
			{To: path("sales", "example.org"), Last: a, ORcpt: "rfc822;sales@example.org", Notify: smtp.NotifyDelay | smtp.NotifyFailure},
			{To: path("فروش", "other.example"), State: Failed, Last: a},
			{To: path("a", "example.org"), State: Relayed, Told: true, Last: Answer{Time: t0, Code: 250}},
			{To: path("b", "example.org"), State: Removed, Told: true},
		},
	}
}

// plain is the usual entry: one recipient, nothing special.
func plain() *Entry {
	return &Entry{
		Message: Message{
			ID: "01jd3x9w7kq2.1", Blob: kv.BlobID{9}, Size: 4096, HeaderLen: 600, From: path("info", "example.test"), Account: 1,
			Arrived: t0, Expires: t0.Add(120 * time.Hour),
		},
		Destination: "example.org", Next: t0, Rcpts: []Rcpt{{To: path("sales", "example.org")}},
	}
}

func TestStoredFormKeepsEverything(t *testing.T) {
	held := full()
	held.Hold, held.due, held.From, held.Rcpts[0].Notify = true, 0, addr.Path{Null: true}, 0
	released := full()
	released.Release, released.HasLong, released.VERP, released.Several = "until;2026-12-01T08:00:00Z", true, true, true
	for _, e := range []*Entry{full(), held, released} {
		got, err := decodeEntry(e.Shard, e.ID, appendEntry(nil, e))
		if err != nil || !reflect.DeepEqual(got, e) {
			t.Errorf("got  %+v, %v\nwant %+v", got, err, e)
		}
	}
	s := full().Slot()
	if got, err := decodeSlot(s.key(), s.encode(nil)); err != nil || got != s {
		t.Errorf("got %+v, %v, want %+v", got, err, s)
	}
	m := Meta{Lease{4, "node", t0}, Counts{3, 1 << 40}, 12, 17}
	if got, err := decodeMeta(m.encode()); err != nil || got != m {
		t.Errorf("got %+v, %v, want %+v", got, err, m)
	}
}

// TestGolden fixes the format on disk. If this test fails the format changed: raise format, and read both.
func TestGolden(t *testing.T) {
	p := plain()
	p.ID, p.due = 1, millis(p.Next)
	s, m := p.Slot(), Meta{Lease{1, "n", time.Time{}}, Counts{1, 4096}, 2, 17}
	for _, c := range []struct {
		name, got, want string
	}{
		{"entry", hex.EncodeToString(appendEntry(nil, p)), goldenPlain},
		{"full entry", hex.EncodeToString(appendEntry(nil, full())), goldenFull},
		{"schedule key", hex.EncodeToString(s.key()), "000001a202b2c57b090000000000000001"},
		{"schedule", hex.EncodeToString(s.encode(nil)), "0100018020f6c594c7c3680b6578616d706c652e6f7267"},
		{"meta", hex.EncodeToString(m.encode()), "010222028040" + "01016e00"},
		{"shard", fmt.Sprint(ShardOf("example.org", ""), ShardOf("example.org", "relay"), ShardOf("xn--mgbh0fb.xn--kgbechtv", "")), "818 557 551"},
	} {
		if c.got != c.want {
			t.Errorf("%s:\ngot  %s\nwant %s", c.name, c.got, c.want)
		}
	}
}

func TestUsualEntryIsSmall(t *testing.T) {
	e := plain()
	s := e.Slot()
	if n := len(appendEntry(nil, e)) + len(s.key()) + len(s.encode(nil)); n > 200 {
		t.Errorf("%d bytes", n)
	}
}

func TestAnswersAreKeptOnce(t *testing.T) {
	one, many := full(), full()
	for i := range MaxRcpts - len(one.Rcpts) {
		r := Rcpt{To: path(fmt.Sprint("r", i), "example.org"), Last: one.Rcpts[0].Last}
		one.Rcpts = append(one.Rcpts, r)
		r.Last.Text = fmt.Sprint("answer ", i)
		many.Rcpts = append(many.Rcpts, r)
	}
	if n := len(appendEntry(nil, one)); n > 10*MaxRcpts {
		t.Errorf("%d bytes", n)
	}
	for _, e := range []*Entry{one, many} {
		got, err := decodeEntry(e.Shard, e.ID, appendEntry(nil, e))
		if err != nil || !reflect.DeepEqual(got, e) {
			t.Error("not the same", err)
		}
	}
}

func TestDamageIsNoticed(t *testing.T) {
	good := appendEntry(nil, full())
	for n := range good {
		if _, err := decodeEntry(1, 1, good[:n]); !errors.Is(err, kv.ErrCorrupt) {
			t.Errorf("%d of %d bytes: %v", n, len(good), err)
		}
	}
	for _, v := range [][]byte{nil, {2}, append(good[:len(good):len(good)], 0), []byte("\x01\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f")} {
		if _, err := decodeEntry(1, 1, v); !errors.Is(err, kv.ErrCorrupt) {
			t.Errorf("%x: %v", v, err)
		}
	}
}

func FuzzDecodeEntry(f *testing.F) {
	f.Add(appendEntry(nil, full()))
	p := plain()
	p.due = 1
	f.Add(appendEntry(nil, p))
	f.Fuzz(func(t *testing.T, v []byte) {
		e, err := decodeEntry(1, 1, v)
		if err != nil {
			return
		}
		again, err := decodeEntry(1, 1, appendEntry(nil, e))
		if err != nil || !reflect.DeepEqual(again, e) {
			t.Errorf("%+v became %+v, %v", e, again, err)
		}
	})
}

func FuzzDecodeSmallRows(f *testing.F) {
	s, m := full().Slot(), Meta{Next: 4}
	f.Add(s.key(), s.encode(nil))
	f.Add([]byte{0}, m.encode())
	f.Fuzz(func(t *testing.T, k, v []byte) {
		if s, err := decodeSlot(k, v); err == nil {
			if again, err := decodeSlot(s.key(), s.encode(nil)); err != nil || again != s {
				t.Errorf("%+v became %+v, %v", s, again, err)
			}
		}
		if m, err := decodeMeta(v); err == nil {
			if again, err := decodeMeta(m.encode()); err != nil || again != m {
				t.Errorf("%+v became %+v, %v", m, again, err)
			}
		}
	})
}

func TestNormaliseCutsTexts(t *testing.T) {
	e := plain()
	e.Rcpts[0].Last = Answer{Text: strings.Repeat("ن", maxText), Remote: strings.Repeat("r", 3*maxName), Stage: strings.Repeat("s", 99), Code: -1}
	e.normalise()
	a := e.Rcpts[0].Last
	if len(a.Text) != maxText || len(a.Remote) != 2*maxName || len(a.Stage) != maxStatus || a.Code != 0 {
		t.Errorf("%+v", a)
	}
	e.Rcpts[0].Last.Text = "x" + strings.Repeat("ن", maxText)
	e.normalise()
	if s := e.Rcpts[0].Last.Text; len(s) != maxText-1 || !strings.HasSuffix(s, "ن") {
		t.Errorf("%d bytes", len(s))
	}
}

func TestNames(t *testing.T) {
	for _, n := range []Name{{0, 1}, {1023, 1 << 63}, {0x1f, 0x42a}} {
		if got, ok := ParseName(strings.ToLower(n.String())); !ok || got != n {
			t.Errorf("%v became %v", n, got)
		}
	}
	for _, s := range []string{"", "01F", "01F0", "400" + "1", "01F02", "zzz1", "01F-1", "01F11111111111111111"} {
		if n, ok := ParseName(s); ok {
			t.Errorf("%q is %v", s, n)
		}
	}
}

func TestShardsAreEven(t *testing.T) {
	var n [Shards]int
	for i := range 100 * Shards {
		n[ShardOf(fmt.Sprintf("domain%d.example", i), "")]++
	}
	for s, c := range n {
		if c < 50 || c > 160 {
			t.Errorf("shard %d has %d of 100", s, c)
		}
	}
}

// TestShapesAreKept writes, reads and removes what bounds a line.
func TestShapesAreKept(t *testing.T) {
	db := memory.New()
	one := Shape{Queue: "xn--mgbh0fb.xn--kgbechtv", Messages: 500, Bytes: 1 << 40, Connections: 3, Rcpts: 50}
	all := func(put ...Shape) (out []Shape) {
		t.Helper()
		err := db.Update(t.Context(), Shard(1).Part(), func(x kv.Txn) error {
			for _, s := range put {
				PutShape(x, s)
			}
			return Shapes(x, func(s Shape) { out = append(out, s) })
		})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	if got := all(one, Shape{Queue: "nothing.example"}); len(got) != 1 || got[0] != one {
		t.Errorf("%+v", got)
	}
	if got := all(Shape{Queue: one.Queue}); len(got) != 0 {
		t.Errorf("%+v", got)
	}
	err := db.Update(t.Context(), Shard(1).Part(), func(x kv.Txn) error {
		x.Put(mail.TableQueueShape, []byte("a"), []byte{format, 1})
		return Shapes(x, func(Shape) {})
	})
	if !errors.Is(err, kv.ErrCorrupt) {
		t.Errorf("a damaged row: %v", err)
	}
}
