package embedded

import (
	"encoding/binary"

	"barid/base/kv"
)

// A row's key in Pebble is kind, partition (8 bytes, big endian), table, key. Kinds are below firstOwn;
// the bytes from there on are spaces of this engine.
const (
	prefixLen = 10
	linkLen   = 34

	firstOwn     = 0xf0
	spaceLink    = 0xf1 // blob 16, kind 1, partition 8, owner 8 -> nothing
	spaceSuspect = 0xf2 // blob 16 -> nothing, or a locator: maybe nobody links it any more
	spaceDead    = 0xf3 // segment 4 -> dead bytes 8
	spaceMoved   = 0xf4 // blob 16 -> locator
	spaceMeta    = 0xf5 // name -> value
)

const metaTail = "tail" // segment 4, offset 8: durable and whole up to there when it was written

func validKind(k kv.Kind) bool { return k > 0 && k < firstOwn }

func appendPrefix(b []byte, p kv.Part, t kv.Table) []byte {
	b = append(b, byte(p.Kind))
	b = binary.BigEndian.AppendUint64(b, p.ID)
	return append(b, byte(t))
}

func appendKey(b []byte, p kv.Part, t kv.Table, k []byte) []byte {
	return append(appendPrefix(b, p, t), k...)
}

// appendEnd gives the key behind all keys that start with the table's prefix.
func appendEnd(b []byte, p kv.Part, t kv.Table) []byte {
	start := len(b)
	b = appendPrefix(b, p, t)
	for i := len(b) - 1; i >= start; i-- {
		if b[i]++; b[i] != 0 {
			break
		}
	}
	return b
}

func blobKey(space byte, b kv.BlobID) []byte {
	return append(append(make([]byte, 0, 1+len(b)), space), b[:]...)
}

func linkKey(b kv.BlobID, p kv.Part, owner uint64) []byte {
	return appendLink(make([]byte, 0, linkLen), b, p, owner)
}

func appendLink(k []byte, b kv.BlobID, p kv.Part, owner uint64) []byte {
	k = append(k, spaceLink)
	k = append(k, b[:]...)
	k = append(k, byte(p.Kind))
	k = binary.BigEndian.AppendUint64(k, p.ID)
	return binary.BigEndian.AppendUint64(k, owner)
}

func deadKey(seg uint32) []byte { return binary.BigEndian.AppendUint32([]byte{spaceDead}, seg) }

func metaKey(name string) []byte { return append([]byte{spaceMeta}, name...) }
