// Package exchange lets two Barids, a Postfix, an Exim and an OpenSMTPD, each all of a domain, send each other the
// corpus over a DNS world, while Barids are killed, peers stop, hang and refuse, and names are not answered.
//
// Life: outside; tests only. Everything stands on e2e/island. Senders at each server send corpus messages to mailboxes,
// aliases and nobodies of the others; each message has a Message-ID of its own, by which a ledger knows it again.
// Promise: at the end every message that was acknowledged is, for each of its recipients, in the recipient's mailbox
// with the bytes it was sent with behind the trace fields, or its sender has a report that it failed. Copies are
// allowed only as RFC 5321 §6.1 allows them, and must be fewer than the kills.
// Limits: everything random comes from a seed that the log shows; BARID_SEED sets it, BARID_SEEDS=10000 runs more of
// them. With -short nothing runs. Failure: a test names the message, where it was last seen, and what its servers say.
package exchange
