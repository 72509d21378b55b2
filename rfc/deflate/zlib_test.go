package deflate

import (
	"bufio"
	"encoding/base64"
	"io"
	"os"
	"strconv"
	"strings"
	"testing"
)

// TestWhatZlibWrites plays testdata/streams.txt: each step is given out as soon as its octets are there.
func TestWhatZlibWrites(t *testing.T) {
	file, err := os.ReadFile("testdata/streams.txt")
	if err != nil {
		t.Fatal(err)
	}
	var steps []string
	streams := 0
	head, rest, _ := strings.Cut(string(file), "stream ")
	for line := range strings.Lines(head) {
		if f := strings.SplitN(strings.TrimSpace(line), " ", 3); f[0] == "step" {
			n, err1 := strconv.Atoi(f[1])
			text, err2 := strconv.Unquote(f[2])
			if err1 != nil || err2 != nil {
				t.Fatal(err1, err2)
			}
			steps = append(steps, strings.Repeat(text, n))
		}
	}
	for s := range strings.SplitSeq(rest, "stream ") {
		name, lines, _ := strings.Cut(s, "\n")
		playStream(t, name, strings.Fields(lines), steps)
		streams++
	}
	if streams < 60 {
		t.Errorf("%d streams only", streams)
	}
}

func playStream(t *testing.T, name string, lines, steps []string) {
	in := &spout{}
	r := NewReader(bufio.NewReaderSize(in, 64))
	for i, line := range lines {
		b, err := base64.StdEncoding.DecodeString(line)
		if err != nil {
			t.Fatal(name, err)
		}
		in.left = append(in.left, b...)
		var want string
		switch {
		case i < len(lines)-1:
			want = steps[i]
		case len(lines) == 1:
			want = strings.Join(steps[:len(steps)-1], "")
		}
		got := make([]byte, len(want))
		if n, err := io.ReadFull(r, got); err != nil || string(got) != want {
			t.Errorf("%s: step %d gave %d octets of %d: %v", name, i, n, len(want), err)
			return
		}
	}
	if n, err := r.Read(make([]byte, 1)); n > 0 || err != io.EOF {
		t.Errorf("%s: %d octets and %v at the end", name, n, err)
	}
}
