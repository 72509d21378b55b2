package spool

import (
	"barid/base/kv"
	"barid/mail"
)

// Shape is an operator's word how much a line may be sent at most. Zero fields are no limit.
type Shape struct {
	Queue       string // destination, or "route:NAME"
	Messages    int64  // attempts an hour, spread evenly
	Bytes       int64  // octets of messages a day, spread evenly
	Connections int64  // attempts at a time
	Rcpts       int64  // recipients of one transaction
}

// PutShape writes s into its line's shard; one that limits nothing is removed.
func PutShape(t kv.Txn, s Shape) {
	if s == (Shape{Queue: s.Queue}) {
		t.Del(mail.TableQueueShape, []byte(s.Queue))
		return
	}
	b := []byte{format}
	for _, v := range [...]int64{s.Messages, s.Bytes, s.Connections, s.Rcpts} {
		b = putUint(b, uint64(max(v, 0)))
	}
	t.Put(mail.TableQueueShape, []byte(s.Queue), b)
}

// Shapes calls f with every shape of a shard.
func Shapes(r kv.Reader, f func(Shape)) error {
	return r.Scan(mail.TableQueueShape, nil, nil, kv.ScanOpt{}, func(k, v []byte) error {
		d := newDecoder(v)
		s := Shape{Queue: string(k)}
		for _, p := range [...]*int64{&s.Messages, &s.Bytes, &s.Connections, &s.Rcpts} {
			*p = int64(d.uint())
		}
		if !d.end() {
			return corrupt("shape of " + s.Queue)
		}
		f(s)
		return nil
	})
}
