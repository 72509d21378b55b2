package allowance

import (
	"encoding/binary"
	"time"
)

// span is how a window is divided: the present slot and so many whole ones before it are counted.
type span struct {
	width int64 // seconds of a slot
	whole int
}

// The spans. Both leave no gap: what is counted is at least the whole hour or day.
var (
	hour = span{width: 5 * 60, whole: 12}
	day  = span{width: 60 * 60, whole: 24}
)

// window counts what happened lately in slots of time.
type window struct {
	span
	newest int64   // number of the present slot since 1970
	slots  []int64 // by number modulo their count; empty: nothing was counted
	sum    int64   // of all slots
	held   int64   // places taken by transactions that are not over
}

func (s span) slotOf(t time.Time) int64 { return t.Unix() / s.width }

// advance forgets slots that are out of the window. A clock that goes back changes nothing.
func (w *window) advance(now time.Time) {
	n := w.slotOf(now)
	if len(w.slots) == 0 || n <= w.newest {
		return
	}
	for i := max(w.newest+1, n-int64(w.whole)); i <= n; i++ {
		at := &w.slots[i%int64(len(w.slots))]
		w.sum -= *at
		*at = 0
	}
	w.newest = n
}

// add counts n now.
func (w *window) add(now time.Time, n int64) {
	if len(w.slots) == 0 {
		w.slots = make([]int64, w.whole+1)
		w.newest = w.slotOf(now)
	}
	w.advance(now)
	w.slots[w.newest%int64(len(w.slots))] += n
	w.sum += n
}

// fits tells whether n more are within limit; 0 is no limit. advance must have been called.
func (w *window) fits(n, limit int64) bool { return limit == 0 || n <= limit-w.sum-w.held }

// until is from when on n fit that do not fit now: zero for never. Places that are held may be given back at any
// moment, so they are thought to be counted in the present slot at worst.
func (w *window) until(now time.Time, n, limit int64) time.Time {
	if n > limit {
		return time.Time{}
	}
	over := w.sum + w.held + n - limit
	for i := w.whole; i >= 0 && len(w.slots) > 0; i-- {
		slot := w.newest - int64(i)
		if slot < 0 {
			continue
		}
		if over -= w.slots[slot%int64(len(w.slots))]; over <= 0 {
			return w.leaves(slot)
		}
	}
	return w.leaves(w.slotOf(now))
}

// leaves is when a slot is out of the window.
func (w *window) leaves(slot int64) time.Time {
	return time.Unix((slot+int64(w.whole)+1)*w.width, 0).UTC()
}

// ends gives when the oldest and when the newest of what is counted leaves; zero when nothing is.
func (w *window) ends() (first, last time.Time) {
	for i := w.whole; i >= 0 && w.sum > 0; i-- {
		slot := w.newest - int64(i)
		if slot < 0 || w.slots[slot%int64(len(w.slots))] == 0 {
			continue
		}
		if last = w.leaves(slot); first.IsZero() {
			first = last
		}
	}
	return first, last
}

// append adds the stored form: the newest slot's number, then all slots from the newest back.
func (w *window) append(b []byte) []byte {
	if w.sum == 0 {
		return binary.AppendUvarint(b, 0)
	}
	b = binary.AppendUvarint(b, uint64(w.newest))
	for i := range int64(w.whole + 1) {
		n := int64(0)
		if slot := w.newest - i; slot >= 0 {
			n = w.slots[slot%int64(len(w.slots))]
		}
		b = binary.AppendUvarint(b, uint64(n))
	}
	return b
}

// read takes the stored form from the beginning of b and gives the rest; ok is false for damage.
func (w *window) read(b []byte) (rest []byte, ok bool) {
	newest, n := binary.Uvarint(b)
	if n <= 0 || newest > 1<<40 {
		return nil, false
	}
	if b = b[n:]; newest == 0 {
		return b, true
	}
	w.newest, w.slots = int64(newest), make([]int64, w.whole+1)
	for i := range int64(w.whole + 1) {
		v, n := binary.Uvarint(b)
		if n <= 0 || v > 1<<56 || w.newest < i {
			return nil, false
		}
		b = b[n:]
		w.slots[(w.newest-i)%int64(len(w.slots))] = int64(v)
		w.sum += int64(v)
	}
	return b, true
}
