package mailbox

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// modelMsg, modelBox and model are the plain picture of an account that the real one must agree with.
type modelMsg struct {
	uid      UID
	no       MsgNo
	flags    Flags // system flags
	keywords string
	size     int64
}

type modelBox struct {
	validity uint32
	next     UID
	msgs     []modelMsg
	gone     []UID // every UID that was expunged
	points   []modelPoint
}

// modelPoint is a time: what the modseq was, and how many were expunged.
type modelPoint struct {
	modseq ModSeq
	gone   int
}

type model struct {
	boxes map[string]*modelBox
	names map[string]bool // names that hold others only
}

// history runs random operations on both.
type history struct {
	t    *testing.T
	r    *rand.Rand
	w    *world
	m    model
	body *Message
	held []heldView
	feed *mirror
	log  []string
}

// heldView is a View and what it showed when it was taken.
type heldView struct {
	box  string
	v    *View
	want []Entry
	kw   []string
}

func newHistory(t *testing.T, seed uint64) *history {
	r := rand.New(rand.NewPCG(seed, 1))
	o := Options{
		HotBytes: []int64{1, 1 << 20}[r.IntN(2)], ReapInline: 1 + r.IntN(5), SnapRecords: 1 + r.IntN(12), KeepChanges: 6 + r.IntN(20),
	}
	h := &history{t: t, r: r, w: newWorld(t, o)}
	var done func()
	h.body, done = put(t, h.w.mem, text("model@example.test", "", "", "model"))
	t.Cleanup(done)
	must(t, h.w.Account(1).Init(ctx, Quota{}))
	h.m = model{boxes: map[string]*modelBox{}, names: map[string]bool{}}
	infos, err := h.w.Account(1).List(ctx)
	must(t, err)
	for _, i := range infos {
		h.m.boxes[i.Name] = &modelBox{validity: i.UIDValidity, next: 1}
	}
	h.feed = newMirror()
	return h
}

func (h *history) name() string { return slices.Sorted(maps.Keys(h.m.boxes))[h.r.IntN(len(h.m.boxes))] }

func (h *history) set(b *modelBox) UIDSet {
	var rs []UIDRange
	for range 1 + h.r.IntN(4) {
		lo := UID(1 + h.r.IntN(int(b.next)+2))
		rs = append(rs, UIDRange{lo, lo + UID(h.r.IntN(1+int(b.next)/(1+h.r.IntN(8))))})
	}
	return NewUIDSet(rs...)
}

var modelKeywords = []string{"$Forwarded", "work", "later", "$MDNSent"}

func (h *history) flags() (Flags, []string) {
	var k []string
	if h.r.IntN(3) == 0 {
		k = append(k, modelKeywords[h.r.IntN(len(modelKeywords))])
	}
	return Flags(h.r.IntN(32)), k
}

func joinKeywords(old string, add []string) string {
	ks := strings.Fields(old)
	for _, k := range add {
		if !slices.Contains(ks, k) {
			ks = append(ks, k)
		}
	}
	slices.Sort(ks)
	return strings.Join(ks, " ")
}

func dropKeywords(old string, del []string) string {
	return strings.Join(slices.DeleteFunc(strings.Fields(old), func(k string) bool { return slices.Contains(del, k) }), " ")
}

func (b *modelBox) add(m modelMsg) {
	m.uid = b.next
	b.next++
	b.msgs = append(b.msgs, m)
}

// take removes the messages for which f is true and gives them.
func (b *modelBox) take(f func(modelMsg) bool) (out []modelMsg) {
	for _, m := range b.msgs {
		if f(m) {
			out = append(out, m)
			b.gone = append(b.gone, m.uid)
		}
	}
	b.msgs = slices.DeleteFunc(b.msgs, f)
	return out
}

