// Package bench measures the running server beside a peer in the same run: messages a second, CPU of all
// processes of the server for each thousand messages, syncs a message.
//
// Life: outside; it plays many SMTP clients at once. It asserts no time: it measures, docs/develop/benchmarks.md
// has the figures. Limits: every load is bounded by its count. Failure: a refused message fails the run.
package bench
