// Package header reads and writes the header section of a message: fields, dates, message identifiers,
// encoded words and MIME parameters.
//
// Life: rfc/mime cuts a message into header sections and calls this package for what stands in them; flow
// (trace fields, reports, signing) and rfc/imap (ENVELOPE, HEADER.FIELDS) call it too.
//
// Promises:
//   - Every reader is tolerant: it takes any bytes, never fails for a whole section because of one bad
//     field, and never panics.
//   - Invariant: every reader is linear in its input; 100,000 fields, a 1 MB line, a field of 300,000
//     folds or 20,000 parameters cost no more for each byte than a usual field.
//   - Text that is handed out as decoded is valid UTF-8 and has no "?" where a charset conversion failed.
//
// Limits: callers give the number of fields, identifiers or parameters they want at most.
// Failure: only Date returns an error; everything else gives its best effort.
//
// Standards: RFC 5322 §2.2, §3.3, §3.6.4, §4; RFC 2045 §5.1; RFC 2047; RFC 2231; RFC 6532.
package header

import "bytes"

// Field is one field of a header section. Name and Value are parts of the section, not copies.
type Field struct {
	Name  []byte // as written, without white space before the colon; empty for a line that is no field
	Value []byte // all after the colon, with folds, without the last line end
	Off   int    // where the field begins in the section
	Len   int    // its length with the last line end; Off+Len is where the next field begins
}

// Is tells whether the field has the given name; case does not matter (RFC 5322 §1.2.2).
func (f Field) Is(name string) bool {
	return len(f.Name) == len(name) && equalFold(f.Name, name)
}

// Raw gives the bytes of the field with its line end.
func (f Field) Raw(section []byte) []byte { return section[f.Off : f.Off+f.Len] }

// Text gives the unfolded value without white space around it, still encoded.
func (f Field) Text() string { return string(bytes.TrimSpace(Unfold(f.Value))) }
