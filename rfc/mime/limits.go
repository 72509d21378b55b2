package mime

// Limits bound what a Scanner keeps of one message. The zero value keeps almost nothing; begin with
// DefaultLimits.
type Limits struct {
	HeaderBytes int // of one header section, bytes; what is behind is not looked at
	Fields      int // looked at in one header section
	Parts       int // of one message
	Depth       int // of nesting; the root has depth 1
	Params      int // of one field, counting each part of a continued one
	Addresses   int // of all envelopes of one message
	TextBytes   int // kept of all headers of one message (parameters, envelopes), bytes
}

// DefaultLimits are right for a mail server: far above anything that people send, and about 3 MiB at most for
// the worst message.
func DefaultLimits() Limits {
	return Limits{
		HeaderBytes: 512 << 10,
		Fields:      10000,
		Parts:       1000,
		Depth:       64,
		Params:      500,
		Addresses:   5000,
		TextBytes:   1 << 20,
	}
}

// maxBoundaryBytes is the longest boundary that is looked for: RFC 2046 §5.1.1 allows 70, some mailers more.
const maxBoundaryBytes = 512

// maxLineHold is how much of the beginning of a line is looked at, bytes: a boundary, its dashes, and blanks.
const maxLineHold = 1024
