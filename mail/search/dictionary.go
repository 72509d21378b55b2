package search

import (
	"bytes"
	"container/list"
	"sort"
	"sync"

	"barid/base/kv"
	"barid/mail"
	"barid/mail/mailbox"
)

// dictionary is the terms of one segment in memory: a text in which terms are found at the speed of memory,
// whatever part of them is known.
type dictionary struct {
	text  []byte   // NUL term NUL term ... NUL
	marks []uint32 // where in text every markStep-th term begins
	post  []uint32 // where in the postings the postings of each term begin, and the end
	words int      // where in text the first term begins that is a word
	norms []byte   // see kindNorms
	full  *Set     // all messages of the segment
}

const markStep = 16

// memory is about the bytes it takes.
func (d *dictionary) memory() int64 {
	return int64(cap(d.text)+cap(d.norms)) + 4*int64(cap(d.marks)+cap(d.post)) + 8*int64(len(d.full.bits)) + 128
}

// terms is how many there are.
func (d *dictionary) terms() int { return len(d.post) - 1 }

// readDictionary reads all pages of a segment's dictionary.
func readDictionary(r kv.Reader, c codec, s *segmentInfo) (*dictionary, error) {
	if s.terms > s.names || s.names > maxDictionary {
		return nil, errDamaged
	}
	d := &dictionary{
		text:  make([]byte, 1, s.names+s.terms+1),
		marks: make([]uint32, 0, s.terms/markStep+1),
		post:  make([]uint32, 1, s.terms+1),
		words: -1,
	}
	lo, hi := rowKey(s.id, kindDictionary, 0), rowKey(s.id, kindDictionary+1, 0)
	var page []byte
	err := r.Scan(mail.TableSearch, lo, hi, kv.ScanOpt{}, func(_, v []byte) (err error) {
		if page, err = c.unpack(page[:0], v); err != nil {
			return err
		}
		return d.page(page)
	})
	if err != nil {
		return nil, err
	}
	if int64(d.terms()) != s.terms || int64(d.post[d.terms()]) != s.postings {
		return nil, errDamaged
	}
	if d.words < 0 {
		d.words = len(d.text)
	}
	if d.norms, err = readNorms(r, s); err != nil {
		return nil, err
	}
	d.full = newSet(s.lo, s.hi)
	for i, n := range d.norms {
		if n != 0 {
			d.full.add(s.lo + mailbox.MsgNo(i))
		}
	}
	return d, nil
}

// maxDictionary bounds the rows of a dictionary, bytes, so that places in it fit into 32 bits.
const maxDictionary = 1 << 30

// page adds a page.
func (d *dictionary) page(v []byte) error {
	in := entryReader{d: decoder{b: v}}
	for in.next() {
		at := len(d.text)
		if d.words < 0 && !ours(string(in.term)) {
			d.words = at
		}
		if d.terms()%markStep == 0 {
			d.marks = append(d.marks, uint32(at))
		}
		d.text = append(append(d.text, in.term...), 0)
		end := uint64(d.post[d.terms()]) + in.postings
		if end > maxPostings || len(d.text) > maxPostings {
			return errDamaged
		}
		d.post = append(d.post, uint32(end))
	}
	if in.d.bad {
		return errDamaged
	}
	return nil
}

// entryReader reads the entries of a page.
type entryReader struct {
	d        decoder
	term     []byte
	docs     uint64
	postings uint64
	last     uint64 // number of the last message, from the segment's first
}

func (e *entryReader) next() bool {
	if len(e.d.b) == 0 {
		return false
	}
	same := e.d.uint()
	rest := e.d.take(e.d.uint())
	if same > uint64(len(e.term)) || same+uint64(len(rest)) == 0 || bytes.IndexByte(rest, 0) >= 0 {
		e.d.bad = true
	}
	if e.d.bad {
		return false
	}
	e.term = append(e.term[:same], rest...)
	e.docs, e.postings = e.d.uint(), e.d.uint()
	if e.last = 0; e.docs > 1 {
		e.last = e.d.uint()
	}
	if e.postings > maxPostings || e.last > maxRange {
		e.d.bad = true
	}
	return !e.d.bad
}

