// Package embedded keeps rows and bodies in one folder of this machine: the engine of a single server.
//
// What: rows live in Pebble (an LSM tree with a synced write-ahead log), bodies in append-only segment
// files beside it. Both stand on Pebble's vfs.FS, so that tests can crash and break the disk.
//
//	FORMAT            version and identity of the folder
//	LOCK              held while a process uses the folder
//	rows/             Pebble
//	bodies/seg-%08x   segments: a header, then records (record.go); numbers are never used again
//
// Life: the last step of every message. A body is appended and synced together with all others that wait
// (log.go); then the rows that link it go into one Pebble batch and are synced the same way (update.go).
//
// Promises, besides those of base/kv:
//   - Invariant: a body is durable before a row can name it, and is deleted only after the rows that
//     stopped naming it are durable.
//   - Invariant: after the first failed write Pebble's instance is fenced: nothing it does reaches the
//     disk any more, and nothing is acknowledged, until a new instance has read the disk (guard.go).
//   - Invariant: that new instance, and the one that is only read until it comes, show of a log only what
//     was synced (journal.go).
//   - Every byte read was checked against a CRC-32C. Damage is an error for one row block or one body; in the log
//     or the list of tables, an error of Open, never the silent loss of acknowledged rows (logcheck.go).
//   - The process is never killed, whatever the disk does.
//
// Limits: see the constants of options.go and record.go. Measured on two cores and an NVMe disk: an open store costs
// a process 1 MB when empty, 2 MB with 100,000 messages, 9 MB with a million rows, and up to 40 MB while it writes
// (CacheBytes and MemtableBytes bound it); Open takes 5 ms, 35 ms and 60 ms, and 0.7 s after a kill.
//
// Failure: kv.ErrFull when the disk has less than Options.ReserveBytes left or says so itself,
// kv.ErrUnavailable for any other failed write, both until the store has healed itself in the background;
// reading goes on, also by Updates that write nothing. kv.ErrCorrupt for damaged data; kv.ErrClosed after Close.
package embedded
