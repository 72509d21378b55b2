// Package interop lets real mail programs use the real server: Postfix, swaks, msmtp, mutt and curl send,
// mbsync, fetchmail, mutt and curl read. It holds tests only.
//
// Life: outside; what a program of the world makes of our answers is the last word on whether they are right.
// Promise: a message is compared byte for byte with what was sent; what a program adds by itself (mbsync's
// X-TUID, Postfix's Received) is named and taken away exactly once, so that nothing else can hide behind it.
// Limits: loopback only; each run of a program ends within peer.RunWait. Failure: a missing program fails the
// tests; with -short they are left out.
package interop
