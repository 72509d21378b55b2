// Package text makes written text comparable: folding, words, looking for one text in another, collation.
//
// What: Fold gives the form in which two spellings of one text are equal, in every script at once, since mail
// mixes them. Splitter cuts folded text into words. Needle and Matcher find a text in another the way IMAP's
// SEARCH, Sieve's :contains and a look-up of contacts want it. Collator orders texts as people expect it.
// Visible gives what a reader sees of HTML. It knows nothing of mail.
//
// Folding: NFKC; full case folding (ß is ss); marks are dropped from Latin, Greek, Arabic, Hebrew and Syriac
// letters (é is e, ٌ and ٰ vanish) and kept where they are letters (й is not и, が is not か, Indic and Thai
// vowels stay; only ё is е); أ إ آ ٱ are ا; ى ی ې ئ are ي; ک ڪ are ك; ة ۀ ە ہ ھ are ه; ؤ is و; ء, tatweel,
// bidirectional controls, joiners, soft hyphens and other invisible characters vanish; digits of every script
// are 0 to 9; æ is ae, œ is oe, ø đ ł ħ are o d l h. Nothing is decided by a language: mail mixes languages and
// short texts defeat detectors. Letters are never added or taken away, so كتب and كتاب stay two words.
//
// Promises:
//   - Invariant: Fold(Fold(x)) is Fold(x), and what comes out is valid UTF-8.
//   - Invariant: the way back that FoldMap gives never goes backwards and never leaves the source.
//   - Invariant: a text that is cut where SafeCut says folds in two pieces to what it folds to in one.
//   - Everything is linear in its input and safe for concurrent use, but for the types that say otherwise.
//
// Limits: MaxNeedleBytes, MaxTerm. Failure: there is none; bytes that are no UTF-8 become U+FFFD.
//
// Standards: Unicode UAX #15 (NFKC), UAX #29 (words), CaseFolding; RFC 5051 (i;unicode-casemap);
// RFC 5255 §4.
package text

// bytesOrString is text that stays the caller's.
type bytesOrString interface{ ~string | ~[]byte }
