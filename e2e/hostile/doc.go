// Package hostile attacks the real program from outside, row by row of the checklist in
// docs/develop/robustness.md, and holds every answer against the one that is expected.
//
// Life: outside; tests only. Each test runs a barid of its own, with real sockets, TLS and disk.
// Promise: after each attack the server is alive: a message from another address is taken within ten seconds and
// the process has grown by less than 256 MiB. Limits: with -short nothing runs; BARID_SEEDS=n makes
// TestNothingRandomHurts play n sessions.
// Failure: the test shows what was sent, what came back and what should have.
package hostile
