package mail

import "barid/base/kv"

// The tables of all partitions, in one place so that no two packages use one number. The comment names
// the package that owns the table's keys and values. A number is never used again for something else.
const (
	TableDomain     kv.Table = 1 // account: directory partition; domain name -> domain record
	TableAddress    kv.Table = 2 // account: directory; domain NUL localpart -> target
	TableAccount    kv.Table = 3 // account: directory; account id -> account record
	TableCredential kv.Table = 4 // account: directory; account id, kind, id -> credential
	TableCounter    kv.Table = 5 // account: directory; name -> counter (next account id ...)

	TableState      kv.Table = 16 // mailbox: account; one row: next message number, modseq, usage; mailbox id -> key of URLAUTH
	TableMailbox    kv.Table = 17 // mailbox: account; mailbox id -> name, use, UIDVALIDITY ...
	TableHotLog     kv.Table = 18 // mailbox: account; mailbox id, modseq -> change record (also the change feed)
	TableHotPage    kv.Table = 19 // mailbox: account; mailbox id, page -> packed hot entries
	TableMessage    kv.Table = 20 // mailbox: account; message number -> cold record
	TableThread     kv.Table = 21 // mailbox: account; thread, message number -> nothing
	TableMsgID      kv.Table = 22 // mailbox: account; hash of a message-id -> thread
	TableSearch     kv.Table = 23 // search: account; segment, kind, page -> part of the index; derived, may be dropped
	TableAnnotation kv.Table = 24 // mailbox: account; mailbox id, reader, entry -> value
	TableAccess     kv.Table = 25 // mailbox: account; mailbox id -> who may what with it
	TableShare      kv.Table = 26 // mailbox: global; reader, owner -> nothing: the reader may see mailboxes of the owner

	TableEvent      kv.Table = 32 // event: account or global; time, id -> event
	TableEventIndex kv.Table = 33 // event: global; day, name of a message, time -> nothing

	TableQueueSchedule    kv.Table = 40 // spool: queue shard; due, priority, entry id -> what the scheduler needs
	TableQueueEntry       kv.Table = 41 // spool: queue shard; entry id -> the queued message for one destination
	TableQueueDestination kv.Table = 42 // spool: queue shard; destination -> pause
	TableQueueMeta        kv.Table = 43 // spool: queue shard; one row: next id, low mark, counts, lease

	TableTLSMemory kv.Table = 44 // deliver/remote: global; domain -> the best TLS it was reached with

	TableRelayRoute  kv.Table = 45 // relay: directory; name of a route -> its relays
	TableRelayRule   kv.Table = 46 // relay: directory; recipient NUL sender -> which route
	TableRelaySource kv.Table = 47 // relay: directory; address -> name said there, whose mail leaves from it

	TableAllowance     kv.Table = 48 // allowance: global; kind, whose -> what was sent lately
	TableCorrespondent kv.Table = 49 // allowance: global; account id, hash of an address -> day it was last written to

	TableBounceKey kv.Table = 50 // bounce: directory; one row: the keys of reverse-paths of our own

	TableQueueShape kv.Table = 51 // spool: queue shard; destination -> how much it may be sent

	TableMeta kv.Table = 63 // everybody: versions
)
