// Package clients lets the mail programs that people read with use the real server at length: mbsync, offlineimap,
// getmail, fetchmail, mutt, neomutt, aerc, alpine and Thunderbird. It holds tests only.
//
// Life: outside, as e2e/interop, which proves that bytes come through; here programs keep mailboxes in step: both
// sides change, connections break, two of them work in one mailbox. Promise: what a program made of it is read from
// its own files or screen, what it made of the server through e2e/imap, and what it said through a wire that writes
// down every command; no command of any of them may be answered BAD.
// Limits: loopback only; each run of a program ends within peer.RunWait. Failure: a missing program fails the
// tests; with -short they are left out. docs/develop/clients.md tells what was learnt of each program.
package clients
