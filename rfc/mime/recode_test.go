package mime

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
)

// leaves gives the decoded bodies of a message's leaves, and as they are stored those without NUL that are not binary.
func leaves(t *testing.T, raw string, m *Message) (decoded, stored []string) {
	t.Helper()
	var walk func(p *Part)
	walk = func(p *Part) {
		for _, c := range p.Children {
			walk(c)
		}
		if len(p.Children) > 0 {
			return
		}
		b, err := io.ReadAll(Decode(strings.NewReader(raw[p.BodyOff:p.End]), p.Encoding))
		if err != nil {
			t.Fatal(err)
		}
		decoded = append(decoded, p.Type+"/"+p.Subtype+" "+string(b))
		if !bytes.Contains(b, []byte{0}) && p.Encoding != "BINARY" {
			stored = append(stored, raw[p.HeaderOff:p.End])
		}
	}
	walk(m.Root)
	return decoded, stored
}

// randomPart makes a part of a message; header fields may end where the part does.
func randomPart(r *rand.Rand, depth int) string {
	pick := func(of ...string) string { return of[r.IntN(len(of))] }
	fields := pick("", "Subject: نامه\r\n", "X-Long: a\r\n b\r\n", "not a field\r\n")
	if depth > 0 && r.IntN(3) == 0 {
		b := fmt.Sprintf("b%d-%d", depth, r.IntN(1000))
		out := fields + "Content-Type: multipart/mixed; boundary=" + b + "\r\n" + pick("", "Content-Transfer-Encoding: binary\r\n") + "\r\npreamble"
		for range 1 + r.IntN(3) {
			out += "\r\n--" + b + "\r\n" + randomPart(r, depth-1)
		}
		return out + "\r\n--" + b + "--" + pick("", "\r\n", "\r\nepilogue\r\n")
	}
	if depth > 0 && r.IntN(4) == 0 {
		return fields + "Content-Type: message/rfc822\r\n\r\n" + randomPart(r, depth-1)
	}
	out := pick("", "Content-Type: application/octet-stream\r\n", "Content-Type: text/plain\r\n") +
		pick("", "Content-Transfer-Encoding: binary\r\n", "Content-Transfer-Encoding:\r\n 8bit\r\n", "Content-Transfer-Encoding: quoted-printable\r\n") + fields
	if out != "" && r.IntN(8) == 0 {
		return strings.TrimSuffix(out, "\r\n") // no body, not even an empty line
	}
	return out + "\r\n" + pick("", "text\r\n", "a\x00b", "\x00", "\r\n\x00\r\n", strings.Repeat("\x00\xff", 3000), "bare\nLF")
}

// TestRecodeKeepsWhatPartsHold: the same parts hold the same, nothing has NUL any more, and what needs no other encoding is
// stored octet for octet.
func TestRecodeKeepsWhatPartsHold(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 30))
	for range 3000 {
		raw := randomPart(r, 3)
		before := Scan([]byte(raw), DefaultLimits())
		var out strings.Builder
		if err := Recode(&out, strings.NewReader(raw), before); err != nil {
			t.Fatalf("%q: %v", raw, err)
		}
		after := Scan([]byte(out.String()), DefaultLimits())
		if after.HasNUL {
			t.Fatalf("%q: NUL in %q", raw, out.String())
		}
		wantDecoded, wantStored := leaves(t, raw, before)
		decoded, stored := leaves(t, out.String(), after)
		if fmt.Sprintf("%q", decoded) != fmt.Sprintf("%q", wantDecoded) {
			t.Fatalf("%q became %q\nwith %q, not %q", raw, out.String(), decoded, wantDecoded)
		}
		for _, s := range wantStored {
			if !strings.Contains(out.String(), s) {
				t.Fatalf("%q became %q\nwithout %q of %q", raw, out.String(), s, stored)
			}
		}
	}
}

// TestRecodeGivesUp where no encoding hides NUL, or what is behind it was not looked at.
func TestRecodeGivesUp(t *testing.T) {
	raw := "Content-Type: application/octet-stream\r\nX: " + strings.Repeat("x", maxRecodedHeader) + "\r\n\r\n\x00"
	if err := Recode(io.Discard, strings.NewReader(raw), Scan([]byte(raw), DefaultLimits())); !errors.Is(err, ErrNUL) {
		t.Error(err)
	}
	if err := Recode(io.Discard, strings.NewReader("\x00"), &Message{Truncated: true}); !errors.Is(err, ErrNUL) {
		t.Error(err)
	}
}
