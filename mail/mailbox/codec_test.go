package mailbox

import (
	"encoding/hex"
	"errors"
	"reflect"
	"strings"
	"testing"

	"barid/base/kv"
	"barid/rfc/mime"
)

var goldenState = state{
	tag: 0x0102030405060708, nextMsg: 300, modseq: 1000, nextBox: 7, validity: 1772355600,
	bytes: 123456, messages: 42, quota: Quota{Bytes: 1 << 30, Messages: 1000}, dead: 3, feedFloor: 9, feedRows: 11, removing: true,
}

var goldenSummary = summary{modseq: 77, uidNext: 500, count: 3, unseen: 2, deleted: 1, bytes: 9000, weight: 17}

var goldenInfo = info{
	id: 5, name: "فهرست/Sent", shape: selectable, subscribed: true, use: UseSent, validity: 1772355600, keywords: []string{"$Junk", "work"},
	snap: goldenSummary, floor: 12, rows: 300, recent: 499,
}

var goldenEntries = []Entry{
	{UID: 497, Msg: 100, Flags: Seen, ModSeq: 77, Size: 4096, Date: 1772355600, Saved: 1772355600},
	{UID: 498, Msg: 101, Flags: Flagged | Keyword(1), ModSeq: 77, Size: 70000, Date: 1772355601, Saved: 1772355900},
	{UID: 499, Msg: 7, Flags: 0, ModSeq: 77, Size: 0, Date: -5, Saved: 1 << 31},
}

func goldenRecords() map[string]record {
	return map[string]record{
		"append":  {kind: ChangeAppend, sum: goldenSummary, first: 497, entries: goldenEntries},
		"flags":   {kind: ChangeFlags, sum: goldenSummary, op: flagOp{Remove, Seen | Keyword(55)}, uids: UIDSet{{1, 3}, {9, 9}, {400, MaxUID}}},
		"expunge": {kind: ChangeExpunge, sum: goldenSummary, uids: UIDSet{{2, 2}}, destroyed: msgSet{{5, 7}, {100, 100}}},
		"created": {kind: ChangeCreated, box: 5},
		"removed": {kind: ChangeRemoved, box: 5, destroyed: msgSet{{5, 7}}},
	}
}

func goldenChunk() chunk {
	c := newChunk(3, 4)
	for _, e := range goldenEntries {
		c.put(e)
	}
	return c
}

// golden are the bytes on disk. A change here is a change of format: make a new format byte instead.
var golden = map[string]string{
	"state":   "010102030405060708ac02e80707908090cd0680890f548080808008d00f06090b01",
	"info":    "010001010fd981d987d8b1d8b3d8aa2f53656e74908090cd060205244a756e6b04776f726b4df40303020111d08c010cac02f303",
	"append":  "0201f40303020111d08c0103f103c801018020a080a09a0d00028404f0a20402d604bb010000ab80a09a0d8a80808010",
	"flags":   "0102f40303020111d08c01018180808080808080800103010206008703effcffff0f",
	"expunge": "0103f40303020111d08c010102000205025d00",
	"created": "01040500",
	"removed": "010605010502",
	"page":    "0203f1030101c80102bb01018404009a0100008020f0a20400a080a09a0d02ab80a09a0d00d6048a80808010",
	"refs":    "0102030148ac02",
	"msgid":   "01ac0202",
}

// goldenBefore are pages and appends as they were before they held when each message came.
var goldenBefore = map[string]string{
	"append": "0101f40303020111d08c0103f103c801018020a080a09a0d028404f0a20402bb010000ab80a09a0d",
	"page":   "0103f1030101c80102bb01018404009a0100008020f0a20400a080a09a0d02ab80a09a0d",
}

func TestFormatsBeforeAreReadToo(t *testing.T) {
	page, _ := hex.DecodeString(goldenBefore["page"])
	c, err := decodePage(page, 4)
	if err != nil {
		t.Fatal(err)
	}
	row, _ := hex.DecodeString(goldenBefore["append"])
	r, err := decodeRecord(row, goldenSummary.modseq)
	if err != nil || len(r.entries) != len(goldenEntries) {
		t.Fatal(r, err)
	}
	for j, e := range goldenEntries {
		e.Saved = 0
		if c.entry(j) != e || r.entries[j] != e {
			t.Errorf("%d: %+v and %+v, want %+v", j, c.entry(j), r.entries[j], e)
		}
	}
}

func encodings() map[string][]byte {
	out := map[string][]byte{
		"state": goldenState.encode(),
		"info":  goldenInfo.encode(),
		"refs":  (&refPage{extra: map[byte]uint64{3: 1, 72: 300}}).encode(),
		"msgid": msgID{thread: 300, claims: 2}.encode(nil),
	}
	c := goldenChunk()
	out["page"] = encodePage(&c)
	for name, r := range goldenRecords() {
		out[name] = r.encode(nil)
	}
	return out
}

func TestFormatsOnDiskAreAsTheyWere(t *testing.T) {
	for name, b := range encodings() {
		if got := hex.EncodeToString(b); got != golden[name] {
			t.Errorf("%s:\n got %s\nwant %s", name, got, golden[name])
		}
	}
}

