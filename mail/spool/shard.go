package spool

import (
	"fmt"
	"hash/fnv"
	"strconv"

	"barid/base/kv"
)

// Shards is how many shards the format has. One node works a shard at a time, so that the limits of a
// destination need no coordination.
const Shards = 1024

// Shard numbers a partition of the queue: 0…Shards−1.
type Shard uint16

// Part gives the partition.
func (s Shard) Part() kv.Part { return kv.Part{Kind: kv.Queue, ID: uint64(s)} }

// ShardOf gives the shard of a destination and route. It is part of the format.
func ShardOf(destination, route string) Shard {
	h := fnv.New64a()
	_, _ = h.Write([]byte(QueueOf(destination, route)))
	v := h.Sum64()
	v ^= v >> 32
	return Shard(v % Shards)
}

// Name is how people call an entry: three hexadecimal digits of shard, the rest its ID: "1F42A".
type Name struct {
	Shard Shard
	ID    ID
}

// Name gives the entry's name.
func (e *Entry) Name() Name { return Name{e.Shard, e.ID} }

// String gives "1F42A".
func (n Name) String() string { return fmt.Sprintf("%03X%X", uint16(n.Shard), uint64(n.ID)) }

// ParseName reads what String gives, in either case.
func ParseName(s string) (Name, bool) {
	if len(s) < 4 || len(s) > 3+16 {
		return Name{}, false
	}
	shard, err1 := strconv.ParseUint(s[:3], 16, 16)
	id, err2 := strconv.ParseUint(s[3:], 16, 64)
	if err1 != nil || err2 != nil || shard >= Shards || id == 0 || s[3] == '0' {
		return Name{}, false
	}
	return Name{Shard(shard), ID(id)}, true
}
