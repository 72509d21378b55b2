package mime

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"math/rand/v2"
	stdmime "mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"net/textproto"
	"strings"
	"testing"

	"github.com/emersion/go-message"

	"barid/rfc/header"
)

// wellFormed writes a random message that every parser must read alike, and returns it.
func wellFormed(r *rand.Rand) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "From: Info <info@example.test>\r\nSubject: %s\r\nDate: Mon, 02 Jan 2006 15:04:05 -0700\r\nMIME-Version: 1.0\r\n", header.EncodeText("گزارش"))
	writeEntity(&b, r, 0)
	return b.Bytes()
}

func writeEntity(b *bytes.Buffer, r *rand.Rand, depth int) {
	if depth < 4 && r.IntN(3) > 0 {
		boundary := fmt.Sprintf("b%d_%x", depth, r.Uint32())
		fmt.Fprintf(b, "Content-Type: multipart/mixed;\r\n boundary=\"%s\"\r\n\r\n", boundary)
		if r.IntN(2) == 0 {
			b.WriteString("preamble\r\n")
		}
		for range 1 + r.IntN(3) {
			fmt.Fprintf(b, "--%s\r\n", boundary)
			writeEntity(b, r, depth+1)
			b.WriteString("\r\n")
		}
		fmt.Fprintf(b, "--%s--\r\n", boundary)
		return
	}
	text := strings.Repeat("متن and text = \"x\"\r\n", r.IntN(20))
	switch r.IntN(3) {
	case 0:
		fmt.Fprintf(b, "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n%s", text)
	case 1:
		b.WriteString("Content-Type: text/html; charset=\"UTF-8\"\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n")
		w := quotedprintable.NewWriter(b)
		w.Write([]byte(text))
		w.Close()
	default:
		fmt.Fprintf(b, "Content-Type: image/png; name=\"a b.png\"\r\nContent-Transfer-Encoding: base64\r\n\r\n%s", base64.StdEncoding.EncodeToString([]byte(text)))
	}
}

// leaf is what parsers must agree on.
type leaf struct{ typ, raw, decoded string }

func ourLeaves(t *testing.T, raw []byte) []leaf {
	m := Scan(raw, DefaultLimits())
	check(t, string(raw), m)
	var out []leaf
	m.Walk(func(_ []int, p *Part) bool {
		if len(p.Children) == 0 {
			body := string(raw[p.BodyOff:p.End])
			decoded, err := io.ReadAll(Decode(strings.NewReader(body), p.Encoding))
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, leaf{strings.ToLower(p.Type + "/" + p.Subtype), body, string(decoded)})
		}
		return true
	})
	return out
}

// standardLeaves reads with net/mail and mime/multipart.
func standardLeaves(t *testing.T, h textproto.MIMEHeader, body io.Reader) []leaf {
	typ, params, err := stdmime.ParseMediaType(h.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(typ, "multipart/") {
		raw, err := io.ReadAll(body)
		if err != nil {
			t.Fatal(err)
		}
		return []leaf{{typ: typ, raw: string(raw)}}
	}
	var out []leaf
	mr := multipart.NewReader(body, params["boundary"])
	for {
		p, err := mr.NextRawPart()
		if err == io.EOF {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, standardLeaves(t, p.Header, p)...)
	}
}

// libraryLeaves reads with go-message, which decodes.
func libraryLeaves(t *testing.T, raw []byte) []leaf {
	e, err := message.Read(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	var out []leaf
	err = e.Walk(func(_ []int, e *message.Entity, err error) error {
		if err != nil || e.MultipartReader() != nil {
			return err
		}
		typ, _, _ := e.Header.ContentType()
		body, err := io.ReadAll(e.Body)
		out = append(out, leaf{typ: typ, decoded: string(body)})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestAgreesWithOtherParsers(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	parts := 0
	for range 200 {
		raw := wellFormed(r)
		ours := ourLeaves(t, raw)
		parts += len(ours)
		msg, err := mail.ReadMessage(bytes.NewReader(raw))
		if err != nil {
			t.Fatal(err)
		}
		standard := standardLeaves(t, textproto.MIMEHeader(msg.Header), msg.Body)
		library := libraryLeaves(t, raw)
		if len(standard) != len(ours) || len(library) != len(ours) {
			t.Fatalf("%d leaves; net/mail finds %d, go-message %d in\n%s", len(ours), len(standard), len(library), raw)
		}
		for i, l := range ours {
			if l.typ != standard[i].typ || l.raw != standard[i].raw {
				t.Fatalf("leaf %d is %q, net/mail gives %q", i, l, standard[i])
			}
			if l.typ != library[i].typ || l.decoded != library[i].decoded {
				t.Fatalf("leaf %d is %q, go-message gives %q", i, l, library[i])
			}
		}
		date, err := header.Date(header.Get(raw, "Date"))
		if want, _ := msg.Header.Date(); err != nil || !date.Equal(want) {
			t.Fatalf("date %v, net/mail gives %v", date, want)
		}
	}
	if parts < 500 {
		t.Errorf("only %d parts were compared", parts)
	}
}
