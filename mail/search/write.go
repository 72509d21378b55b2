package search

import (
	"barid/mail/mailbox"

	"github.com/klauspost/compress/zstd"
)

// codec compresses the pages of dictionaries: terms of one script have most bits in common. It is safe for
// concurrent use.
type codec struct {
	in  *zstd.Encoder
	out *zstd.Decoder
}

// maxPageBytes bounds a page of a dictionary that is not compressed.
const maxPageBytes = 1 << 20

func newCodec() (c codec) {
	var err, err2 error
	c.in, err = zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(64<<10), zstd.WithLowerEncoderMem(true),
		zstd.WithEncoderCRC(false))
	c.out, err2 = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxPageBytes))
	if err != nil || err2 != nil {
		panic("search: constants of zstd are wrong")
	}
	return c
}

// pack adds b compressed to dst.
func (c codec) pack(dst, b []byte) []byte { return c.in.EncodeAll(b, dst) }

// unpack adds what pack made of v to dst.
func (c codec) unpack(dst, v []byte) ([]byte, error) {
	b, err := c.out.DecodeAll(v, dst)
	if err != nil {
		return nil, errDamaged
	}
	return b, nil
}

// segmentWriter makes the rows of a segment out of terms that come in order.
type segmentWriter struct {
	info  segmentInfo
	codec codec
	put   func(key, value []byte) error
	page  []byte // of the dictionary
	small []byte // a page, compressed
	pages int
	last  string // the term before on the page
	post  []byte // of the postings, not written yet
	posts int
}

// add writes a term; last is the number of the last message in its postings.
func (w *segmentWriter) add(term string, docs int64, last mailbox.MsgNo, postings []byte) error {
	w.page = appendEntry(w.page, w.last, term, docs, len(postings), uint64(last-w.info.lo))
	w.last = term
	w.info.terms++
	w.info.postings += int64(len(postings))
	if len(w.page) >= dictionaryPage {
		if err := w.endPage(); err != nil {
			return err
		}
	}
	w.post = append(w.post, postings...)
	for len(w.post) >= postingsPage {
		if err := w.endPostings(postingsPage); err != nil {
			return err
		}
	}
	return nil
}

func (w *segmentWriter) endPage() error {
	w.small = w.codec.pack(w.small[:0], w.page)
	err := w.put(rowKey(w.info.id, kindDictionary, w.pages), w.small)
	w.info.dict += int64(len(w.small))
	w.info.names += int64(len(w.page))
	w.pages++
	w.page, w.last = w.page[:0], ""
	return err
}

func (w *segmentWriter) endPostings(n int) error {
	err := w.put(rowKey(w.info.id, kindPostings, w.posts), w.post[:n])
	w.posts++
	w.post = append(w.post[:0], w.post[n:]...)
	return err
}

// end writes what is left, and norms.
func (w *segmentWriter) end(norms []byte) error {
	if len(w.page) > 0 {
		if err := w.endPage(); err != nil {
			return err
		}
	}
	if len(w.post) > 0 {
		if err := w.endPostings(len(w.post)); err != nil {
			return err
		}
	}
	for page := 0; len(norms) > 0; page++ {
		n := min(len(norms), normsPage)
		if err := w.put(rowKey(w.info.id, kindNorms, page), norms[:n]); err != nil {
			return err
		}
		norms = norms[n:]
	}
	return nil
}

// write writes all that b holds as segment id.
func (b *builder) write(id uint32, c codec, put func(key, value []byte) error) (segmentInfo, error) {
	b.info.id = id
	w := segmentWriter{info: b.info, codec: c, put: put}
	for _, t := range b.sorted() {
		if err := w.add(t.term, t.docs, t.last, t.b); err != nil {
			return segmentInfo{}, err
		}
	}
	return w.info, w.end(b.norms)
}
