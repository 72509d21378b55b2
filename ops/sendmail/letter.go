package sendmail

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"

	"barid/rfc/header"
)

// Limits of a message that is read.
const (
	headerBytes = 1 << 20 // of the header section
	memoryBytes = 1 << 20 // kept in memory; what is longer waits in a file
	lineBuffer  = 64 << 10
)

// Letter is a message as it was read: every line ends with CRLF.
type Letter struct {
	Header []byte // fields, without the empty line
	memory []byte // the body, or its beginning
	file   *os.File
	size   int64 // of the body
}

// Close gives up what is kept.
func (l *Letter) Close() {
	if l.file != nil {
		_ = l.file.Close() // it has no name and is gone with this
	}
}

// Size is the octets of the message as it is sent.
func (l *Letter) Size() int64 { return int64(len(l.Header)) + 2 + l.size }

// Reader gives the whole message from its beginning.
func (l *Letter) Reader() io.Reader {
	rs := []io.Reader{bytes.NewReader(l.Header), bytes.NewReader([]byte("\r\n")), bytes.NewReader(l.memory)}
	if l.file != nil {
		rs = append(rs, io.NewSectionReader(l.file, 0, l.size-int64(len(l.memory))))
	}
	return io.MultiReader(rs...)
}

// Read takes a whole message from r. A line of one dot ends it, unless ignoreDots. Close must be called.
func Read(r io.Reader, ignoreDots bool) (*Letter, error) {
	t := &text{r: bufio.NewReaderSize(r, lineBuffer), dots: !ignoreDots, start: true}
	l := &Letter{}
	in := bufio.NewReaderSize(t, lineBuffer)
	err := l.readHeader(in)
	if err == nil {
		err = l.readBody(in)
	}
	if err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

// readHeader reads the fields. The first line that is none begins the body, also without an empty line. A
// separator of mail folders before them ("From info@example.org Sun Nov ...") is dropped.
func (l *Letter) readHeader(in *bufio.Reader) error {
	for first := true; ; first = false {
		line, err := in.ReadSlice('\n')
		switch {
		case errors.Is(err, bufio.ErrBufferFull): // a long line; its rest comes next
		case errors.Is(err, io.EOF) && len(line) == 0:
			return nil
		case err != nil && !errors.Is(err, io.EOF):
			return readError(err)
		}
		if first && (bytes.HasPrefix(line, []byte("From ")) || bytes.HasPrefix(line, []byte(">From "))) {
			continue
		}
		if string(line) == "\r\n" {
			return nil
		}
		goesOn := len(l.Header) > 0 && (l.Header[len(l.Header)-1] != '\n' || line[0] == ' ' || line[0] == '\t')
		if !goesOn && !header.IsField(line) {
			return l.keep(line)
		}
		if len(l.Header)+len(line) > headerBytes {
			return exit(DataErr, nil, "the header section is longer than %d bytes", headerBytes)
		}
		l.Header = append(l.Header, line...)
	}
}

func (l *Letter) readBody(in io.Reader) error {
	buf := make([]byte, lineBuffer)
	for {
		n, err := in.Read(buf)
		if kept := l.keep(buf[:n]); kept != nil {
			return kept
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return readError(err)
		}
	}
}

func readError(err error) error {
	var e *Exit
	if errors.As(err, &e) {
		return err
	}
	return exit(OSErr, err, "the message can not be read")
}

// keep adds to the body.
func (l *Letter) keep(p []byte) error {
	l.size += int64(len(p))
	if l.file == nil && len(l.memory)+len(p) <= memoryBytes {
		l.memory = append(l.memory, p...)
		return nil
	}
	if l.file == nil {
		f, err := os.CreateTemp("", "barid-sendmail-")
		if err != nil {
			return exit(TempFail, err, "there is no place for a long message")
		}
		l.file = f
		_ = os.Remove(f.Name()) // it stays until it is closed
	}
	if _, err := l.file.Write(p); err != nil {
		return exit(TempFail, err, "there is no place for a long message")
	}
	return nil
}

// text reads lines that end with LF, CRLF or CR and gives lines that end with CRLF. Several CR before an LF are
// one line end: programs that convert twice write that.
type text struct {
	r     *bufio.Reader
	dots  bool // a line of one dot is the end
	start bool // of a line
	out   []byte
	ended bool
}

// Read implements io.Reader.
func (t *text) Read(p []byte) (int, error) {
	for len(t.out) == 0 {
		if t.ended {
			return 0, io.EOF
		}
		if err := t.next(); err != nil {
			return 0, err
		}
	}
	n := copy(p, t.out)
	t.out = t.out[n:]
	return n, nil
}

// next converts one line, or a piece of a long one.
func (t *text) next() error {
	piece, err := t.r.ReadSlice('\n')
	whole := err == nil
	switch {
	case errors.Is(err, io.EOF):
		t.ended, whole = true, true
		if len(piece) == 0 {
			if !t.start {
				t.out = append(t.out[:0], "\r\n"...)
			}
			return nil
		}
	case err != nil && !errors.Is(err, bufio.ErrBufferFull):
		return err
	}
	if bytes.IndexByte(piece, 0) >= 0 {
		return exit(DataErr, nil, "the message holds a NUL octet")
	}
	if !whole && piece[len(piece)-1] == '\r' { // it may belong to the line end
		_ = t.r.UnreadByte() // one octet was just read
		piece = piece[:len(piece)-1]
	}
	if whole {
		piece = bytes.TrimRight(bytes.TrimSuffix(piece, []byte("\n")), "\r")
	}
	if t.dots && t.start && whole && string(piece) == "." {
		t.ended = true
		return nil
	}
	t.out = bytes.ReplaceAll(piece, []byte("\r"), []byte("\r\n"))
	if t.start = whole; whole {
		t.out = append(t.out, "\r\n"...)
	}
	return nil
}
