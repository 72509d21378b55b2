package memory

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"barid/base/kv"
)

const maxNote = 1 << 10 // bytes of a note beside a body

var errClosedWriter = errors.New("memory: body writer is closed")

// holder is one link: an owner in a partition.
type holder struct {
	part  kv.Part
	owner uint64
}

// body is one stored body.
type body struct {
	data    []byte
	note    []byte
	pinned  bool           // its writer is not closed yet
	holders map[holder]int // how often each linked it since it last did not
}

// applyLinks carries out a transaction's links. The caller holds s.mu.
func (s *Store) applyLinks(t *txn) {
	for _, l := range t.links {
		b := s.blobs[l.blob]
		if b == nil {
			continue
		}
		h := holder{t.name, l.owner}
		if l.on {
			b.holders[h]++
		} else {
			delete(b.holders, h)
		}
	}
}

// linkedAgain tells whether an owner's link was made more than once, the transaction's own ones counted.
func (t *txn) linkedAgain(id kv.BlobID, owner uint64) bool {
	n := 0
	t.store.mu.Lock()
	if b := t.store.blobs[id]; b != nil {
		n = b.holders[holder{t.name, owner}]
	}
	t.store.mu.Unlock()
	for _, l := range t.links {
		switch {
		case l.blob != id || l.owner != owner:
		case l.on:
			n++
		default:
			n = 0
		}
	}
	return n > 1
}

// GC drops the bodies that nobody holds and says how many they were.
func (s *Store) GC(ctx context.Context) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for id, b := range s.blobs {
		if !b.pinned && len(b.holders) == 0 {
			delete(s.blobs, id)
			n++
		}
	}
	return n, nil
}

// Create implements kv.Blobs. Memory used does depend on the size here: this is where bodies live.
func (s *Store) Create(ctx context.Context) (kv.BlobWriter, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, kv.ErrClosed
	}
	return &blobWriter{store: s}, nil
}

// Open implements kv.Blobs.
func (s *Store) Open(ctx context.Context, id kv.BlobID) (kv.BlobReader, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, kv.ErrClosed
	}
	b := s.blobs[id]
	if b == nil {
		return nil, fmt.Errorf("memory: body %x: %w", id[:], kv.ErrNotFound)
	}
	return blobReader{bytes.NewReader(b.data)}, nil
}

type blobWriter struct {
	store  *Store
	buf    []byte
	id     kv.BlobID
	closed bool
}

func (w *blobWriter) Write(p []byte) (int, error) {
	if w.closed || !w.id.IsZero() {
		return 0, errClosedWriter
	}
	w.buf = append(w.buf, p...)
	return len(p), nil
}

func (w *blobWriter) Size() int64 { return int64(len(w.buf)) }

func (w *blobWriter) Commit(prefix, note []byte) (kv.BlobID, error) {
	if w.closed || !w.id.IsZero() {
		return kv.BlobID{}, errClosedWriter
	}
	if len(note) > maxNote {
		return kv.BlobID{}, errLimit
	}
	s := w.store
	if err := s.commitError(); err != nil {
		return kv.BlobID{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return kv.BlobID{}, kv.ErrClosed
	}
	s.nextID++
	w.id[0] = 'm'
	binary.BigEndian.PutUint64(w.id[8:], s.nextID)
	s.blobs[w.id] = &body{
		data:    append(bytes.Clone(prefix), w.buf...),
		note:    bytes.Clone(note),
		pinned:  true,
		holders: map[holder]int{},
	}
	return w.id, nil
}

func (w *blobWriter) Close() error {
	if w.closed {
		return nil
	}
	w.closed = true
	w.store.mu.Lock()
	defer w.store.mu.Unlock()
	if b := w.store.blobs[w.id]; b != nil {
		b.pinned = false
	}
	return nil
}

// blobReader serves ReadAt and Size straight from the bytes, which never change.
type blobReader struct{ r *bytes.Reader }

func (b blobReader) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, errors.New("memory: negative offset")
	}
	if len(p) == 0 {
		return 0, nil
	}
	n, err := b.r.ReadAt(p, off)
	if err != nil && !errors.Is(err, io.EOF) {
		return n, err
	}
	return n, err
}

func (b blobReader) Size() int64  { return b.r.Size() }
func (b blobReader) Close() error { return nil }
