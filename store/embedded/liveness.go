package embedded

import (
	"bytes"

	"github.com/cockroachdb/pebble/v2"

	"barid/base/kv"
)

// liveness tells whether bodies were linked or pinned at one moment. Ask in ascending order of IDs where
// possible.
//
// Invariant: the pins were looked at before the links, and the candidates before both. A writer closes its
// pin only after the Update that links; so a candidate that was not pinned shows its link, and if it
// shows none, nobody may link it any more (base/kv).
type liveness struct {
	pins  map[kv.BlobID]struct{}
	links *pebble.Iterator
}

func newLiveness(s *Store, db *pebble.DB) (*liveness, error) {
	pins := s.pins.all()
	it, err := db.NewIter(&pebble.IterOptions{LowerBound: []byte{spaceLink}, UpperBound: []byte{spaceLink + 1}})
	if err != nil {
		return nil, storageError("read links", err)
	}
	return &liveness{pins: pins, links: it}, nil
}

func (l *liveness) close() { _ = l.links.Close() }

func (l *liveness) pinned(b kv.BlobID) bool {
	_, ok := l.pins[b]
	return ok
}

// linked says whether somebody holds the body.
func (l *liveness) linked(b kv.BlobID) (bool, error) {
	k := blobKey(spaceLink, b)
	ok := l.links.SeekGE(k)
	if err := l.links.Error(); err != nil {
		return false, storageError("read links", err)
	}
	return ok && bytes.HasPrefix(l.links.Key(), k), nil
}
