package mailbox

import "strings"

// validKeyword wants an IMAP atom (RFC 9051 §9, flag-keyword) of limited length.
func validKeyword(k string) bool {
	if k == "" || len(k) > MaxKeywordBytes {
		return false
	}
	for i := range len(k) {
		if c := k[i]; c <= ' ' || c >= 0x7f || strings.IndexByte(`(){%*"\]`, c) >= 0 {
			return false
		}
	}
	return true
}

// findKeyword gives the index of k in the table, -1 if it is not there. Case does not matter (RFC 5788 §2).
func findKeyword(table []string, k string) int {
	for i, s := range table {
		if strings.EqualFold(s, k) {
			return i
		}
	}
	return -1
}

// keywords turns names into bits. With add it enters new ones in the mailbox's table; without, unknown ones
// are left out. lossy leaves out what is not valid or does not fit, as for a delivery, which must not fail
// because of a keyword.
func (x *tx) keywords(b *boxTx, names []string, add, lossy bool) (Flags, error) {
	var out Flags
	for _, k := range names {
		if !validKeyword(k) {
			if lossy {
				continue
			}
			return 0, ErrKeyword
		}
		i := findKeyword(b.info.keywords, k)
		if i < 0 && add {
			var err error
			if i, err = x.newKeyword(b, k); err != nil && !lossy {
				return 0, err
			}
		}
		if i >= 0 {
			out |= Keyword(i)
			b.wanted |= Keyword(i)
		}
	}
	return out, nil
}

// newKeyword enters k in the table, in the place of one that no message has when the table is full.
func (x *tx) newKeyword(b *boxTx, k string) (int, error) {
	i := len(b.info.keywords)
	if i == MaxKeywords {
		var err error
		if i, err = x.unusedKeyword(b); err != nil {
			return -1, err
		}
	}
	info := x.editInfo(b)
	table := make([]string, max(len(info.keywords), i+1))
	copy(table, info.keywords)
	table[i] = k
	info.keywords = table
	return i, nil
}

// unusedKeyword finds a keyword that no message has. One that this transaction is about to set is in use.
func (x *tx) unusedKeyword(b *boxTx) (int, error) {
	if err := x.load(b); err != nil {
		return -1, err
	}
	used := b.wanted
	for k := range b.d.chunks() {
		c := b.d.chunk(k)
		if c.n == 0 {
			continue
		}
		for _, f := range c.mut.flags[:c.n] {
			used |= f
		}
	}
	for i := range MaxKeywords {
		if used&Keyword(i) == 0 {
			return i, nil
		}
	}
	return -1, ErrKeywordMany
}

// mapKeywords gives for each bit of the source's table the bit in the destination's; 0 for one that does not fit
// there: keywords SHOULD be kept (RFC 9051 §6.4.7), but nobody must be unable to move mail to a full Trash.
func (x *tx) mapKeywords(src, dst *boxTx, used Flags) (m [64]Flags, err error) {
	for i, k := range src.info.keywords {
		if used&Keyword(i) == 0 {
			continue
		}
		f, err := x.keywords(dst, []string{k}, true, true)
		if err != nil {
			return m, err
		}
		m[keywordShift+i] = f
	}
	return m, nil
}
