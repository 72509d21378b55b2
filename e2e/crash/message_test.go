package crash

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// Header fields by which a message is known again.
const (
	idField  = "X-Crash-Id"
	sumField = "X-Crash-Sum"
)

// compose makes a message that knows its own id and the checksum of its body. Lines may begin with dots.
func compose(rng *rand.Rand, id, from, to string) string {
	body := text(rng, size(rng))
	sum := sha256.Sum256([]byte(body))
	return fmt.Sprintf("From: <%s>\r\nTo: <%s>\r\nSubject: crash %s\r\nDate: Mon, 06 Jan 2025 10:00:00 +0000\r\n"+
		"Message-ID: <%s@crash.example.com>\r\n%s: %s\r\n%s: %x\r\n\r\n%s", from, to, id, id, idField, id, sumField, sum, body)
}

// size picks the length of a body: mostly small, some with attachments, a few that need several records.
func size(rng *rand.Rand) int {
	switch n := rng.IntN(100); {
	case n < 80:
		return 100 + rng.IntN(4000)
	case n < 98:
		return 4<<10 + rng.IntN(60<<10)
	default:
		return 260<<10 + rng.IntN(500<<10)
	}
}

// text makes at least n octets of lines.
func text(rng *rand.Rand, n int) string {
	const letters = "abcdefghijklmnopqrstuvwxyz .,-"
	var b strings.Builder
	for b.Len() < n {
		if rng.IntN(9) == 0 {
			b.WriteByte('.')
		}
		for range rng.IntN(76) {
			b.WriteByte(letters[rng.IntN(len(letters))])
		}
		b.WriteString("\r\n")
	}
	return b.String()
}

var errTorn = errors.New("the body is not the one that was sent")

// identify finds the id of a stored message and holds its body against its checksum.
func identify(raw []byte) (id string, err error) {
	head, body, ok := bytes.Cut(raw, []byte("\r\n\r\n"))
	if !ok {
		return "", errTorn
	}
	id = field(head, idField)
	sum := sha256.Sum256(body)
	if field(head, sumField) != hex.EncodeToString(sum[:]) {
		return id, errTorn
	}
	return id, nil
}

func field(head []byte, name string) string {
	_, rest, ok := bytes.Cut(head, []byte("\r\n"+name+": "))
	if !ok {
		return ""
	}
	value, _, _ := bytes.Cut(rest, []byte("\r\n"))
	return string(value)
}

// TestTornMessagesAreSeen shows that the checksum can fail.
func TestTornMessagesAreSeen(t *testing.T) {
	m := "Return-Path: <x@example.com>\r\n" + compose(rand.New(rand.NewPCG(1, 1)), "m-1", "a@example.com", "b@example.com")
	if id, err := identify([]byte(m)); id != "m-1" || err != nil {
		t.Fatalf("a whole message: %q %v", id, err)
	}
	for name, broken := range map[string]string{
		"cut":      m[:len(m)-2],
		"changed":  m[:len(m)-10] + "XX" + m[len(m)-8:],
		"longer":   m + "\r\n",
		"headless": m[:100],
	} {
		if _, err := identify([]byte(broken)); err == nil {
			t.Errorf("%s: not seen", name)
		}
	}
}