// step does one random operation. Some commits fail; then nothing may change.
func (h *history) step() {
	name := h.name()
	b := h.m.boxes[name]
	fail := h.r.IntN(12) == 0
	if fail {
		h.w.mem.Fail(func() error { return errors.New("injected") })
		defer h.w.mem.Fail(nil)
	}
	n := h.r.IntN(100)
	h.log = append(h.log, fmt.Sprintf("op %d on %q (fail %v)", n, name, fail))
	switch {
	case n < 18:
		h.deliver(name, b, fail)
	case n < 30:
		h.append(name, b, fail)
	case n < 48:
		h.store(name, b, fail)
	case n < 62:
		h.expunge(name, b, fail)
	case n < 78:
		h.transfer(name, b, fail)
	case n < 82:
		h.create(fail)
	case n < 85:
		h.delete(name, b, fail)
	case n < 89:
		h.rename(name, b, fail)
	case n < 94:
		h.w.mem.Fail(nil)
		h.w.restart()
		h.held = nil
	default:
		h.w.mem.Fail(nil)
		h.hold(name)
	}
}

func (h *history) deliver(name string, b *modelBox, fail bool) {
	f, k := h.flags()
	out, err := h.w.Deliver(ctx, h.body, []Destination{{Account: 1, Mailbox: name, Flags: f, Keywords: k}})
	if h.failed(err, fail) {
		return
	}
	if out[0].UID != b.next || out[0].UIDValidity != b.validity {
		h.t.Fatalf("delivered to %q: %+v, want UID %d", name, out[0], b.next)
	}
	b.add(modelMsg{no: out[0].Msg, flags: f, keywords: joinKeywords("", k), size: h.body.Size})
}

func (h *history) append(name string, b *modelBox, fail bool) {
	n := 1 + h.r.IntN(4)
	if h.r.IntN(12) == 0 {
		n = 200 + h.r.IntN(500)
	}
	ms := make([]AppendMessage, n)
	for i := range ms {
		ms[i].Message = *h.body
		ms[i].Flags, ms[i].Keywords = h.flags()
	}
	out, err := h.w.Account(1).Append(ctx, name, ms)
	if h.failed(err, fail) {
		return
	}
	for i, d := range out {
		if d.UID != b.next {
			h.t.Fatalf("appended UID %d, want %d", d.UID, b.next)
		}
		b.add(modelMsg{no: d.Msg, flags: ms[i].Flags, keywords: joinKeywords("", ms[i].Keywords), size: h.body.Size})
	}
}

// open opens a mailbox although commits fail: reading is no commit.
func (h *history) open(name string) *Mailbox {
	m, err := h.w.Account(1).Open(ctx, name)
	if err != nil {
		h.t.Fatalf("open %q: %v", name, err)
	}
	return m
}

func (h *history) store(name string, b *modelBox, fail bool) {
	m := h.open(name)
	defer m.Close()
	f, k := h.flags()
	op := StoreOp{Mode: Mode(h.r.IntN(3)), Flags: f, Keywords: k}
	set := h.set(b)
	var skip UIDSet
	if h.r.IntN(4) == 0 {
		since := m.View().HighestModSeq() - ModSeq(h.r.IntN(5))
		op.UnchangedSince = &since
		for _, e := range m.View().In(set) {
			if e.ModSeq > since {
				skip = skip.Add(e.UID)
			}
		}
	}
	modified, _, err := m.Store(ctx, set, op)
	if err == nil && !slices.Equal(modified, skip) {
		h.t.Fatalf("modified %v, want %v", modified, skip)
	}
	if err == nil && fail { // nothing to change is no commit
		fail = false
	}
	if h.failed(err, fail) {
		return
	}
	for i := range b.msgs {
		x := &b.msgs[i]
		if !set.Contains(x.uid) || skip.Contains(x.uid) {
			continue
		}
		switch op.Mode {
		case Add:
			x.flags |= f
			x.keywords = joinKeywords(x.keywords, k)
		case Remove:
			x.flags &^= f
			x.keywords = dropKeywords(x.keywords, k)
		case Replace:
			x.flags, x.keywords = f, joinKeywords("", k)
		}
	}
}

