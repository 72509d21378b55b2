package mailbox

import (
	"context"
	"encoding/binary"
	"slices"

	"barid/base/kv"
	"barid/mail"
)

// Messages calls f for up to limit messages of the account with numbers above after, ascending, whatever
// mailboxes they are in. It tells the last number it came to; when that is after, there are no more. c is valid
// until f returns and nil for a damaged record. f may take its time: no part of the store waits for it. A message
// that was expunged may still be among them until its rows are gone.
func (a *Account) Messages(ctx context.Context, after MsgNo, limit int, f func(m MsgNo, c *Cold) error) (last MsgNo, err error) {
	type record struct {
		m MsgNo
		v []byte
	}
	var batch []record
	last = after
	for limit > 0 {
		batch = batch[:0]
		err := a.s.db.View(ctx, a.id.Part(), func(r kv.Reader) error {
			o := kv.ScanOpt{Limit: min(limit, coldBatch)}
			return r.Scan(mail.TableMessage, coldKey(last+1), []byte{coldPrefix + 1}, o, func(k, v []byte) error {
				if len(k) == 9 {
					batch = append(batch, record{MsgNo(binary.BigEndian.Uint64(k[1:])), slices.Clone(v)})
				}
				return nil
			})
		})
		if err != nil || len(batch) == 0 {
			return last, err
		}
		for _, rec := range batch {
			var c Cold
			p := &c
			if c.decode(rec.v) != nil {
				p = nil
			}
			if err := f(rec.m, p); err != nil {
				return last, err
			}
			last = rec.m
		}
		limit -= len(batch)
	}
	return last, nil
}

// Numbers calls f for the numbers of all messages of the account in [lo,hi], ascending; those that were expunged
// may still be among them until their rows are gone.
func (a *Account) Numbers(ctx context.Context, lo, hi MsgNo, f func(m MsgNo)) error {
	for lo <= hi {
		n := 0
		err := a.s.db.View(ctx, a.id.Part(), func(r kv.Reader) error {
			return r.Scan(mail.TableMessage, coldKey(lo), coldKey(hi+1), kv.ScanOpt{Limit: numbersBatch}, func(k, _ []byte) error {
				if n++; len(k) == 9 {
					m := MsgNo(binary.BigEndian.Uint64(k[1:]))
					f(m)
					lo = m + 1
				}
				return nil
			})
		})
		if err != nil || n < numbersBatch {
			return err
		}
	}
	return nil
}

// numbersBatch is how many keys are read under one snapshot.
const numbersBatch = 4096

// Bytes opens the bytes of a message by its cold record.
func (a *Account) Bytes(ctx context.Context, c *Cold) (kv.BlobReader, error) {
	return a.s.blobs.Open(ctx, c.Blob)
}