// at gives the i-th term.
func (d *dictionary) at(i int) []byte {
	t := d.text[d.marks[i/markStep]:]
	for range i % markStep {
		t = t[bytes.IndexByte(t, 0)+1:]
	}
	return t[:bytes.IndexByte(t, 0)]
}

// search gives the number of the first term that is not less than term.
func (d *dictionary) search(term []byte) int {
	return sort.Search(d.terms(), func(i int) bool { return bytes.Compare(d.at(i), term) >= 0 })
}

// number gives which term stands at text[at:], or holds it.
func (d *dictionary) number(at int) int {
	k := sort.Search(len(d.marks), func(i int) bool { return int(d.marks[i]) > at }) - 1
	return k*markStep + bytes.Count(d.text[d.marks[k]:at], []byte{0})
}

// how says what part of a term a piece of text is.
type how byte

const (
	whole how = iota
	prefix
	suffix
	inside
)

// find calls f with the numbers of the terms of which piece is a part, until f says stop. piece is not empty and holds no NUL.
func (d *dictionary) find(piece []byte, h how, f func(i int) bool) {
	if h == whole || h == prefix {
		for i := d.search(piece); i < d.terms(); i++ {
			t := d.at(i)
			if !bytes.HasPrefix(t, piece) || h == whole && len(t) > len(piece) || !f(i) {
				return
			}
		}
		return
	}
	want := piece
	if h == suffix {
		want = append(append(make([]byte, 0, len(piece)+1), piece...), 0)
	}
	for at := d.words; ; {
		i := bytes.Index(d.text[at:], want)
		if i < 0 {
			return
		}
		at += i
		if !f(d.number(at)) {
			return
		}
		at += bytes.IndexByte(d.text[at:], 0) + 1 // a term counts once
	}
}

// dictCache keeps the dictionaries that were used last.
type dictCache struct {
	limit int64

	mu    sync.Mutex
	bytes int64
	all   map[dictKey]*list.Element
	order list.List // of *cached, used last in front
}

type dictKey struct {
	account mail.AccountID
	segment uint32
}

type cached struct {
	key dictKey
	d   *dictionary
}

func (c *dictCache) get(k dictKey) *dictionary {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.all[k]
	if e == nil {
		return nil
	}
	c.order.MoveToFront(e)
	return e.Value.(*cached).d
}

func (c *dictCache) put(k dictKey, d *dictionary) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.all[k] != nil {
		return
	}
	if c.all == nil {
		c.all = map[dictKey]*list.Element{}
	}
	c.all[k] = c.order.PushFront(&cached{k, d})
	for c.bytes += d.memory(); c.bytes > c.limit && c.order.Len() > 1; {
		c.remove(c.order.Back())
	}
}

// drop forgets segments that are gone.
func (c *dictCache) drop(account mail.AccountID, segments []segmentInfo) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range segments {
		if e := c.all[dictKey{account, s.id}]; e != nil {
			c.remove(e)
		}
	}
}

func (c *dictCache) remove(e *list.Element) {
	k := c.order.Remove(e).(*cached)
	c.bytes -= k.d.memory()
	delete(c.all, k.key)
}

// dictionary gives that of a segment, from memory if it is there.
func (a *Account) dictionary(r kv.Reader, s *segmentInfo) (*dictionary, error) {
	k := dictKey{a.id, s.id}
	if d := a.x.cache.get(k); d != nil {
		a.x.opt.Metrics.dictionary(true)
		return d, nil
	}
	a.x.opt.Metrics.dictionary(false)
	d, err := readDictionary(r, a.x.codec, s)
	if err == nil {
		a.x.cache.put(k, d)
	}
	return d, err
}

// readNorms reads the lengths of the messages of a segment.
func readNorms(r kv.Reader, s *segmentInfo) ([]byte, error) {
	out := make([]byte, 0, s.hi-s.lo+1)
	lo, hi := rowKey(s.id, kindNorms, 0), rowKey(s.id, kindNorms+1, 0)
	err := r.Scan(mail.TableSearch, lo, hi, kv.ScanOpt{}, func(_, v []byte) error {
		out = append(out, v...)
		return nil
	})
	if err == nil && len(out) != int(s.hi-s.lo+1) {
		err = errDamaged
	}
	return out, err
}

// maxPostings bounds the postings of a segment, bytes.
const maxPostings = 1<<32 - 1
