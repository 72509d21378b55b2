package mime

import (
	"bytes"
	"encoding/hex"
	"testing"
)

// TestBinaryFormIsStable: structures are stored, so version 1 must mean the same for ever. If this fails, the
// change needs a new version that still reads the old one.
func TestBinaryFormIsStable(t *testing.T) {
	raw := crlf(`Content-Type: multipart/mixed; boundary=b

--b
Content-Type: text/html; charset=utf-8
Content-Transfer-Encoding: quoted-printable
Content-Language: ar

=D8=B3
--b
Content-Type: message/rfc822
Content-Disposition: attachment; filename*=utf-8''%D8%B3; x-new=1

From: Sales <sales@example.test>
Subject: s

x
--b--
`)
	const want = "0100c90211040401060a0e002d9c020f02010200016221000414056d060000010000057574662d3801026172c00126280e07633103" +
		"010a6174746163686d656e740206030d7574662d38272725443825423302d8b30b782d6e6577000131800200020e0030010000000173" +
		"000001000553616c6573000573616c65730c6578616d706c652e74657374000000000000"
	m := Scan([]byte(raw), DefaultLimits())
	got := hex.EncodeToString(m.AppendBinary(nil))
	if got != want {
		t.Errorf("the form is now\n%s", got)
	}
	stored, err := hex.DecodeString(want)
	if err != nil {
		t.Fatal(err)
	}
	old, err := DecodeMessage(stored)
	if err != nil || show(raw, old.Root) != "MULTIPART/MIXED(TEXT/HTML[=D8=B3] MESSAGE/RFC822(TEXT/PLAIN[x]))" {
		t.Errorf("%v", err)
	}
}

// TestDamagedBinaryIsRefused cuts and changes every byte.
func TestDamagedBinaryIsRefused(t *testing.T) {
	good := Scan([]byte(crlf("Content-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n--b--\n")), DefaultLimits()).AppendBinary(nil)
	for i := range good {
		if _, err := DecodeMessage(good[:i]); err == nil {
			t.Errorf("cut at %d it is taken", i)
		}
		bad := bytes.Clone(good)
		bad[i] ^= 0xFF
		if m, err := DecodeMessage(bad); err == nil {
			checkOffsets(t, m.Root, 0, m.Size)
		}
	}
	if _, err := DecodeMessage(append([]byte{binaryVersion + 1}, good[1:]...)); err == nil {
		t.Error("another version is taken")
	}
}

func checkOffsets(t *testing.T, p *Part, from, to int64) {
	if p.HeaderOff < from || p.BodyOff < p.HeaderOff || p.End < p.BodyOff || p.End > to {
		t.Errorf("[%d,%d,%d) in [%d,%d)", p.HeaderOff, p.BodyOff, p.End, from, to)
	}
	from = p.BodyOff
	for _, c := range p.Children {
		checkOffsets(t, c, from, p.End)
		from = c.End
	}
}
