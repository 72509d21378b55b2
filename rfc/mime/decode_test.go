package mime

import (
	"bytes"
	"encoding/base64"
	"io"
	"math/rand/v2"
	"mime/quotedprintable"
	"strings"
	"testing"
	"testing/iotest"
)

func decodeAll(t testing.TB, in, encoding string) string {
	t.Helper()
	whole, err := io.ReadAll(Decode(strings.NewReader(in), encoding))
	if err != nil {
		t.Fatal(err)
	}
	for name, r := range map[string]io.Reader{
		"one byte": iotest.OneByteReader(strings.NewReader(in)), "data with EOF": iotest.DataErrReader(strings.NewReader(in)),
	} {
		pieces, err := io.ReadAll(iotest.HalfReader(Decode(r, encoding)))
		if err != nil || !bytes.Equal(pieces, whole) {
			t.Errorf("%s of %.40q gives %.60q, at once %.60q (%v)", name, in, pieces, whole, err)
		}
	}
	return string(whole)
}

func TestDecodeTransferEncodings(t *testing.T) {
	tests := []struct{ encoding, in, want string }{
		{"7BIT", "a=20b", "a=20b"},
		{"", "x", "x"},
		{"X-unknown", "x", "x"},
		{"BASE64", "aGVsbG8=", "hello"},
		{"base64", "aGVs\r\nbG8=\r\n", "hello"},
		{"BASE64", "aGVsbG8", "hello"},
		{"BASE64", "aGVs!bG8= junk", "hello\x8e\xe9\xe4"},
		{"BASE64", "aGVsbG8=aGVsbG8=", "hellohello"},
		{"BASE64", "", ""},
		{"BASE64", "====", ""},
		{"BASE64", "a", ""},
		{"BASE64", "aG", "h"},
		{"QUOTED-PRINTABLE", "caf=C3=A9", "café"},
		{"quoted-printable", "a=\r\nb", "ab"},
		{"QUOTED-PRINTABLE", "a=\nb", "ab"},
		{"QUOTED-PRINTABLE", "a= \t\r\nb", "ab"},
		{"QUOTED-PRINTABLE", "a  \r\nb \n", "a\r\nb\n"},
		{"QUOTED-PRINTABLE", "a =\r\n", "a "},
		{"QUOTED-PRINTABLE", "=c3=a9", "é"},
		{"QUOTED-PRINTABLE", "100% = x =ZZ =4", "100% = x =ZZ =4"},
		{"QUOTED-PRINTABLE", "a=", "a"},
		{"QUOTED-PRINTABLE", "a=\r", "a"},
		{"QUOTED-PRINTABLE", "a=\rb", "a=\rb"},
		{"QUOTED-PRINTABLE", "a \rb", "a \rb"},
		{"QUOTED-PRINTABLE", "a=20\r\n", "a \r\n"},
		{"QUOTED-PRINTABLE", "\xff=", "\xff"},
		{"QUOTED-PRINTABLE", "a   ", "a"},
		{"QUOTED-PRINTABLE", "=3D=3d", "=="},
		{"X-UUENCODE", "junk\r\nbegin 644 x\r\n#0V%T\r\n%:&5L;&\\\r\n`\r\nend\r\nrest", "Cathello"},
	}
	for _, tt := range tests {
		if got := decodeAll(t, tt.in, tt.encoding); got != tt.want {
			t.Errorf("Decode(%q, %s) = %q, want %q", tt.in, tt.encoding, got, tt.want)
		}
	}
}

// TestLongBodiesDecode crosses every buffer border with text whose parts depend on what follows.
func TestLongBodiesDecode(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 20 {
		b := make([]byte, 9000+r.IntN(2000))
		for i := range b {
			b[i] = "abc =\t\xd8\xb3."[r.IntN(9)]
		}
		var qp bytes.Buffer
		w := quotedprintable.NewWriter(&qp)
		w.Binary = true
		w.Write(b)
		w.Close()
		if got := decodeAll(t, qp.String(), "QUOTED-PRINTABLE"); got != string(b) {
			t.Fatalf("quoted-printable of %d bytes is damaged", len(b))
		}
		if got := decodeAll(t, base64.StdEncoding.EncodeToString(b), "BASE64"); got != string(b) {
			t.Fatalf("base64 of %d bytes is damaged", len(b))
		}
	}
	blanks := "a" + strings.Repeat(" ", 3*decodeBuffer) + "b" // more blanks than the buffer holds
	whole, err := io.ReadAll(Decode(strings.NewReader(blanks), "QUOTED-PRINTABLE"))
	if err != nil || !strings.HasPrefix(string(whole), "a") || !strings.HasSuffix(string(whole), "b") {
		t.Errorf("many blanks: %d bytes, %v", len(whole), err)
	}
}

func TestText(t *testing.T) {
	for _, tt := range []struct{ header, body, want string }{
		{"Content-Type: text/plain; charset=windows-1256\r\nContent-Transfer-Encoding: quoted-printable", "=E3=D1=CD=C8=C7", "مرحبا"},
		{"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64", "2LPZhNin2YU=", "سلام"},
		{"Content-Type: text/plain", "\xe3\xd1\xcd\xc8\xc7 \xc8\xdf\xe3", "مرحبا بكم"},
		{"Subject: x", "سلام", "سلام"},
		{"Content-Type: text/plain; charset=\"iso-8859-6-i\"\r\nContent-Transfer-Encoding: 8bit", "\xe5\xd1\xcd\xc8\xc7", "مرحبا"},
		{"Content-Type: text/plain; charset=utf-7", "+BkUGMQ-", "مر"},
	} {
		raw := tt.header + "\r\n\r\n" + tt.body
		p := Scan([]byte(raw), DefaultLimits()).Root
		got, err := io.ReadAll(p.Text(strings.NewReader(raw[p.BodyOff:p.End])))
		if err != nil || string(got) != tt.want {
			t.Errorf("%s: %q, %v; want %q", tt.header, got, err, tt.want)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, s := range []string{"a=\r\n =C3=A9 \t\r\n=", "aGVsbG8=\r\n", "begin 644 x\n#0V%T\nend"} {
		for kind := range byte(3) {
			f.Add(kind, s)
		}
	}
	f.Fuzz(func(t *testing.T, kind byte, s string) {
		got := decodeAll(t, s, [...]string{"BASE64", "QUOTED-PRINTABLE", "X-UUENCODE"}[kind%3])
		if kind%3 < 2 && len(got) > len(s) {
			t.Fatalf("%d bytes become %d", len(s), len(got))
		}
	})
}
