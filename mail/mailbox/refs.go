package mailbox

import (
	"cmp"
	"encoding/binary"
	"maps"
	"slices"

	"barid/base/kv"
	"barid/mail"
)

// How often a message is in mailboxes of its account. Once is the rule and takes no room: only further
// times are counted, in TableMessage rows of 256 numbers each, so that copying or removing 10,000
// messages touches 40 rows.

// refSpan is the number of messages in one row.
const refSpan = 256

// refPage counts further times, by the low byte of the message number.
type refPage struct {
	extra map[byte]uint64
	dirty bool
}

// refPages are the rows a transaction works on.
type refPages map[uint64]*refPage

// The kinds of key in TableMessage.
const (
	deadPrefix = 'd' // modseq, part -> messages whose rows are to be removed
	coldPrefix = 'm' // message number -> cold record
	refPrefix  = 'r' // message number / 256 -> further times
)

func messageKey(kind byte, n uint64) []byte { return appendMessageKey(make([]byte, 0, 13), kind, n) }

func appendMessageKey(b []byte, kind byte, n uint64) []byte {
	return binary.BigEndian.AppendUint64(append(b, kind), n)
}

// coldKey is the key of a message's cold record.
func coldKey(m MsgNo) []byte { return messageKey(coldPrefix, uint64(m)) }

func (p *refPage) encode() []byte {
	b := append(make([]byte, 0, 2+3*len(p.extra)), format)
	b = putUint(b, uint64(len(p.extra)))
	for _, low := range slices.Sorted(maps.Keys(p.extra)) {
		b = append(b, low)
		b = putUint(b, p.extra[low])
	}
	return b
}

func decodeRefs(v []byte) (*refPage, error) {
	p := &refPage{extra: map[byte]uint64{}}
	if v == nil {
		return p, nil
	}
	d := newDecoder(v)
	for range d.count() {
		low := d.byte()
		p.extra[low] = d.uint()
	}
	if !d.end() {
		return nil, corrupt("reference counts")
	}
	return p, nil
}

// loadRefs reads the rows that msgs need.
func (x *tx) loadRefs(msgs []MsgNo) error {
	if x.refs == nil {
		x.refs = refPages{}
	}
	var need []uint64
	for _, m := range msgs {
		p := uint64(m) / refSpan
		if _, ok := x.refs[p]; !ok {
			x.refs[p] = nil
			need = append(need, p)
		}
	}
	slices.Sort(need)
	keys := make([][]byte, len(need))
	for i, p := range need {
		keys[i] = messageKey(refPrefix, p)
	}
	return x.t.GetMany(mail.TableMessage, keys, func(i int, v []byte) (err error) {
		x.refs[need[i]], err = decodeRefs(v)
		return err
	})
}

// addRefs counts one more time for each of msgs.
func (x *tx) addRefs(msgs []MsgNo) error {
	if err := x.loadRefs(msgs); err != nil {
		return err
	}
	for _, m := range msgs {
		p := x.refs[uint64(m)/refSpan]
		p.extra[byte(m)]++
		p.dirty = true
	}
	return nil
}

// dropRefs counts one time less for the message of each entry and gives the entries of those that are
// nowhere now, by message number.
func (x *tx) dropRefs(es []Entry) (dead []Entry, err error) {
	msgs := make([]MsgNo, len(es))
	for i := range es {
		msgs[i] = es[i].Msg
	}
	if err := x.loadRefs(msgs); err != nil {
		return nil, err
	}
	for _, e := range es {
		p, low := x.refs[uint64(e.Msg)/refSpan], byte(e.Msg)
		n := p.extra[low]
		if n == 0 {
			dead = append(dead, e)
			continue
		}
		p.dirty = true
		if p.extra[low] = n - 1; n == 1 {
			delete(p.extra, low)
		}
	}
	slices.SortFunc(dead, func(a, b Entry) int { return cmp.Compare(a.Msg, b.Msg) })
	return dead, nil
}

// flushRefs writes the rows that changed.
func (x *tx) flushRefs() {
	for _, n := range slices.Sorted(maps.Keys(x.refs)) {
		p := x.refs[n]
		switch {
		case !p.dirty:
		case len(p.extra) == 0:
			x.t.Del(mail.TableMessage, messageKey(refPrefix, n))
		default:
			x.t.Put(mail.TableMessage, messageKey(refPrefix, n), p.encode())
		}
	}
}

// readRefs reads all counts of an account, for Check.
func readRefs(r kv.Reader) (map[MsgNo]uint64, error) {
	out := map[MsgNo]uint64{}
	err := r.Scan(mail.TableMessage, []byte{refPrefix}, []byte{refPrefix + 1}, kv.ScanOpt{}, func(k, v []byte) error {
		p, err := decodeRefs(v)
		if err != nil || len(k) != 9 {
			return corrupt("reference counts")
		}
		for low, n := range p.extra {
			out[MsgNo(binary.BigEndian.Uint64(k[1:])*refSpan+uint64(low))] = n
		}
		return nil
	})
	return out, err
}
