package island

import (
	"bytes"
	"sync"
)

// maxLog is how much of the system's log is kept, in bytes.
const maxLog = 1 << 20

// written is the system's log: there is one for the process, as there is one /dev/log.
var written = &journal{}

// journal keeps the end of what is added.
type journal struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (j *journal) add(line []byte) {
	if _, rest, ok := bytes.Cut(line, []byte(">")); ok { // "<22>Nov 22 10:00:00 postfix/smtpd[1]: text"
		line = rest
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.buf.Write(bytes.TrimRight(line, "\x00\n"))
	j.buf.WriteByte('\n')
	if over := j.buf.Len() - maxLog; over > 0 {
		j.buf.Next(over)
	}
}

// Log gives the lines of the system's log that hold the word: "postfix". It is empty outside an island.
func Log(word string) string {
	written.mu.Lock()
	defer written.mu.Unlock()
	var out bytes.Buffer
	for l := range bytes.Lines(written.buf.Bytes()) {
		if bytes.Contains(l, []byte(word)) {
			out.Write(l)
		}
	}
	return out.String()
}
