package mailbox

import (
	"context"
	"encoding/binary"
	"math/bits"
	"slices"
	"strings"

	"barid/base/kv"
	"barid/mail"
	"barid/rfc/addr"
	"barid/rfc/header"
	"barid/rfc/imap"
	"barid/rfc/mime"
)

// Cold is what is kept of a message beside its flags. Its slices are valid until the function it was given
// to returns.
type Cold struct {
	Blob            kv.BlobID
	Size            int64
	Prefix          int64  // bytes of trace fields we prepended
	HeaderBytes     int64  // length of the header section with the blank line
	Envelope        []byte // IMAP ENVELOPE in wire form, with its parentheses
	Structure       []byte // IMAP BODYSTRUCTURE in wire form, with extension data
	Tree            []byte // for mime.DecodeMessage
	Headers         []byte // raw header fields that clients list, in message order; see Listed
	HeadersComplete bool   // Headers holds every field of the names that Listed knows
	Thread          uint64
	Origin          Origin // the names of other accounts it is told by; mostly none
	MessageID       []byte // without <>
	Received        int64  // Unix seconds
	Session         []byte
}

// maxColdBytes bounds a cold record, bytes; usual ones have about 1,000. When the records of all accounts
// a message goes to would fill a transaction, the bound is less. Of a message that is past it a reduced
// record is kept: the start of its addresses, and one opaque part.
const maxColdBytes = 1 << 20

// coldCommon is the part of a cold record that is the same for all accounts a message goes to.
type coldCommon struct {
	lineage lineage
	origin  Origin // of a copy from another account
	b       []byte
}

// common makes a message's cold record but for what is the account's own; copies is how many there will be.
func (s *Store) common(m *Message, copies int) *coldCommon {
	p := m.Parsed
	if p == nil || p.Root == nil {
		p = &mime.Message{Size: m.Size, Root: &mime.Part{Type: "TEXT", Subtype: "PLAIN", Encoding: "7BIT", End: m.Size}}
	}
	env := p.Root.Envelope
	if env == nil {
		env = &mime.Envelope{}
	}
	raw, refs, complete := pickHeaders(p.Header, maxReferences)
	c := &coldCommon{lineage: newLineage(firstID(env.MessageID), header.MessageIDs([]byte(env.InReplyTo), 1), refs)}
	received := m.received(s.opt.Now()).Unix()
	c.b = buildCold(m, p, env, raw, complete, received)
	if limit := min(maxColdBytes, s.maxTxn/2/copies); len(c.b) > limit {
		small := reduced(p, env)
		c.b = buildCold(m, small, small.Root.Envelope, raw[:0], false, received)
	}
	if m.Source != nil {
		c.like(m.Source)
	}
	return c
}

// setBlob enters where the bytes are, which buildCold puts first.
func (c *coldCommon) setBlob(id kv.BlobID) { copy(c.b, id[:]) }

// buildCold codes what is common.
func buildCold(m *Message, p *mime.Message, env *mime.Envelope, raw []byte, complete bool, received int64) []byte {
	b := make([]byte, 0, 1024+len(raw))
	b = append(b, m.Blob[:]...)
	b = putUint(b, uint64(m.Size))
	b = putUint(b, uint64(m.Prefix))
	b = putUint(b, uint64(p.Root.BodyOff))
	b = putInt(b, received)
	b = append(b, bit(complete, 1))
	b = putString(b, cut(firstID(env.MessageID), maxIDBytes))
	b = putString(b, cut(m.Session, maxIDBytes))
	b = putBuilt(b, func(b []byte) []byte { return imap.AppendEnvelope(b, env) })
	b = putBuilt(b, func(b []byte) []byte { return imap.AppendBodyStructure(b, p.Root, true) })
	b = putBuilt(b, p.AppendBinary)
	return putBytes(b, raw)
}

// Limits of a reduced record.
const (
	reducedText  = 200 // bytes of one text
	reducedItems = 3   // addresses of one field
)

// reduced gives a message without its parts and with the start of its envelope.
func reduced(p *mime.Message, env *mime.Envelope) *mime.Message {
	out := *p
	out.Truncated = true
	out.Root = &mime.Part{
		Type: "APPLICATION", Subtype: "OCTET-STREAM", Encoding: "8BIT",
		HeaderOff: p.Root.HeaderOff, BodyOff: p.Root.BodyOff, End: p.Root.End, Lines: p.Root.Lines,
		Envelope: &mime.Envelope{
			Date: cut(env.Date, reducedText), Subject: cut(env.Subject, reducedText),
			From: someItems(env.From), Sender: someItems(env.Sender), ReplyTo: someItems(env.ReplyTo),
			To: someItems(env.To), Cc: someItems(env.Cc),
			InReplyTo: cut(env.InReplyTo, reducedText), MessageID: cut(env.MessageID, reducedText),
		},
	}
	return &out
}