func (h *history) expunge(name string, b *modelBox, fail bool) {
	m := h.open(name)
	defer m.Close()
	var only *UIDSet
	if h.r.IntN(2) == 0 {
		s := h.set(b)
		only = &s
	}
	goes := func(x modelMsg) bool { return x.flags&Deleted != 0 && (only == nil || only.Contains(x.uid)) }
	var gone UIDSet
	var err error
	if only != nil && h.r.IntN(2) == 0 {
		goes = func(x modelMsg) bool { return only.Contains(x.uid) }
		gone, err = m.Discard(ctx, *only)
	} else {
		gone, _, err = m.Expunge(ctx, only)
	}
	if err == nil && len(gone) == 0 {
		fail = false
	}
	if h.failed(err, fail) {
		return
	}
	out := b.take(goes)
	var want UIDSet
	for _, x := range out {
		want = want.Add(x.uid)
	}
	if !slices.Equal(gone, want) {
		h.t.Fatalf("expunged %v, want %v", gone, want)
	}
}

func (h *history) transfer(name string, b *modelBox, fail bool) {
	m := h.open(name)
	defer m.Close()
	to := h.name()
	dst := h.m.boxes[to]
	set := h.set(b)
	move := h.r.IntN(2) == 0
	if len(dst.msgs) > 3000 {
		return
	}
	var r CopyResult
	var err error
	if move {
		r, err = m.Move(ctx, set, to)
	} else {
		r, err = m.Copy(ctx, set, to)
	}
	if err == nil && len(r.From) == 0 {
		fail = false
	}
	if h.failed(err, fail) {
		return
	}
	pick := slices.DeleteFunc(slices.Clone(b.msgs), func(x modelMsg) bool { return !set.Contains(x.uid) })
	if move {
		b.take(func(x modelMsg) bool { return set.Contains(x.uid) })
	}
	for i, x := range pick {
		if r.From[i] != x.uid || r.To[i] != dst.next {
			h.t.Fatalf("transfer to %q: %v -> %v, want %d -> %d", to, r.From, r.To, x.uid, dst.next)
		}
		dst.add(x)
	}
}

func (h *history) create(fail bool) {
	name := fmt.Sprintf("d%d", h.r.IntN(5))
	if h.r.IntN(2) == 0 {
		name += fmt.Sprintf("/e%d", h.r.IntN(4))
	}
	_, err := h.w.Account(1).Create(ctx, name, UseNone)
	if h.m.boxes[name] != nil {
		if !errors.Is(err, ErrExists) {
			h.t.Fatalf("create %q: %v", name, err)
		}
		return
	}
	if h.failed(err, fail) {
		return
	}
	h.made(append(parents(name), name)...)
}

// made enters names that came, as far as they are not there.
func (h *history) made(names ...string) {
	for k, n := range names {
		if h.m.boxes[n] != nil || k < len(names)-1 && h.m.names[n] {
			continue
		}
		i, err := h.w.Account(1).Find(ctx, n)
		must(h.t, err)
		for other, b := range h.m.boxes {
			if b.validity >= i.UIDValidity {
				h.t.Fatalf("UIDVALIDITY %d of %q is not above %d of %q", i.UIDValidity, n, b.validity, other)
			}
		}
		delete(h.m.names, n)
		h.m.boxes[n] = &modelBox{validity: i.UIDValidity, next: 1}
	}
}

func (h *history) below(name string) (out []string) {
	for n := range h.m.boxes {
		if strings.HasPrefix(n, name+"/") {
			out = append(out, n)
		}
	}
	for n := range h.m.names {
		if strings.HasPrefix(n, name+"/") {
			out = append(out, n)
		}
	}
	return out
}

func (h *history) delete(name string, b *modelBox, fail bool) {
	err := h.w.Account(1).Delete(ctx, name)
	if name == Inbox {
		if !errors.Is(err, ErrInbox) {
			h.t.Fatalf("delete INBOX: %v", err)
		}
		return
	}
	if h.failed(err, fail) {
		return
	}
	delete(h.m.boxes, name)
	if len(h.below(name)) > 0 {
		h.m.names[name] = true
	}
}

