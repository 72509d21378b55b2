// Package storetest is the contract of base/kv as a test suite: every engine under store must pass it.
//
// Life: never part of a server; each engine's own tests call Run.
//
// Promises: each test names the sentence of base/kv that it holds the engine to. Tests are deterministic:
// random histories come from fixed seeds.
//
// Limits: a run takes a few seconds and a few tens of MiB. Failure: an ordinary test failure that tells
// the seed and the step.
package storetest

import (
	"context"
	"io"
	"testing"

	"barid/base/kv"
)

// Engine is what a test needs of an engine.
type Engine struct {
	KV    kv.KV
	Blobs kv.Blobs
	// GC collects bodies that nobody links. Nil skips the tests of it.
	GC func(ctx context.Context) error
	// Reopen closes the engine and opens the same data again. Nil skips the tests of it.
	Reopen func(t *testing.T) Engine
}

// Open makes a new, empty engine that t.Cleanup closes.
type Open func(t *testing.T) Engine

// Run runs the whole suite.
func Run(t *testing.T, open Open) {
	t.Helper()
	for _, s := range []struct {
		name string
		test func(*testing.T, Engine)
	}{
		{"RowsRoundTrip", testRows},
		{"TablesAndPartitionsAreApart", testApart},
		{"ReadOwnWrites", testReadOwnWrites},
		{"ScanShapes", testScan},
		{"GetMany", testGetMany},
		{"DelRange", testDelRange},
		{"ErrorRollsBack", testRollback},
		{"PanicRollsBack", testPanic},
		{"ViewIsSnapshot", testSnapshot},
		{"CallerKeepsSlices", testSlices},
		{"VersionsAndApplied", testVersions},
		{"KeepIsForTheNext", testKeep},
		{"SerialPerPartition", testSerial},
		{"UpdateManyIsOneCommit", testUpdateMany},
		{"UpdateManyDoesNotDeadlock", testNoDeadlock},
		{"Parts", testParts},
		{"LimitsAreErrors", testLimits},
		{"CancelledContext", testCancelled},
		{"BodySizes", testBodySizes},
		{"BodyReadAt", testBodyReadAt},
		{"BodyWriterStates", testBodyStates},
		{"BodiesTogether", testBodiesTogether},
		{"BodiesInParallel", testBodiesParallel},
		{"BodyUnknown", testBodyUnknown},
		{"LinksKeepBodies", testLinks},
		{"PinsKeepBodies", testPins},
		{"RandomHistory", testHistory},
		{"Reopen", testReopen},
	} {
		t.Run(s.name, func(t *testing.T) { s.test(t, open(t)) })
	}
}

// The partitions and the table most tests use.
var (
	acct1 = kv.Part{Kind: kv.Account, ID: 1}
	acct2 = kv.Part{Kind: kv.Account, ID: 2}
	queue = kv.Part{Kind: kv.Queue, ID: 1}
)

const table kv.Table = 18

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// put writes k=v pairs in one transaction.
func put(t *testing.T, e Engine, p kv.Part, pairs ...string) {
	t.Helper()
	must(t, e.KV.Update(t.Context(), p, func(x kv.Txn) error {
		for i := 0; i < len(pairs); i += 2 {
			x.Put(table, []byte(pairs[i]), []byte(pairs[i+1]))
		}
		return nil
	}))
}

// get gives the value of k, or "-" if there is none.
func get(t *testing.T, e Engine, p kv.Part, k string) string {
	t.Helper()
	out := "-"
	must(t, e.KV.View(t.Context(), p, func(r kv.Reader) error {
		v, ok, err := r.Get(table, []byte(k))
		if ok {
			out = string(v)
		}
		return err
	}))
	return out
}

// scan gives "k=v k=v ..." of a range.
func scan(t *testing.T, r kv.Reader, tb kv.Table, lo, hi []byte, o kv.ScanOpt) string {
	t.Helper()
	out := ""
	must(t, r.Scan(tb, lo, hi, o, func(k, v []byte) error {
		if out != "" {
			out += " "
		}
		out += string(k) + "=" + string(v)
		return nil
	}))
	return out
}

// all gives the whole table of p.
func all(t *testing.T, e Engine, p kv.Part) string {
	t.Helper()
	out := ""
	must(t, e.KV.View(t.Context(), p, func(r kv.Reader) error {
		out = scan(t, r, table, nil, nil, kv.ScanOpt{})
		return nil
	}))
	return out
}

func want(t *testing.T, what, got, wanted string) {
	t.Helper()
	if got != wanted {
		t.Fatalf("%s: got %q, want %q", what, got, wanted)
	}
}

// body gives n bytes that depend on n and seed.
func body(n int, seed uint32) []byte {
	b := make([]byte, n)
	x := seed*2654435761 + 12345
	for i := range b {
		x = x*1664525 + 1013904223
		b[i] = byte(x >> 24)
	}
	return b
}

// store writes one body and gives its still open writer.
func store(t *testing.T, e Engine, prefix string, data []byte) (kv.BlobID, kv.BlobWriter) {
	t.Helper()
	w, err := e.Blobs.Create(t.Context())
	must(t, err)
	_, err = w.Write(data)
	must(t, err)
	id, err := w.Commit([]byte(prefix), []byte("note"))
	must(t, err)
	return id, w
}

// load reads a whole body.
func load(ctx context.Context, e Engine, id kv.BlobID) ([]byte, error) {
	r, err := e.Blobs.Open(ctx, id)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(io.NewSectionReader(r, 0, r.Size()))
}
