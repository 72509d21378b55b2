package search

import "barid/mail/mailbox"

// segmentWriter makes the rows of a segment out of terms that come in order.
type segmentWriter struct {
	info  segmentInfo
	put   func(key, value []byte) error
	page  []byte // of the dictionary
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
	err := w.put(rowKey(w.info.id, kindDictionary, w.pages), w.page)
	w.info.dict += int64(len(w.page))
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
func (b *builder) write(id uint32, put func(key, value []byte) error) (segmentInfo, error) {
	b.info.id = id
	w := segmentWriter{info: b.info, put: put}
	for _, t := range b.sorted() {
		if err := w.add(t.term, t.docs, t.last, t.b); err != nil {
			return segmentInfo{}, err
		}
	}
	return w.info, w.end(b.norms)
}