func (h *history) rename(name string, b *modelBox, fail bool) {
	to := fmt.Sprintf("r%d/s%d", h.r.IntN(3), h.r.IntN(1000))
	if h.m.boxes[to] != nil || h.m.names[to] || strings.HasPrefix(to, name+"/") {
		return
	}
	err := h.w.Account(1).Rename(ctx, name, to)
	if h.failed(err, fail) {
		return
	}
	if name == Inbox {
		h.made(append(parents(to), to)...)
		for _, x := range b.take(func(modelMsg) bool { return true }) {
			h.m.boxes[to].add(x)
		}
		return
	}
	under := h.below(name)
	for _, n := range append([]string{name}, under...) {
		if h.m.names[n] {
			delete(h.m.names, n)
			h.m.names[to+n[len(name):]] = true
			continue
		}
		h.m.boxes[to+n[len(name):]] = h.m.boxes[n]
		delete(h.m.boxes, n)
	}
	for _, p := range parents(to) {
		if h.m.boxes[p] == nil && !h.m.names[p] {
			h.made(p)
		}
	}
}

// failed wants an error exactly when a commit was made to fail.
func (h *history) failed(err error, fail bool) bool {
	if (err != nil) != fail {
		h.t.Fatalf("error %v, failing commits %v\n%s", err, fail, strings.Join(h.log[max(0, len(h.log)-8):], "\n"))
	}
	h.w.mem.Fail(nil)
	return fail
}

// hold keeps a View, to see later that it did not change and that Diff is right about what did.
func (h *history) hold(name string) {
	m := h.open(name)
	h.t.Cleanup(m.Close)
	h.held = append(h.held, heldView{name, m.View(), entries(m.View()), slices.Clone(m.View().Keywords())})
}

func keywordNames(v *View, f Flags) string {
	var out []string
	for i, k := range v.Keywords() {
		if f&Keyword(i) != 0 {
			out = append(out, k)
		}
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

// agree compares the account with the model.
func (h *history) agree() {
	h.t.Helper()
	infos, err := h.w.Account(1).List(ctx)
	must(h.t, err)
	var names []string
	for _, i := range infos {
		switch {
		case i.NonExistent:
		case i.NoSelect != h.m.names[i.Name]:
			h.t.Fatalf("%q: NoSelect is %v", i.Name, i.NoSelect)
		case !i.NoSelect:
			names = append(names, i.Name)
			h.agreeBox(i)
		}
	}
	slices.Sort(names)
	if want := slices.Sorted(maps.Keys(h.m.boxes)); !slices.Equal(names, want) {
		h.t.Fatalf("mailboxes %q, want %q", names, want)
	}
	h.agreeUsage()
	for _, o := range h.held {
		if !slices.Equal(entries(o.v), o.want) {
			h.t.Fatalf("an old View of %q changed", o.box)
		}
	}
}

func (h *history) agreeUsage() {
	h.t.Helper()
	seen := map[MsgNo]int64{}
	var bytes int64
	for _, b := range h.m.boxes {
		for _, x := range b.msgs {
			if _, ok := seen[x.no]; !ok {
				bytes += x.size
			}
			seen[x.no] = x.size
		}
	}
	u, err := h.w.Account(1).Usage(ctx)
	must(h.t, err)
	if u.Messages != int64(len(seen)) || u.Bytes != bytes {
		h.t.Fatalf("usage %+v, want %d bytes in %d", u, bytes, len(seen))
	}
}

func (h *history) agreeBox(i Info) {
	h.t.Helper()
	b := h.m.boxes[i.Name]
	if b == nil {
		h.t.Fatalf("%q should not be there", i.Name)
	}
	st, err := h.w.Account(1).Status(ctx, i.Name)
	must(h.t, err)
	m := h.open(i.Name)
	defer m.Close()
	v := m.View()
	var unseen, deleted int
	var bytes int64
	for k, e := range v.All() {
		if k >= len(b.msgs) {
			break
		}
		x := b.msgs[k]
		if e.UID != x.uid || e.Flags&SystemFlags != x.flags || keywordNames(v, e.Flags) != x.keywords || e.Size != x.size || e.Msg != x.no {
			h.t.Fatalf("%q[%d]: %+v (%s), want %+v", i.Name, k, e, keywordNames(v, e.Flags), x)
		}
		bytes += e.Size
		if e.Flags&Seen == 0 {
			unseen++
		}
		if e.Flags&Deleted != 0 {
			deleted++
		}
		if got, ok := v.Seq(e.UID); !ok || got != k || v.At(k) != e {
			h.t.Fatalf("%q: Seq(%d) is %d", i.Name, e.UID, got)
		}
	}
	if v.Len() != len(b.msgs) || v.UIDNext() != b.next || v.UIDValidity() != b.validity {
		h.t.Fatalf("%q has %d messages, next %d, want %d, %d", i.Name, v.Len(), v.UIDNext(), len(b.msgs), b.next)
	}
	want := Status{
		ID: i.ID, UIDValidity: b.validity, UIDNext: b.next, Messages: len(b.msgs), Unseen: unseen, Deleted: deleted,
		Bytes: bytes, HighestModSeq: v.HighestModSeq(), Recent: st.Recent,
	}
	if st != want || v.Unseen() != unseen || v.Deleted() != deleted || v.Bytes() != bytes {
		h.t.Fatalf("%q: status %+v, want %+v", i.Name, st, want)
	}
	h.agreeVanished(m, b)
}

// agreeVanished wants every UID that was expunged after some time to be among those VanishedSince tells.
func (h *history) agreeVanished(m *Mailbox, b *modelBox) {
	h.t.Helper()
	gone, complete, err := m.VanishedSince(ctx, 0)
	must(h.t, err)
	var want UIDSet
	for _, u := range slices.Sorted(slices.Values(b.gone)) {
		want = want.Add(u)
	}
	if !slices.Equal(gone, want) {
		h.t.Fatalf("vanished %v (complete %v), want %v", gone, complete, want)
	}
	if len(b.points) > 0 {
		p := b.points[h.r.IntN(len(b.points))]
		gone, complete, err := m.VanishedSince(ctx, p.modseq)
		must(h.t, err)
		if complete {
			want = SetOf(b.gone[p.gone:]...)
		}
		if !slices.Equal(gone, want) {
			h.t.Fatalf("vanished since %d: %v (complete %v), want %v", p.modseq, gone, complete, want)
		}
	}
	b.points = append(b.points, modelPoint{m.View().HighestModSeq(), len(b.gone)})
}

func TestRandomHistoriesAgreeWithAModel(t *testing.T) {
	n := seeds(12)
	for seed := range uint64(n) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			h := newHistory(t, seed)
			for k := range 140 {
				h.step()
				if k%4 == 0 {
					h.agree()
				}
				if k%20 == 0 {
					h.w.check(1)
					h.diffs()
				}
				h.feed.follow(h)
			}
			h.agree()
			h.w.restart()
			h.agree()
			must(t, h.w.Account(1).Reap(ctx))
			h.w.check(1)
			h.agree()
			if t.Failed() {
				t.Log(strings.Join(h.log, "\n"))
			}
		})
	}
}