func someItems(in []addr.Item) (out []addr.Item) {
	for _, i := range in {
		if len(out) < reducedItems && i.Kind == addr.Address && len(i.Mailbox.Local)+len(i.Mailbox.Domain) <= reducedText {
			i.Name, i.Route = cut(i.Name, reducedText), ""
			out = append(out, i)
		}
	}
	return out
}

// maxIDBytes bounds a message-id and a session id in a cold record, bytes.
const maxIDBytes = 998

func cut(s string, n int) string { return s[:min(len(s), n)] }

// firstID gives the first message-id in v without <>.
func firstID(v string) string {
	if t, ok := strings.CutPrefix(v, "<"); ok {
		if t, ok := strings.CutSuffix(t, ">"); ok && !strings.ContainsAny(t, "<> \t\"()") {
			return t
		}
	}
	if ids := header.MessageIDs([]byte(v), 1); len(ids) > 0 {
		return ids[0]
	}
	return ""
}

// putBuilt adds what f appends, with its length in front. It builds in place: the length is written into a
// gap that is closed when it turns out shorter.
func putBuilt(b []byte, f func([]byte) []byte) []byte {
	const gap = 4
	at := len(b)
	b = f(append(b, 0, 0, 0, 0))
	n := len(b) - at - gap
	var num [binary.MaxVarintLen64]byte
	w := len(putUint(num[:0], uint64(n)))
	if w > gap { // 256 MiB: no front end lets that in, and common reduces it
		return putBytes(b[:at], slices.Clone(b[at+gap:]))
	}
	copy(b[at+w:], b[at+gap:])
	copy(b[at:], num[:w])
	return b[:len(b)-gap+w]
}

// encode adds the whole cold record to b: format, thread, claimed hashes, names of other accounts if there are any,
// and what is common.
func (c *coldCommon) encode(b []byte, thread uint64, mask byte, o Origin) []byte {
	version := byte(format)
	if o != (Origin{}) {
		version = formatOrigin
	}
	b = append(b, version)
	b = putUint(b, thread)
	b = append(b, mask)
	for i, h := range [...]idHash{c.lineage.own, c.lineage.parent, c.lineage.root} {
		if mask&(1<<i) != 0 {
			b = append(b, h[:]...)
		}
	}
	if version == formatOrigin {
		b = putName(putName(b, o.Email), o.Thread)
	}
	return append(b, c.b...)
}

// roots is what a message holds on to: all that must be let go with it.
type roots struct {
	thread uint64
	claims [3]idHash // zero: none
	origin Origin
	blob   kv.BlobID
}

func (d *decoder) roots() (r roots) {
	r.thread = d.uint()
	mask := d.byte()
	if bits.Len8(mask) > len(r.claims) {
		d.fail()
	}
	for i := range r.claims {
		if mask&(1<<i) != 0 {
			copy(r.claims[i][:], d.take(hashLen))
		}
	}
	if d.format >= formatOrigin {
		r.origin = Origin{Email: d.name(), Thread: d.name()}
	}
	copy(r.blob[:], d.take(len(r.blob)))
	return r
}

func decodeRoots(v []byte) (roots, error) {
	d := newDecoderOf(v, formatOrigin)
	r := d.roots()
	if d.bad {
		return roots{}, corrupt("message record")
	}
	return r, nil
}

// decode reads a cold record; the slices are parts of v.
func (c *Cold) decode(v []byte) error {
	d := newDecoderOf(v, formatOrigin)
	r := d.roots()
	c.Thread, c.Origin, c.Blob = r.thread, r.origin, r.blob
	c.Size, c.Prefix, c.HeaderBytes = int64(d.uint()), int64(d.uint()), int64(d.uint())
	c.Received = d.int()
	c.HeadersComplete = d.byte()&1 != 0
	c.MessageID, c.Session = d.bytes(), d.bytes()
	c.Envelope, c.Structure, c.Tree, c.Headers = d.bytes(), d.bytes(), d.bytes(), d.bytes()
	if !d.end() {
		return corrupt("message record")
	}
	return nil
}

// roots reads what message m holds on to.
func (a *account) roots(ctx context.Context, m MsgNo) (r roots, err error) {
	err = a.readCold(ctx, m, func(v []byte) error {
		r, err = decodeRoots(v)
		return err
	})
	return r, err
}

// readCold calls f with the cold record of message m.
func (a *account) readCold(ctx context.Context, m MsgNo, f func(v []byte) error) error {
	return a.s.db.View(ctx, a.id.Part(), func(rd kv.Reader) error {
		v, ok, err := rd.Get(mail.TableMessage, coldKey(m))
		if err != nil {
			return err
		}
		if !ok {
			return ErrGone
		}
		return f(v)
	})
}
