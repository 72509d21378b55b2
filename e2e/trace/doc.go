// Package trace follows messages through the real barid with `barid trace msg`, and keeps the journeys that
// docs/develop/traces tells true.
//
// Life: outside; other servers are e2e/sink, names are e2e/world. Promise: what a page shows is what the command
// prints, but for times and ids. Failure: the test fails with both texts.
package trace
