package mailbox

import (
	"context"
	"encoding/binary"

	"barid/base/kv"
	"barid/mail"
)

// Limits of annotations (RFC 5464 §4.1).
const (
	MaxAnnotationBytes = 64 << 10 // of one value
	MaxAnnotations     = 256      // of one mailbox, and of the account itself
	MaxAnnotationsSize = 8 << 20  // bytes of all names and values of an account
)

// Annotation is a value with a name that is kept beside a mailbox, or beside the account (RFC 5464 §3). Entry is
// in lower case and begins with "/private/" or "/shared/".
type Annotation struct {
	Entry string
	Value []byte // nil: take it away
}

// SpecialUseEntry is the annotation that is the special use of a mailbox (RFC 6154 §4).
const SpecialUseEntry = "/private/specialuse"

// Whose says which mailbox and whose private annotations are meant.
type Whose struct {
	Mailbox string         // "" is the account itself
	Reader  mail.AccountID // whose private ones; shared ones are everybody's
}

// annotationsUsed is the key of the row that sums up the bytes of all annotations; no mailbox has that number.
func annotationsUsed() []byte { return boxKey(1<<32 - 1) }

// annotationKey is mailbox, reader (0 for shared ones), entry.
func annotationKey(id ID, reader mail.AccountID, entry string) []byte {
	b := binary.BigEndian.AppendUint64(boxKey(id), uint64(reader))
	return append(b, entry...)
}

const annotationHead = 4 + 8 // of the key, before the entry

// scopeOf gives the reader in the key of an entry.
func scopeOf(entry string, reader mail.AccountID) mail.AccountID {
	if len(entry) > 1 && entry[1] == 's' {
		return 0
	}
	return reader
}

// Annotations calls f for the annotations of a mailbox that the reader may see: shared ones, then his own, each
// in order of name. The value is good until f returns.
func (a *Account) Annotations(ctx context.Context, w Whose, f func(Annotation) error) error {
	return a.with(func(acc *account) error {
		id, use, err := acc.annotated(ctx, w.Mailbox)
		if err != nil {
			return err
		}
		return a.s.db.View(ctx, a.id.Part(), func(r kv.Reader) error {
			if err := scanAnnotations(r, id, 0, f); err != nil {
				return err
			}
			if use != UseNone && w.Reader == a.id {
				if err := f(Annotation{SpecialUseEntry, []byte(use.Attr())}); err != nil {
					return err
				}
			}
			return scanAnnotations(r, id, w.Reader, f)
		})
	})
}

func scanAnnotations(r kv.Reader, id ID, reader mail.AccountID, f func(Annotation) error) error {
	lo, hi := annotationKey(id, reader, ""), annotationKey(id, reader+1, "")
	return r.Scan(mail.TableAnnotation, lo, hi, kv.ScanOpt{}, func(k, v []byte) error {
		return f(Annotation{string(k[annotationHead:]), v})
	})
}

// annotated finds the mailbox of a name; "" is number 0, the account itself.
func (a *account) annotated(ctx context.Context, name string) (ID, Use, error) {
	if name == "" {
		return 0, UseNone, nil
	}
	_, i, err := a.find(ctx, name)
	if err != nil {
		return 0, UseNone, err
	}
	return i.id, i.use, nil
}

// Annotate sets annotations, all or none (RFC 5464 §4.3).
func (a *Account) Annotate(ctx context.Context, w Whose, set []Annotation) error {
	for i := range set {
		if len(set[i].Value) > MaxAnnotationBytes {
			return ErrAnnotationSize
		}
	}
	return a.change(ctx, func(x *tx) error {
		var id ID
		if w.Mailbox != "" {
			i, err := x.find(w.Mailbox)
			if err != nil {
				return err
			}
			id = i.id
		}
		return x.annotate(id, w, set)
	})
}

func (x *tx) annotate(id ID, w Whose, set []Annotation) error {
	used, err := annotationBytes(x.t)
	if err != nil {
		return err
	}
	for _, n := range set {
		if n.Entry == SpecialUseEntry && id != 0 {
			if w.Reader != x.a.id {
				return ErrUse // a mailbox of somebody else has no use for the reader (RFC 6154 §4)
			}
			if err := x.annotateUse(id, n.Value); err != nil {
				return err
			}
		} else {
			delta, err := x.putAnnotation(id, scopeOf(n.Entry, w.Reader), n)
			if err != nil {
				return err
			}
			used += delta
		}
		x.marks = append(x.marks, Mark{Mailbox: id, Entry: n.Entry, Reader: scopeOf(n.Entry, w.Reader), By: x.by})
	}
	if used > MaxAnnotationsSize {
		return ErrAnnotationMany
	}
	x.changed = true
	if err := x.touch(id); err != nil {
		return err
	}
	return x.limitAnnotations(id, used)
}

