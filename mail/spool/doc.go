// Package spool keeps messages we have answered 250 for until each recipient is settled.
//
// Life: written by flow/intake in the commit that earns the 250 (Enqueue), read and written by flow/queue,
// emptied by it when flow/deliver and flow/report have settled every recipient.
//
// One Entry is one message for one destination. Its rows lie in the partition of the destination's shard,
// so that whatever happens to it is one transaction of one partition:
//
//	TableQueueEntry     id                   the whole entry
//	TableQueueSchedule  due, rank, id        what the scheduler must know of it without reading it
//	TableQueueMeta      one row              next id, low mark, counts, lease of the shard
//
// Truth table. Between two commits every id is in one of these states, and in no other:
//
//	     entry row  schedule row  link of blob  recipients                 meaning
//	S0   no         no            no            –                          never committed, or settled
//	S1   yes        one, at due   yes           at least one not settled   waits, or is being tried or reported
//	S2   yes        no            yes           at least one not settled   held; Hold is set
//
// And every recipient of an entry:
//
//	State               Told   meaning
//	Waiting             no     to be tried
//	Relayed, Delivered, no     taken by the next server or by a mailbox, or sent on to the members of an alias;
//	Expanded                   the sender asked to be told
//	Failed, Expired     no     given up; the sender must be told
//	any but Waiting     yes    settled
//
// Waiting with Told, and Removed without Told, do not exist. What moves them, each one commit:
//
//	commit              from → to                          a crash before it leaves
//	Enqueue             S0 → S1 or S2, all Waiting, or     S0: no 250 was sent, the client tries again
//	                    delivered by the same commit
//	outcome             Waiting → Waiting or final         Waiting: tried again. Only here can a recipient get a
//	                                                       message twice: the other side said 250, we died before
//	                                                       the commit (RFC 1047)
//	report and note     final, not Told → Told             not Told: the report was not committed either (it is the
//	                                                       same commit, see queue.Joiner), so it is made again
//	expiry              Waiting → Expired                  Waiting: expires at once after the start
//	hold, release       S1 ↔ S2                            as it was
//	the last settled    S1 or S2 → S0, blob unlinked       nothing is a commit of its own here: it is part of the
//	                                                       outcome, note or removal that settles the last recipient
//	reroute             S1 here → S0 here and S1 there     as it was: one commit over both shards
//
// Invariant: an entry whose stored form says so (once) has rows that were put once, by Enqueue; they are deleted
// by kv.Txn.DelOnce. Every change of an entry takes that away.
//
// Verify checks a shard against these tables; tests walk them with a crash at every write.
//
// Invariant: the low mark of a shard is not after any row of its schedule. Whoever writes an earlier row
// lowers it in the same commit, so a clock that went back can not hide an entry from a scan.
//
// Limits: MaxRcpts for each entry, and the constants beside it. Failure: all functions write inside the
// caller's transaction; an error means the caller must give that up, and then nothing was written.
// A row that can not be read is an error that wraps kv.ErrCorrupt; the others are served.
//
// Standards: RFC 5321 §4.5.4, §6.1; RFC 3461; RFC 6710; RFC 2852; RFC 4865; RFC 8689.
package spool
