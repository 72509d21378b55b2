package search

import (
	"context"
	"errors"
	"fmt"
	"time"

	"barid/base/kv"
	"barid/mail"
	"barid/mail/mailbox"
)

// Status is how the index of an account is.
type Status struct {
	Messages int64         `json:"messages"` // indexed; removed ones may be among them
	Waiting  int64         `json:"waiting"`  // stored and not indexed yet; counted up to maxWaiting
	Cursor   mailbox.MsgNo `json:"cursor"`
	Segments int           `json:"segments"`
	Terms    int64         `json:"terms"` // of all segments; one in several counts several times
	Bytes    int64         `json:"bytes"` // of all rows
	Text     int64         `json:"text"`  // bytes of text indexed
}

// maxWaiting is how far waiting messages are counted.
const maxWaiting = 1 << 20

// Status tells how the index is.
func (a *Account) Status(ctx context.Context) (Status, error) {
	var s Status
	m, err := a.manifest(ctx)
	if err != nil {
		return s, err
	}
	s.Cursor, s.Segments = m.cursor, len(m.segments)
	for _, g := range m.segments {
		s.Messages += g.docs
		s.Terms += g.terms
		s.Bytes += g.dict + g.postings + int64(g.hi-g.lo) + 1
		s.Text += g.text
	}
	err = a.box.Numbers(ctx, m.cursor+1, m.cursor+maxWaiting, func(mailbox.MsgNo) { s.Waiting++ })
	return s, err
}

// Rebuild makes the index of the account anew. progress, which may be nil, gets the messages indexed so far.
// Searches go on; they read the messages that are not indexed yet. When it is broken off, the worker goes on.
func (a *Account) Rebuild(ctx context.Context, progress func(done int64)) error {
	if err := a.drop(ctx); err != nil {
		return err
	}
	err := a.fill(ctx, progress)
	if err != nil {
		a.x.wait(a.id, func(w *waiting) { w.due = time.Time{} })
	}
	return err
}

// fill indexes what is not indexed.
func (a *Account) fill(ctx context.Context, progress func(done int64)) error {
	for {
		more, err := a.index(ctx)
		if err != nil || !more {
			return err
		}
		if progress != nil {
			m, err := a.manifest(ctx)
			if err != nil {
				return err
			}
			done := int64(0)
			for _, s := range m.segments {
				done += s.docs
			}
			progress(done)
		}
	}
}

// drop removes all rows but the numbers that must not be used again.
func (a *Account) drop(ctx context.Context) error {
	unlock, err := a.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	var old []segmentInfo
	err = a.x.db.Update(ctx, a.id.Part(), func(t kv.Txn) error {
		if _, ok, err := t.Get(mail.TableState, []byte{0}); err != nil || !ok {
			return errors.Join(err, errNoAccount)
		}
		next := &manifest{next: 1}
		if m, err := readManifest(t); err == nil {
			old, next.next = m.segments, m.next
		} else if errors.Is(err, kv.ErrCorrupt) {
			next.next = a.x.lostNumber()
		} else {
			return err
		}
		t.DelRange(mail.TableSearch, nil, nil)
		t.Put(mail.TableSearch, manifestKey(), next.encode())
		return nil
	})
	if err == nil {
		a.x.cache.drop(a.id, old)
	}
	return err
}

// lostNumber gives a number to go on with when the one of the manifest can not be read: numbers only have to be
// others than those whose dictionaries are in memory.
func (x *Index) lostNumber() uint32 {
	x.cache.mu.Lock()
	defer x.cache.mu.Unlock()
	n := uint32(1)
	for k := range x.cache.all {
		n = max(n, k.segment+1)
	}
	return n
}

// Verify reads all of an account's index and compares its parts. It gives what is wrong, in words.
func (a *Account) Verify(ctx context.Context) (found []string, err error) {
	unlock, err := a.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	m, err := a.manifest(ctx)
	switch {
	case errors.Is(err, errOlder): // whoever reads it first has it made anew
		return nil, nil
	case errors.Is(err, kv.ErrCorrupt):
		return []string{"the manifest can not be read"}, nil
	}
	if err != nil {
		return nil, err
	}
	last := mailbox.MsgNo(0)
	for i := range m.segments {
		s := &m.segments[i]
		if s.lo <= last || s.hi > m.cursor {
			found = append(found, fmt.Sprintf("segment %d: messages %d to %d do not follow %d, the cursor is %d", s.id, s.lo, s.hi, last, m.cursor))
		}
		last = s.hi
		err := a.view(ctx, func(r kv.Reader) error { return verifySegment(ctx, r, a.x.codec, s) })
		if errors.Is(err, kv.ErrCorrupt) {
			found = append(found, fmt.Sprintf("segment %d: %v", s.id, err))
		} else if err != nil {
			return found, err
		}
	}
	return found, nil
}

// verifySegment reads every posting.
func verifySegment(ctx context.Context, r kv.Reader, c codec, s *segmentInfo) error {
	d, err := readDictionary(r, c, s)
	if err != nil {
		return err
	}
	if int64(d.full.Len()) != s.docs {
		return fmt.Errorf("%w: %d messages, not %d", errDamaged, d.full.Len(), s.docs)
	}
	v := &lookup{r: r, s: s, d: d}
	for i := range d.terms() {
		if err := ctx.Err(); err != nil {
			return err
		}
		b, err := v.postings(i)
		if err != nil {
			return err
		}
		rd := newPostingReader(b, s, false)
		for rd.next() {
			if !d.full.Has(rd.p.msg) {
				return fmt.Errorf("%w: term %q is in message %d, which is not in the segment", errDamaged, d.at(i), rd.p.msg)
			}
		}
		if rd.d.bad {
			return fmt.Errorf("%w: postings of %q", errDamaged, d.at(i))
		}
	}
	return nil
}
