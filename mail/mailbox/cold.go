package mailbox

import (
	"context"
	"math/bits"
	"strings"

	"barid/base/kv"
	"barid/mail"
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
	MessageID       []byte // without <>
	Received        int64  // Unix seconds
	Session         []byte
}

// maxColdBytes bounds each of ENVELOPE, BODYSTRUCTURE and tree in a cold record, bytes. Of a message that
// is past it the part is left out, and the front end makes it from the bytes.
const maxColdBytes = 512 << 10

// coldCommon is the part of a cold record that is the same for all accounts a message goes to.
type coldCommon struct {
	lineage lineage
	b       []byte
}

// common makes a message's cold record but for what is the account's own.
func (s *Store) common(m *Message) *coldCommon {
	p := m.Parsed
	if p == nil || p.Root == nil {
		p = &mime.Message{Root: &mime.Part{Type: "TEXT", Subtype: "PLAIN", Encoding: "7BIT", End: m.Size}}
	}
	env := p.Root.Envelope
	if env == nil {
		env = &mime.Envelope{}
	}
	raw, refs, complete := pickHeaders(p.Header, maxReferences)
	id := firstID(env.MessageID)
	c := &coldCommon{lineage: newLineage(id, header.MessageIDs([]byte(env.InReplyTo), 1), refs)}

	b := make([]byte, 0, 1024+len(raw))
	b = append(b, m.Blob[:]...)
	b = putUint(b, uint64(m.Size))
	b = putUint(b, uint64(m.Prefix))
	b = putUint(b, uint64(p.Root.BodyOff))
	b = putInt(b, m.received(s.opt.Now()).Unix())
	b = append(b, bit(complete, 1))
	b = putString(b, cut(id, maxIDBytes))
	b = putString(b, cut(m.Session, maxIDBytes))
	b = putBuilt(b, func(b []byte) []byte { return imap.AppendEnvelope(b, env) })
	b = putBuilt(b, func(b []byte) []byte { return imap.AppendBodyStructure(b, p.Root, true) })
	b = putBuilt(b, p.AppendBinary)
	c.b = putBytes(b, raw)
	return c
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
	const gap = 3
	at := len(b)
	b = f(append(b, 0, 0, 0))
	n := len(b) - at - gap
	if n > maxColdBytes {
		return append(b[:at], 0)
	}
	var num [gap]byte
	w := len(putUint(num[:0], uint64(n)))
	if w < gap {
		copy(b[at+w:], b[at+gap:])
		b = b[:len(b)-gap+w]
	}
	copy(b[at:], num[:w])
	return b
}

// encode adds the whole cold record to b: format, thread, claimed hashes, and what is common.
func (c *coldCommon) encode(b []byte, thread uint64, mask byte) []byte {
	b = append(b, format)
	b = putUint(b, thread)
	b = append(b, mask)
	for i, h := range [...]idHash{c.lineage.own, c.lineage.parent, c.lineage.root} {
		if mask&(1<<i) != 0 {
			b = append(b, h[:]...)
		}
	}
	return append(b, c.b...)
}

// roots is what a message holds on to: all that must be let go with it.
type roots struct {
	thread uint64
	claims [3]idHash // zero: none
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
	copy(r.blob[:], d.take(len(r.blob)))
	return r
}

func decodeRoots(v []byte) (roots, error) {
	d := newDecoder(v)
	r := d.roots()
	if d.bad {
		return roots{}, corrupt("message record")
	}
	return r, nil
}

// decode reads a cold record; the slices are parts of v.
func (c *Cold) decode(v []byte) error {
	d := newDecoder(v)
	r := d.roots()
	c.Thread, c.Blob = r.thread, r.blob
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
	err = a.s.db.View(ctx, a.id.Part(), func(rd kv.Reader) error {
		v, ok, err := rd.Get(mail.TableMessage, coldKey(m))
		if err != nil {
			return err
		}
		if !ok {
			return ErrGone
		}
		r, err = decodeRoots(v)
		return err
	})
	return r, err
}
