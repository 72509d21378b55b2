package imap

import (
	"errors"
	"slices"

	"barid/base/kv"
	"barid/mail/mailbox"
	"barid/rfc/imap"
	"barid/rfc/mime"
)

// Cold rows are copied in batches of at most this many rows or bytes, so that no snapshot of the store is
// held while a slow client takes what we write.
const (
	batchRows  = 256
	batchBytes = 512 << 10
)

// row is the copy of a cold row that a FETCH works on. Its slices lie in fetch.arena.
type row struct {
	i         int
	e         mailbox.Entry
	blob      kv.BlobID
	size      int64
	header    int64 // bytes of the header section
	envelope  []byte
	structure []byte
	headers   []byte
	complete  bool // headers holds all listed fields
	tree      *mime.Message
	nul       bool // the message holds NUL
	thread    uint64
	origin    mailbox.Origin
	preview   *preview
}

// errBatch ends a batch.
var errBatch = errors.New("batch is full")

// cold answers with the help of cold rows, batch by batch.
func (f *fetch) cold(spans []span) error {
	if f.down {
		return f.coldDown(spans)
	}
	for _, sp := range spans {
		for at := sp.lo; at < sp.hi; {
			next, err := f.readBatch(at, min(sp.hi, at+batchRows))
			if err != nil {
				return err
			}
			for k := range f.rows {
				if err := f.message(&f.rows[k]); err != nil {
					return err
				}
			}
			at = next
		}
	}
	return nil
}

// downRows is a batch of a FETCH that goes from the highest UID down. It is small because rows beyond batchBytes are
// read again.
const downRows = 32

// coldDown is cold from the highest UID down.
func (f *fetch) coldDown(spans []span) error {
	for _, sp := range slices.Backward(spans) {
		for hi := sp.hi; hi > sp.lo; hi = max(hi-downRows, sp.lo) {
			if err := f.batchDown(max(hi-downRows, sp.lo), hi); err != nil {
				return err
			}
		}
	}
	return nil
}

// batchDown answers for lo <= index < hi, the last first.
func (f *fetch) batchDown(lo, hi int) error {
	for lo < hi {
		next, err := f.readBatch(lo, hi)
		if err != nil {
			return err
		}
		if next < hi { // those behind come first
			if err := f.batchDown(next, hi); err != nil {
				return err
			}
			hi = next
			continue
		}
		for k := len(f.rows) - 1; k >= 0; k-- {
			if err := f.message(&f.rows[k]); err != nil {
				return err
			}
		}
		return nil
	}
	return nil
}

// readBatch copies the cold rows of lo <= index < hi, or fewer if they are large, and says where the next
// batch begins.
func (f *fetch) readBatch(lo, hi int) (next int, err error) {
	f.rows, f.arena = f.rows[:0], f.arena[:0]
	next = hi
	view := f.s.sel.view
	err = f.s.sel.box.Cold(f.s.ctx, view, view.UIDs(lo, hi), func(i int, e mailbox.Entry, c *mailbox.Cold) error {
		if c == nil {
			f.gone = true
			return nil
		}
		if err := f.copyRow(i, e, c); err != nil {
			return err
		}
		if len(f.arena) >= batchBytes {
			next = i + 1
			return errBatch
		}
		return nil
	})
	if errors.Is(err, errBatch) {
		err = nil
	}
	return next, err
}

// copyRow keeps what the items need of c.
func (f *fetch) copyRow(i int, e mailbox.Entry, c *mailbox.Cold) error {
	r := row{i: i, e: e, blob: c.Blob, size: c.Size, header: c.HeaderBytes, complete: c.HeadersComplete}
	r.nul, r.thread, r.origin = mime.BinaryHasNUL(c.Tree), c.Thread, c.Origin
	if f.needs.tree || f.rewrites(c.Structure) {
		tree, err := mime.DecodeMessage(c.Tree)
		if err != nil {
			return errors.Join(err, kv.ErrCorrupt)
		}
		r.tree = tree
	}
	for _, it := range f.items {
		switch it.Item {
		case imap.ItemEnvelope:
			r.envelope = f.keep(c.Envelope)
		case imap.ItemBodyStructure:
			r.structure = f.keep(c.Structure)
		case imap.ItemSection:
			if r.headers == nil && len(it.Section.Fields) > 0 {
				r.headers = f.keep(c.Headers)
			}
		}
	}
	f.rows = append(f.rows, r)
	return nil
}

// keep copies b into the arena. When the arena grows older rows keep the old one alive; that is well.
func (f *fetch) keep(b []byte) []byte {
	at := len(f.arena)
	f.arena = append(f.arena, b...)
	return f.arena[at:len(f.arena):len(f.arena)]
}

// message writes the response for one message.
func (f *fetch) message(r *row) error {
	out := f.s.out
	var body kv.BlobReader // opened when an item needs it
	defer func() {
		if body != nil {
			_ = body.Close() // nothing was written through it
		}
	}()
	f.lookUpPreview(r)
	if f.needsBody(r) {
		var err error
		if body, err = f.s.srv.Blobs.Open(f.s.ctx, r.blob); err != nil {
			f.damaged(err)
			return nil
		}
	}
	e := f.s.sel.current(f.now, r.e)
	f.s.fetchHead(r.i, r.e.UID)
	flags := false
	for n, it := range f.items {
		if n > 0 {
			out.C(' ')
		}
		flags = flags || it.Item == imap.ItemFlags
		if f.hotItem(it, e) {
			continue
		}
		if err := f.coldItem(n, it, r, body); err != nil {
			return brokenLiteral{err}
		}
	}
	if f.seen[r.e.UID] {
		f.tellSeen(e, flags)
	}
	out.S(")\r\n")
	return out.Err()
}

// tellSeen tells the flags of a message that this FETCH made \Seen, if they were not asked for anyway. A
// change of flags comes with its modseq and the UID (RFC 7162 §3.2.4).
func (f *fetch) tellSeen(e mailbox.Entry, told bool) {
	out := f.s.out
	if !told {
		out.S(" FLAGS ").S(f.s.sel.flags(e))
	}
	if !f.hasUID && f.s.tellsUID(false) {
		out.S(" UID ").N(uint64(e.UID))
	}
	if f.s.has(extCondstore) && !f.modseq {
		out.S(" MODSEQ (").N(uint64(e.ModSeq)).C(')')
	}
}

// coldItem writes one item from the cold row or the body.
func (f *fetch) coldItem(n int, it imap.FetchItem, r *row, body kv.BlobReader) error {
	out := f.s.out
	switch it.Item {
	case imap.ItemEnvelope:
		out.S("ENVELOPE ").B(r.envelope)
	case imap.ItemBodyStructure:
		out.S("BODYSTRUCTURE ").B(f.structure(r))
	case imap.ItemBody:
		f.scratch = f.appendStructure(f.scratch[:0], r.tree.Root, false)
		out.S("BODY ").B(f.scratch)
	case imap.ItemEmailID:
		out.S("EMAILID (").S(emailID(f.s.sel.owner, r.e.Msg, r.origin)).C(')')
	case imap.ItemThreadID:
		out.S("THREADID (").S(threadID(f.s.sel.owner, r.thread, r.origin)).C(')')
	case imap.ItemPreview:
		f.writePreview(it, r, body)
	case imap.ItemBinary, imap.ItemBinarySize:
		out.S(it.Label).C(' ')
		return f.binary(it, r, body)
	case imap.ItemSection:
		out.S(it.Label).C(' ')
		return f.section(n, it, r, body)
	}
	return nil
}
