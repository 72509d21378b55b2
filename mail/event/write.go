package event

import (
	"context"
	"encoding/binary"
	"log/slog"
	"time"

	"barid/base/kv"
	"barid/mail"
)

// storeTime bounds one transaction of the writer.
const storeTime = 10 * time.Second

// write is the one writer: it gathers events until a batch is full, the first of them has waited long
// enough, or somebody asks, and stores them in one transaction. What could not be stored waits for the next
// occasion, at most Options.Queue events.
func (l *Log) write() {
	defer close(l.done)
	var batch []Event
	timer := time.NewTimer(l.o.Delay)
	timer.Stop()
	for {
		select {
		case e, ok := <-l.queue:
			if !ok {
				l.o.Metric.drop(len(l.store(batch)))
				return
			}
			batch = append(batch, e)
			if len(batch) == 1 {
				timer.Reset(l.o.Delay)
			}
			if len(batch)%l.o.Batch != 0 {
				continue
			}
			batch = l.store(batch)
		case <-timer.C:
			batch = l.store(batch)
		case ask := <-l.flush:
			batch = l.store(l.drain(batch))
			close(ask)
		}
		if len(batch) > 0 {
			timer.Reset(10 * l.o.Delay)
		}
	}
}

// drain adds what is queued now.
func (l *Log) drain(batch []Event) []Event {
	for {
		select {
		case e, ok := <-l.queue:
			if !ok {
				return batch
			}
			batch = append(batch, e)
		default:
			return batch
		}
	}
}

// store writes batch in one transaction and gives back what is still to be written: nothing, or all of it
// while that is not more than the queue's limit.
func (l *Log) store(batch []Event) []Event {
	if len(batch) == 0 {
		return batch
	}
	ctx, cancel := context.WithTimeout(context.Background(), storeTime)
	defer cancel()
	err := l.db.Update(ctx, part, func(t kv.Txn) error {
		if !l.noted {
			if err := beginIndex(t, l.last); err != nil {
				return err
			}
		}
		var row []byte
		for i := range batch {
			row = appendEvent(row[:0], &batch[i])
			key := l.key(batch[i].Time)
			t.Put(mail.TableEvent, key, row)
			index(t, &batch[i], timeOf(key))
		}
		return nil
	})
	if err == nil {
		l.noted = true
		l.o.Metric.stored(len(batch))
		clear(batch)
		return batch[:0]
	}
	if len(batch) > l.o.Queue {
		l.o.Log.Error("events dropped", slog.Int("events", len(batch)), slog.Any("error", err))
		l.o.Metric.drop(len(batch))
		clear(batch)
		return batch[:0]
	}
	l.o.Log.Warn("events not stored yet", slog.Int("events", len(batch)), slog.Any("error", err))
	return batch
}

// key gives the next key: microseconds since 1970, made to ascend.
func (l *Log) key(t time.Time) []byte {
	us := max(t.UnixMicro(), l.last+1)
	l.last = us
	return keyOf(us)
}

func keyOf(us int64) []byte { return binary.BigEndian.AppendUint64(nil, uint64(max(us, 0))) }
