package spool

import (
	"time"

	"barid/base/kv"
	"barid/mail"
)

// Pause is an operator's word that a line is not to be tried for now.
type Pause struct {
	Queue  string // destination, or "route:NAME"
	Since  time.Time
	Until  time.Time // zero: until resumed
	Reason string
}

// PutPause writes p into its line's shard.
func PutPause(t kv.Txn, p Pause) {
	b := putTime(putTime([]byte{format}, p.Since), p.Until)
	t.Put(mail.TableQueueDestination, []byte(p.Queue), putText(b, cut(p.Reason, maxText)))
}

// DelPause removes the pause of a line.
func DelPause(t kv.Txn, queue string) { t.Del(mail.TableQueueDestination, []byte(queue)) }

// Pauses calls f with every pause of a shard.
func Pauses(r kv.Reader, f func(Pause)) error {
	return r.Scan(mail.TableQueueDestination, nil, nil, kv.ScanOpt{}, func(k, v []byte) error {
		d := newDecoder(v)
		p := Pause{Queue: string(k), Since: d.time(), Until: d.time(), Reason: d.text()}
		if !d.end() {
			return corrupt("pause of " + p.Queue)
		}
		f(p)
		return nil
	})
}