func TestRoundTrips(t *testing.T) {
	if s, err := decodeState(goldenState.encode()); err != nil || s != goldenState {
		t.Errorf("%+v, %v", s, err)
	}
	if i, err := decodeInfo(boxKey(5), goldenInfo.encode()); err != nil || !reflect.DeepEqual(*i, goldenInfo) {
		t.Errorf("%+v, %v", i, err)
	}
	for name, want := range goldenRecords() {
		r, err := decodeRecord(want.encode(nil), goldenSummary.modseq)
		if err != nil || !reflect.DeepEqual(r, want) {
			t.Errorf("%s: %+v, %v", name, r, err)
		}
	}
	c := goldenChunk()
	got, err := decodePage(encodePage(&c), 4)
	if err != nil || got.dirty || got.unseen != 2 || got.page != 4 {
		t.Fatalf("%+v, %v", got, err)
	}
	for j, e := range goldenEntries {
		if got.entry(j) != e {
			t.Errorf("%d: %+v, want %+v", j, got.entry(j), e)
		}
	}
}

// decoders are all readers of values; each must refuse what it does not know.
func decoders() map[string]func([]byte) error {
	return map[string]func([]byte) error{
		"state":  func(b []byte) error { _, err := decodeState(b); return err },
		"info":   func(b []byte) error { _, err := decodeInfo(boxKey(1), b); return err },
		"record": func(b []byte) error { _, err := decodeRecord(b, 1); return err },
		"page":   func(b []byte) error { _, err := decodePage(b, 1); return err },
		"refs":   func(b []byte) error { _, err := decodeRefs(b); return err },
		"msgid":  func(b []byte) error { _, err := decodeMsgID(b); return err },
		"cold":   func(b []byte) error { return new(Cold).decode(b) },
		"roots":  func(b []byte) error { _, err := decodeRoots(b); return err },
	}
}

func TestReadersRefuseUnknownFormats(t *testing.T) {
	for name, f := range decoders() {
		for _, bad := range [][]byte{{}, {0}, {3, 1, 1, 1, 1}, {2, 1, 1, 1}, {format}, []byte("\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff")} {
			if err := f(bad); !errors.Is(err, kv.ErrCorrupt) {
				t.Errorf("%s of %x: %v", name, bad, err)
			}
		}
	}
	for name, b := range encodings() {
		b = append(b, 0)
		d := decoders()[name]
		if d == nil {
			d = decoders()["record"]
		}
		if d(b) == nil {
			t.Errorf("%s with a byte too many is taken", name)
		}
	}
}

func TestColdRecordRoundTrip(t *testing.T) {
	w := newWorld(t, Options{})
	s := text("own@x", "parent@x", "<root@x> <mid@x> <parent@x>", "hello")
	m := &Message{Blob: kv.BlobID{1, 2, 3}, Prefix: 40, Size: int64(len(s)), Received: epoch, Session: "abc", Parsed: mime.Scan([]byte(s), mime.DefaultLimits())}
	c := w.common(m, 1)
	v := c.encode(nil, 300, claimOwn|claimRoot, Origin{})
	var cold Cold
	must(t, cold.decode(v))
	if cold.Blob != m.Blob || cold.Prefix != 40 || cold.Size != m.Size || cold.Thread != 300 || string(cold.MessageID) != "own@x" || cold.Received != epoch.Unix() {
		t.Errorf("%+v", cold)
	}
	r, err := decodeRoots(v)
	must(t, err)
	if r.claims != [3]idHash{hashID("own@x"), {}, hashID("root@x")} || r.blob != m.Blob {
		t.Errorf("%+v", r)
	}
}

// TestHugeHeadersAreReduced: a record that would not fit is still a valid one.
func TestHugeHeadersAreReduced(t *testing.T) {
	w := newWorld(t, Options{})
	s := "From: a@example.test\r\nMessage-ID: <h@x>\r\nTo: " + strings.Repeat("\"\\\"x\" <b@example.test>,\r\n ", 20000) + "c@example.test\r\n\r\nx\r\n"
	d := w.deliver(s, Destination{Account: 1}, Destination{Account: 2})
	many := make([]Destination, 400)
	for i := range many {
		many[i].Account = d[0].Account + 1 + 1 + mailID(i)
	}
	w.deliver(s, many...)
	m := w.open(3, "INBOX")
	must(t, m.Cold(ctx, m.View(), All(), func(_ int, _ Entry, c *Cold) error {
		tree, err := mime.DecodeMessage(c.Tree)
		if err != nil || len(c.Envelope) == 0 || len(c.Structure) == 0 || c.HeadersComplete || tree.Root.End != int64(len(s)) {
			t.Errorf("%v, envelope of %d bytes", err, len(c.Envelope))
		}
		if n := len(c.Envelope) + len(c.Structure) + len(c.Tree) + len(c.Headers); n > 100<<10 {
			t.Errorf("record of %d bytes for each of 400", n)
		}
		return nil
	}))
	w.check(3)
}

func FuzzDecoders(f *testing.F) {
	for _, b := range encodings() {
		f.Add(b)
	}
	s := text("own@x", "parent@x", "", "hello")
	st := Open(newWorld(f, Options{}).mem, nil, Options{})
	c := st.common(&Message{Parsed: mime.Scan([]byte(s), mime.DefaultLimits()), Received: epoch}, 1)
	f.Add(c.encode(nil, 3, claimOwn, Origin{}))
	f.Add(c.encode(nil, 3, claimOwn, Origin{Email: Name{7, 300}, Thread: Name{9, 2}}))
	all := decoders()
	f.Fuzz(func(t *testing.T, b []byte) {
		for name, d := range all {
			if err := d(b); err != nil && !errors.Is(err, kv.ErrCorrupt) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if r, err := decodeRecord(b, 9); err == nil {
			again, err := decodeRecord(r.encode(nil), 9)
			if err != nil || !reflect.DeepEqual(r, again) {
				t.Errorf("%+v became %+v, %v", r, again, err)
			}
			d := &draft{}
			_ = r.replay(d)
		}
	})
}
