package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"barid/base/fault"
	"barid/ops/manage"
	"barid/ops/sendmail"
)

func mailqShim(ctx context.Context, _ []string, s streams) error {
	return shimSettings().with(ctx, func(m manage.Caller) error { return printMailq(ctx, m, s.out) })
}

// printMailq prints the queue as postqueue -p does; monitors read its last line.
func printMailq(ctx context.Context, m manage.Caller, w io.Writer) error {
	var n, bytes int64
	err := pages(ctx, m, manage.QueueSelector{}, func(p manage.QueuePage, _ bool) (bool, error) {
		for _, e := range p.Entries {
			if n++; n == 1 {
				fmt.Fprintf(w, "%-10s %8s %-20s %s\n", "-Queue ID-", "--Size--", "----Arrival Time----", "-Sender/Recipient-------")
			} else {
				fmt.Fprintln(w)
			}
			bytes += e.MessageSize
			printMailqEntry(w, e)
		}
		return true, nil
	})
	switch {
	case err != nil:
		return err
	case n == 0:
		fmt.Fprintln(w, "Mail queue is empty")
	case n == 1:
		fmt.Fprintf(w, "\n-- %d Kbytes in 1 Request.\n", bytes/1024)
	default:
		fmt.Fprintf(w, "\n-- %d Kbytes in %d Requests.\n", bytes/1024, n)
	}
	return nil
}

// mailqWidth is the column at which reasons end.
const mailqWidth = 76

func printMailqEntry(w io.Writer, e manage.QueueEntry) {
	mark := map[string]string{"active": "*", "hold": "!"}[e.QueueName]
	if e.ForcedExpire {
		mark += "#"
	}
	fmt.Fprintf(w, "%-11s %7d %-20.20s %s\n", e.QueueID+mark, e.MessageSize, time.Unix(e.ArrivalTime, 0).Local().Format("Mon Jan _2 15:04:05"), plain(e.Sender))
	last := ""
	for _, r := range e.Recipients {
		if r.DelayReason != "" && r.DelayReason != last {
			last = r.DelayReason
			fmt.Fprintf(w, "%*s(%s)\n", max(mailqWidth-len(last), 0), "", plain(last))
		}
		fmt.Fprintf(w, "%-10s %8s %-20s %s\n", "", "", "", plain(r.Address))
	}
}

func postqueueShim(ctx context.Context, args []string, s streams) error {
	var mode byte
	var value string
	rest, err := getopt(args, "isc", func(f byte, v string) bool {
		if f == 'c' || f == 'v' {
			return true
		}
		mode, value = f, v
		return strings.IndexByte("pjfis", f) >= 0
	})
	if err != nil {
		return err
	}
	if len(rest) > 0 {
		return &sendmail.Exit{Code: sendmail.Usage, Text: "usage: postqueue -p | -j | -f | -i ID | -s SITE"}
	}
	switch mode {
	case 'p':
		return mailqShim(ctx, nil, s)
	case 'j':
		return shimSettings().with(ctx, func(m manage.Caller) error {
			return pages(ctx, m, manage.QueueSelector{}, func(p manage.QueuePage, _ bool) (bool, error) { return true, writeEntries(s.out, p.Entries) })
		})
	case 'f':
		return flush(ctx, s, "", "")
	case 'i':
		return flush(ctx, s, value, "")
	case 's':
		return flush(ctx, s, "", strings.Trim(value, "[]"))
	}
	return &sendmail.Exit{Code: sendmail.Usage, Text: "usage: postqueue -p | -j | -f | -i ID | -s SITE"}
}

// superOp is one flag of postsuper: the operation, and what it says of one and of all.
type superOp struct{ op, one, all string }

func superOps() map[byte]superOp {
	return map[byte]superOp{
		'd': {"queue.delete", "removed", "Deleted"},
		'h': {"queue.hold", "placed on hold", "Placed on hold"},
		'H': {"queue.release", "released from hold", "Released from hold"},
		'r': {"queue.retry", "requeued", "Requeued"},
		'e': {"queue.bounce", "expired", "Expired"},
	}
}

// order is a flag with its value: an ID, ALL, or - for IDs on standard input.
type order struct {
	flag  byte
	value string
}

func postsuperShim(ctx context.Context, args []string, s streams) error {
	var orders []order
	names, err := getopt(args, "dhHrec", func(f byte, v string) bool {
		if _, ok := superOps()[f]; ok {
			orders = append(orders, order{f, v})
			return true
		}
		return strings.IndexByte("cpsSv", f) >= 0 // structure needs no repair here
	})
	if err != nil {
		return err
	}
	return shimSettings().with(ctx, func(m manage.Caller) error {
		for _, o := range orders {
			if err := super(ctx, m, o, names, s); err != nil {
				return err
			}
		}
		return nil
	})
}

// super does one order.
func super(ctx context.Context, m manage.Caller, o order, names []string, s streams) error {
	op := superOps()[o.flag]
	n := 0
	one := func(id string) error {
		var r manage.QueueResult
		err := m.Call(ctx, op.op, manage.QueueChange{QueueSelector: manage.QueueSelector{IDs: []string{id}}}, &r, nil)
		if err != nil && fault.Of(err).Code == "B4012" {
			return nil // it has just gone
		}
		if n += r.Changed; r.Changed > 0 {
			fmt.Fprintf(s.err, "postsuper: %s: %s\n", id, op.one)
		}
		return err
	}
	var err error
	switch o.value {
	case "ALL":
		n, err = superAll(ctx, m, op, names)
	case "-":
		lines := bufio.NewScanner(s.in)
		for err == nil && lines.Scan() {
			if id := strings.TrimSpace(lines.Text()); id != "" {
				err = one(strings.TrimRight(id, "*!#"))
			}
		}
		if err == nil {
			err = lines.Err()
		}
	default:
		err = one(o.value)
	}
	if n > 0 {
		fmt.Fprintf(s.err, "postsuper: %s: %s\n", op.all, count(n, "message", "messages"))
	}
	return err
}

// superAll changes all entries, or those of the queues that were named.
func superAll(ctx context.Context, m manage.Caller, op superOp, names []string) (int, error) {
	in := manage.QueueChange{QueueSelector: manage.QueueSelector{All: true}}
	held, others := len(names) == 0, len(names) == 0
	for _, n := range names {
		held, others = held || n == "hold", others || n != "hold"
	}
	if held != others {
		in.Held = &held
	}
	var r manage.QueueResult
	err := m.Call(ctx, op.op, in, &r, nil)
	return r.Changed, err
}
