package spool

import (
	"encoding/binary"

	"barid/base/kv"
	"barid/mail"
	"barid/rfc/addr"
	"barid/rfc/smtp"
)

// Bits of an entry's flags.
const (
	flagUTF8 = iota
	flagHas8bit
	flagUTF8Header
	flagBinary
	flagRequireTLS
	flagByTrace
	flagHold
	flagNullFrom
	flagDeliverBy
	flagNotBefore
	flagMust
	flagDelayTold
	flagTLSOptional
	flagLocal
	flagRelease
	flagHasLong
	flagVERP
	flagOnce
	flagSeveral
	flagEnd // no bit at or above this
)

// appendEntry adds the stored form of e to b. Shard and ID are in the key.
//
//	format, flags, due, id of the transaction, blob, size, header length, reverse-path, ENVID, RET, BODY,
//	locale, account, priority, [DELIVERBY time, mode], [not before, [how]], arrived, expires, hops, destination,
//	route, attempts, next, [must], [delay told], report tries, answers, recipients
func appendEntry(b []byte, e *Entry) []byte {
	b = append(b, format)
	b = putUint(b, e.flags())
	b = putInt(b, e.due)
	b = putText(b, e.Message.ID)
	b = append(b, e.Blob[:]...)
	b = putUint(b, uint64(e.Size))
	b = putUint(b, uint64(e.HeaderLen))
	if !e.From.Null {
		b = putText(putText(b, e.From.Local), e.From.Domain)
	}
	for _, s := range [...]string{e.EnvID, e.Ret, e.Body, e.Locale} {
		b = putText(b, s)
	}
	b = putUint(b, uint64(e.Account))
	b = append(b, byte(e.Priority-MinPriority))
	if !e.DeliverBy.IsZero() {
		b = append(putTime(b, e.DeliverBy), e.ByMode)
	}
	if !e.NotBefore.IsZero() {
		b = putTime(b, e.NotBefore)
	}
	if e.Release != "" {
		b = putText(b, e.Release)
	}
	b = putTime(putTime(b, e.Arrived), e.Expires)
	b = putUint(b, uint64(e.Hops))
	b = putText(putText(b, e.Destination), e.Route)
	return appendProgress(b, e)
}

// appendProgress adds what changes with the attempts.
func appendProgress(b []byte, e *Entry) []byte {
	b = putUint(b, uint64(e.Attempts))
	b = putTime(b, e.Next)
	if !e.Must.IsZero() {
		b = putTime(b, e.Must)
	}
	if !e.DelayTold.IsZero() {
		b = putTime(b, e.DelayTold)
	}
	b = putUint(b, uint64(e.ReportTries))
	return appendRcpts(b, e)
}

func (e *Entry) flags() uint64 {
	var f uint64
	for i, on := range [flagEnd]bool{
		flagUTF8: e.UTF8, flagHas8bit: e.Has8bit, flagUTF8Header: e.HasUTF8Header, flagBinary: e.Binary,
		flagRequireTLS: e.RequireTLS, flagByTrace: e.ByTrace, flagHold: e.Hold, flagNullFrom: e.From.Null,
		flagDeliverBy: !e.DeliverBy.IsZero(), flagNotBefore: !e.NotBefore.IsZero(),
		flagMust: !e.Must.IsZero(), flagDelayTold: !e.DelayTold.IsZero(),
		flagTLSOptional: e.TLSOptional, flagLocal: e.Local, flagRelease: e.Release != "", flagHasLong: e.HasLong, flagVERP: e.VERP,
		flagOnce: e.once, flagSeveral: e.Several,
	} {
		f = putFlag(f, on, i)
	}
	return f
}

// decodeEntry reads what appendEntry made. All texts share one copy of v.
func decodeEntry(shard Shard, id ID, v []byte) (*Entry, error) {
	d := newDecoder(v)
	e := &Entry{Shard: shard, ID: id, stored: true}
	f := d.uint()
	on := func(i int) bool { return f>>i&1 != 0 }
	e.UTF8, e.Has8bit, e.HasUTF8Header, e.Binary = on(flagUTF8), on(flagHas8bit), on(flagUTF8Header), on(flagBinary)
	e.RequireTLS, e.ByTrace, e.Hold, e.TLSOptional = on(flagRequireTLS), on(flagByTrace), on(flagHold), on(flagTLSOptional)
	e.Local, e.HasLong, e.VERP = on(flagLocal), on(flagHasLong), on(flagVERP)
	e.once, e.Several = on(flagOnce), on(flagSeveral)
	e.due = d.millis()
	e.Message.ID = d.text()
	copy(e.Blob[:], d.take(len(kv.BlobID{})))
	e.Size, e.HeaderLen = int64(d.uint()), int64(d.uint())
	if e.From.Null = on(flagNullFrom); !e.From.Null {
		e.From.Mailbox = addr.Mailbox{Local: d.text(), Domain: d.text()}
	}
	e.EnvID, e.Ret, e.Body, e.Locale = d.text(), d.text(), d.text(), d.text()
	e.Account = mail.AccountID(d.uint())
	e.Priority = int8(min(d.byte(), 0x7f)) + MinPriority
	if on(flagDeliverBy) {
		e.DeliverBy, e.ByMode = d.time(), d.byte()
	}
	if on(flagNotBefore) {
		e.NotBefore = d.time()
	}
	if on(flagRelease) {
		e.Release = d.text()
	}
	e.Arrived, e.Expires, e.Hops = d.time(), d.time(), int(d.uint())
	e.Destination, e.Route = d.text(), d.text()
	e.Attempts, e.Next = int(d.uint()), d.time()
	if on(flagMust) {
		e.Must = d.time()
	}
	if on(flagDelayTold) {
		e.DelayTold = d.time()
	}
	e.ReportTries = int(d.uint())
	d.rcpts(e)
	if !d.end() || f>>flagEnd != 0 || e.check() != nil || (e.due == 0) != e.Hold {
		return nil, corrupt("entry " + e.Name().String())
	}
	return e, nil
}

