package event

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"math"
	"slices"
	"strings"
	"time"

	"barid/base/kv"
	"barid/mail"
)

// The index finds the events of one message among millions. Its rows are keys only:
//
//	day (2 octets), kind (1), name, time of the event (8)
//
// where the name of an id is its text and a NUL, so that a session finds all its transactions, and that of
// everything strangers choose is eight octets of a hash. The day comes first so that a sweep drops whole days at
// once; a search looks at every day from the one in which the id was made: 30 short scans at most by default.
const (
	indexID      = 1 // of a transaction, or of a session that had none
	indexEnvID   = 2 // ENVID of RFC 3461
	indexMessage = 3 // Message-ID without <>
	indexEntry   = 4 // entry of the queue
)

// maxIndexed is how many rows of the index one search reads, maxName how many octets of an id count.
const (
	maxIndexed = 1 << 16
	maxName    = 64
)

// MaxNamed is how many transactions one name gives at most.
const MaxNamed = 100

// sinceKey is the row that tells when the index began: events before it are found by reading.
var sinceKey = []byte{0, 0, 0}

const dayMicros = 24 * 60 * 60 * 1e6

func dayOf(us int64) uint16 { return uint16(max(us, 0) / dayMicros) }

func dayKey(day uint16) []byte { return binary.BigEndian.AppendUint16(nil, day) }

// indexPrefix is the key of a name on a day, without the time.
func indexPrefix(b []byte, day uint16, kind byte, name string) []byte {
	b = append(binary.BigEndian.AppendUint16(b, day), kind)
	if kind == indexID {
		return append(append(b, cutName(name)...), 0)
	}
	sum := sha256.Sum256([]byte(name[:min(len(name), maxText)]))
	return append(b, sum[:8]...)
}

func cutName(s string) string { return s[:min(len(s), maxName)] }

// index writes the rows of e, whose key is at us.
func index(t kv.Txn, e *Event, us int64) {
	put := func(kind byte, name string) {
		if name != "" {
			k := indexPrefix(make([]byte, 0, 96), dayOf(us), kind, name)
			t.Put(mail.TableEventIndex, binary.BigEndian.AppendUint64(k, uint64(us)), nil)
		}
	}
	if e.ID != "" {
		put(indexID, e.ID)
	} else {
		put(indexID, e.Session)
	}
	if f := e.Facts; f != nil {
		put(indexEnvID, f.EnvID)
		put(indexMessage, f.MessageID)
	}
	if h := e.Hop; h != nil {
		put(indexEntry, strings.ToUpper(h.Entry))
	}
}

// beginIndex notes when the index began, if that is not known yet: right behind the event at last.
func beginIndex(t kv.Txn, last int64) error {
	_, ok, err := t.Get(mail.TableEventIndex, sinceKey)
	if err == nil && !ok {
		t.Put(mail.TableEventIndex, sinceKey, keyOf(last+1))
	}
	return err
}

// span is the events that a search by name may have to look at: times from lo to hi, those before since by
// reading them.
type span struct{ lo, hi, since int64 }

func spanOf(r kv.Reader, lo int64) (span, error) {
	s := span{lo: lo, hi: -1, since: math.MaxInt64}
	v, ok, err := r.Get(mail.TableEventIndex, sinceKey)
	if err != nil {
		return s, err
	}
	if ok && len(v) == 8 {
		s.since = int64(binary.BigEndian.Uint64(v))
	}
	end := func(p *int64, o kv.ScanOpt) error {
		return r.Scan(mail.TableEvent, keyOf(lo), nil, o, func(k, _ []byte) error {
			*p = timeOf(k)
			return nil
		})
	}
	if err := end(&s.hi, kv.ScanOpt{Reverse: true, Limit: 1}); err != nil || s.hi < 0 {
		return s, err
	}
	return s, end(&s.lo, kv.ScanOpt{Limit: 1})
}

func timeOf(k []byte) int64 {
	if len(k) != 8 {
		return 0
	}
	return int64(binary.BigEndian.Uint64(k))
}