// touch gives a mailbox that holds messages a new modseq, because its annotations changed (RFC 7162 §3.2).
func (x *tx) touch(id ID) error {
	i := x.cat.byID[id]
	if i == nil || i.shape != selectable {
		return nil
	}
	b, err := x.open(i)
	if err != nil {
		return err
	}
	b.aside = true
	x.log(b, x.next(), &record{kind: ChangeFlags}, recordWeight(0, 0, 0))
	return nil
}

// putAnnotation writes or deletes one and gives by how many bytes that is more.
func (x *tx) putAnnotation(id ID, reader mail.AccountID, n Annotation) (delta int64, err error) {
	k := annotationKey(id, reader, n.Entry)
	old, ok, err := x.t.Get(mail.TableAnnotation, k)
	if err != nil {
		return 0, err
	}
	if ok {
		delta -= int64(len(k) + len(old))
	}
	if n.Value == nil {
		x.t.Del(mail.TableAnnotation, k)
		return delta, nil
	}
	x.t.Put(mail.TableAnnotation, k, n.Value)
	return delta + int64(len(k)+len(n.Value)), nil
}

// limitAnnotations counts those of one mailbox and writes the sum of all.
func (x *tx) limitAnnotations(id ID, used int64) error {
	n := 0
	err := x.t.Scan(mail.TableAnnotation, boxKey(id), boxKey(id+1), kv.ScanOpt{Limit: MaxAnnotations + 1}, func(_, _ []byte) error {
		n++
		return nil
	})
	if err != nil {
		return err
	}
	if n > MaxAnnotations {
		return ErrAnnotationMany
	}
	x.t.Put(mail.TableAnnotation, annotationsUsed(), putInt([]byte{format}, used))
	return nil
}

func annotationBytes(r kv.Reader) (int64, error) {
	v, ok, err := r.Get(mail.TableAnnotation, annotationsUsed())
	if err != nil || !ok {
		return 0, err
	}
	d := newDecoder(v)
	n := d.int()
	if !d.end() {
		return 0, corrupt("sum of annotations")
	}
	return n, nil
}

// annotateUse changes the special use of a mailbox, which takes it from the one that had it.
func (x *tx) annotateUse(id ID, value []byte) error {
	i := x.cat.byID[id]
	u := UseNone
	if value != nil {
		for u = UseSent; u < useEnd && !sameUse(u.Attr(), value); u++ {
		}
	}
	switch {
	case i == nil || u >= useEnd || i.shape != selectable:
		return ErrUse
	case i.use == u:
		return nil
	}
	if old := x.cat.withUse(u); old != nil {
		if err := x.setUse(old, UseNone); err != nil {
			return err
		}
		x.marks = append(x.marks, Mark{Mailbox: old.id, Entry: SpecialUseEntry, Reader: x.a.id})
	}
	return x.setUse(x.cat.byID[id], u)
}

func (x *tx) setUse(i *info, u Use) error {
	c := *i
	c.use = u
	x.putInfo(&c)
	return x.logBoxes(ChangeInfo, c.id, nil)
}

func sameUse(attr string, v []byte) bool { return len(attr) == len(v) && sameFold(attr, v) }

// dropAnnotations takes those of a mailbox that goes away.
func (x *tx) dropAnnotations(id ID) error {
	var freed int64
	err := x.t.Scan(mail.TableAnnotation, boxKey(id), boxKey(id+1), kv.ScanOpt{}, func(k, v []byte) error {
		freed += int64(len(k) + len(v))
		return nil
	})
	if err != nil || freed == 0 {
		return err
	}
	used, err := annotationBytes(x.t)
	if err != nil {
		return err
	}
	x.t.DelRange(mail.TableAnnotation, boxKey(id), boxKey(id+1))
	x.t.Put(mail.TableAnnotation, annotationsUsed(), putInt([]byte{format}, max(0, used-freed)))
	return nil
}

// copyAnnotations gives a mailbox those of another: INBOX keeps its own when it is renamed (RFC 5464 §4.1).
func (x *tx) copyAnnotations(from, to ID) error {
	type row struct{ k, v []byte }
	var rows []row
	err := x.t.Scan(mail.TableAnnotation, boxKey(from), boxKey(from+1), kv.ScanOpt{}, func(k, v []byte) error {
		rows = append(rows, row{append(boxKey(to), k[4:]...), append([]byte(nil), v...)})
		return nil
	})
	if err != nil || rows == nil {
		return err
	}
	used, err := annotationBytes(x.t)
	if err != nil {
		return err
	}
	for _, r := range rows {
		x.t.Put(mail.TableAnnotation, r.k, r.v)
		used += int64(len(r.k) + len(r.v))
	}
	return x.limitAnnotations(to, used)
}