// diffs compares Diff with the naive way for all held Views.
func (h *history) diffs() {
	h.t.Helper()
	for _, o := range h.held {
		if h.m.boxes[o.box] == nil {
			continue
		}
		m := h.open(o.box)
		v := m.View()
		m.Close()
		if v.UIDValidity() != o.v.UIDValidity() {
			continue
		}
		wantDiff(h.t, o.v, v)
	}
}

func wantDiff(t *testing.T, old, new *View) {
	t.Helper()
	var gone, changed, wantGone, wantChanged []int
	Diff(old, new, func(i int, e Entry) {
		if old.At(i) != e {
			t.Fatalf("expunged %d is %+v", i, e)
		}
		gone = append(gone, i)
	}, func(i int, e Entry) {
		if new.At(i) != e {
			t.Fatalf("changed %d is %+v", i, e)
		}
		changed = append(changed, i)
	})
	for i := old.Len() - 1; i >= 0; i-- {
		if _, ok := new.Seq(old.At(i).UID); !ok {
			wantGone = append(wantGone, i)
		}
	}
	for i, e := range new.All() {
		if j, ok := old.Seq(e.UID); ok && old.At(j) != e {
			wantChanged = append(wantChanged, i)
		}
	}
	if !slices.Equal(gone, wantGone) || !slices.Equal(changed, wantChanged) {
		t.Fatalf("Diff: gone %v, want %v; changed %v, want %v", gone, wantGone, changed, wantChanged)
	}
}