// named gives the times of the events in s with this name, ascending. A session's id stands for the events of
// all its transactions.
func named(ctx context.Context, r kv.Reader, s span, kind byte, name string) (times []int64, err error) {
	scan := func(lo, hi []byte) error {
		return r.Scan(mail.TableEventIndex, lo, hi, kv.ScanOpt{}, func(k, _ []byte) error {
			if times = append(times, timeOf(k[max(0, len(k)-8):])); len(times) >= maxIndexed {
				return kv.ErrStop
			}
			return nil
		})
	}
	for day := int(dayOf(s.lo)); day <= int(dayOf(s.hi)) && s.hi >= 0 && err == nil; day++ {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		p := indexPrefix(nil, uint16(day), kind, name)
		err = scan(p, after(p))
		if kind == indexID && err == nil && !strings.Contains(name, ".") {
			p[len(p)-1] = '.'
			err = scan(p, after(p))
		}
	}
	slices.Sort(times)
	return times, err
}

// after is the first key behind all that begin with p.
func after(p []byte) []byte {
	q := bytes.Clone(p)
	for i := len(q) - 1; i >= 0; i-- {
		if q[i]++; q[i] != 0 {
			return q[:i+1]
		}
	}
	return nil
}

// load reads the event at us; ok is false if it is gone or can not be read.
func load(r kv.Reader, us int64) (e Event, ok bool, err error) {
	v, ok, err := r.Get(mail.TableEvent, keyOf(us))
	if err != nil || !ok {
		return e, false, err
	}
	e, bad := decode(v)
	e.Time = time.UnixMicro(us).UTC()
	return e, bad == nil, nil
}

// findNamed is Find for the events of one transaction or session.
func (l *Log) findNamed(ctx context.Context, q Query) (found []Event, err error) {
	name := q.ID
	if name == "" {
		name = q.Session
	}
	err = l.db.View(ctx, part, func(r kv.Reader) error {
		s, err := spanOf(r, q.since())
		if err != nil {
			return err
		}
		times, err := named(ctx, r, s, indexID, name)
		if err != nil {
			return err
		}
		first, _ := slices.BinarySearch(times, s.since) // what is older is read below
		times = times[first:]
		if !q.Oldest {
			slices.Reverse(times)
		}
		for _, us := range times {
			e, ok, err := load(r, us)
			if err != nil {
				return err
			}
			if ok && q.match(&e) {
				if found = append(found, e); len(found) == q.Limit {
					return nil
				}
			}
		}
		if s.lo < s.since {
			return l.scan(ctx, r, keyOf(s.lo), keyOf(min(s.since, s.hi+1)), q, &found)
		}
		return nil
	})
	if q.Oldest {
		slices.SortStableFunc(found, func(a, b Event) int { return a.Time.Compare(b.Time) })
	}
	return found, err
}

// ByEnvelope gives the transactions whose sender gave them this ENVID (RFC 3461 §4.4), newest first.
func (l *Log) ByEnvelope(ctx context.Context, envid string) ([]string, error) {
	return l.by(ctx, indexEnvID, envid, func(e *Event) bool { return e.Facts != nil && e.Facts.EnvID == cutText(envid) })
}

// ByMessageID gives the transactions of the message with this Message-ID, with or without <>, newest first.
func (l *Log) ByMessageID(ctx context.Context, id string) ([]string, error) {
	id = strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(id), "<"), ">")
	return l.by(ctx, indexMessage, id, func(e *Event) bool { return e.Facts != nil && e.Facts.MessageID == cutText(id) })
}

// ByEntry gives the transactions that had this entry of the queue, newest first.
func (l *Log) ByEntry(ctx context.Context, entry string) ([]string, error) {
	entry = strings.ToUpper(entry)
	return l.by(ctx, indexEntry, entry, func(e *Event) bool { return e.Hop != nil && strings.ToUpper(e.Hop.Entry) == entry })
}

func cutText(s string) string { return s[:min(len(s), maxText)] }

// by gives the transactions of the events with this name that really have it, each once.
func (l *Log) by(ctx context.Context, kind byte, name string, has func(*Event) bool) (ids []string, err error) {
	if name == "" {
		return nil, nil
	}
	err = l.db.View(ctx, part, func(r kv.Reader) error {
		s, err := spanOf(r, 0)
		if err != nil {
			return err
		}
		times, err := named(ctx, r, s, kind, name)
		if err != nil {
			return err
		}
		for _, us := range slices.Backward(times) {
			e, ok, err := load(r, us)
			if err != nil {
				return err
			}
			if ok && e.ID != "" && has(&e) && !slices.Contains(ids, e.ID) {
				if ids = append(ids, e.ID); len(ids) == MaxNamed {
					return nil
				}
			}
		}
		return nil
	})
	return ids, err
}
