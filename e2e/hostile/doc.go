// Package hostile attacks the real program from outside and holds every answer against the one that is expected.
// The tests name the rows of the checklist of attacks that they stand for.
//
// Life: outside; tests only. Each test runs a barid of its own, with real sockets, TLS and disk.
// Promise: after each attack the server is alive: a message from another address is taken within ten seconds and
// the process has grown by less than 256 MiB. Limits: with -short nothing runs; BARID_SEEDS=n makes
// TestNothingRandomHurts play n sessions.
// Failure: the test shows what was sent, what came back and what should have.
package hostile