// Bits of a recipient's first byte; its lower three are the State.
const (
	rcptTold       = 1 << 3
	rcptSameDomain = 1 << 4 // its domain is the entry's destination
	rcptORcpt      = 1 << 5
	rcptAnswered   = 1 << 6
	rcptNotify     = 1 << 7
)

// appendRcpts adds the answers, each once, and the recipients, which name them by number.
func appendRcpts(b []byte, e *Entry) []byte {
	var answers answerSet
	for i := range e.Rcpts {
		answers.add(&e.Rcpts[i].Last)
	}
	b = putUint(b, uint64(len(answers.list)))
	for _, a := range answers.list {
		b = appendAnswer(b, a)
	}
	b = putUint(b, uint64(len(e.Rcpts)))
	for i := range e.Rcpts {
		b = appendRcpt(b, &e.Rcpts[i], e.Destination, &answers)
	}
	return b
}

func appendRcpt(b []byte, r *Rcpt, destination string, answers *answerSet) []byte {
	head := byte(r.State)
	answer, answered := answers.number(&r.Last)
	for _, f := range [...]struct {
		on  bool
		bit byte
	}{{r.Told, rcptTold}, {r.To.Domain == destination, rcptSameDomain}, {r.ORcpt != "", rcptORcpt}, {answered, rcptAnswered}, {r.Notify != 0, rcptNotify}} {
		if f.on {
			head |= f.bit
		}
	}
	b = putText(append(b, head), r.To.Local)
	if head&rcptSameDomain == 0 {
		b = putText(b, r.To.Domain)
	}
	if head&rcptORcpt != 0 {
		b = putText(b, r.ORcpt)
	}
	if head&rcptAnswered != 0 {
		b = putUint(b, uint64(answer))
	}
	if head&rcptNotify != 0 {
		b = append(b, byte(r.Notify))
	}
	return b
}

func (d *decoder) rcpts(e *Entry) {
	k := d.count()
	if k > MaxRcpts {
		d.fail()
		return
	}
	answers := make([]Answer, k)
	for i := range answers {
		answers[i] = d.answer()
	}
	n := d.count()
	if n > MaxRcpts {
		d.fail()
		return
	}
	e.Rcpts = make([]Rcpt, n)
	for i := range e.Rcpts {
		d.rcpt(&e.Rcpts[i], e.Destination, answers)
	}
}

func (d *decoder) rcpt(r *Rcpt, destination string, answers []Answer) {
	head := d.byte()
	r.State, r.Told = State(head&7), head&rcptTold != 0
	r.To.Local, r.To.Domain = d.text(), destination
	if head&rcptSameDomain == 0 {
		r.To.Domain = d.text()
	}
	if head&rcptORcpt != 0 {
		r.ORcpt = d.text()
	}
	if head&rcptAnswered != 0 {
		i := d.uint()
		if i >= uint64(len(answers)) {
			d.fail()
			return
		}
		r.Last = answers[i]
	}
	if head&rcptNotify != 0 {
		r.Notify = smtp.Notify(d.byte())
	}
}

func appendAnswer(b []byte, a *Answer) []byte {
	b = putUint(putTime(b, a.Time), uint64(a.Code))
	for _, s := range [...]string{a.Enhanced, a.Text, a.Remote, a.Stage} {
		b = putText(b, s)
	}
	return b
}

func (d *decoder) answer() Answer {
	return Answer{Time: d.time(), Code: int(d.uint()), Enhanced: d.text(), Text: d.text(), Remote: d.text(), Stage: d.text()}
}

// answerSet is the different answers of an entry: mostly one, however many recipients it has.
type answerSet struct {
	list  []*Answer
	index map[Answer]int // made when a linear search would be slow
}

// linear is how many answers are searched one by one.
const linear = 8

func (s *answerSet) add(a *Answer) {
	if _, ok := s.number(a); ok || *a == (Answer{}) {
		return
	}
	if s.index != nil {
		s.index[*a] = len(s.list)
	}
	s.list = append(s.list, a)
	if len(s.list) == linear {
		s.index = make(map[Answer]int, 2*linear)
		for i, a := range s.list {
			s.index[*a] = i
		}
	}
}

func (s *answerSet) number(a *Answer) (int, bool) {
	if s.index != nil {
		i, ok := s.index[*a]
		return i, ok
	}
	for i, b := range s.list {
		if *a == *b {
			return i, true
		}
	}
	return 0, false
}

// scheduleKey is due, rank, id; the rank is 0 for the most urgent.
func scheduleKey(due int64, priority int8, id ID) []byte {
	k := binary.BigEndian.AppendUint64(make([]byte, 0, 17), uint64(due))
	k = append(k, byte(MaxPriority-priority))
	return binary.BigEndian.AppendUint64(k, uint64(id))
}

func entryKey(id ID) []byte { return binary.BigEndian.AppendUint64(nil, uint64(id)) }
