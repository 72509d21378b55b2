package mime

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"mime/quotedprintable"
	"strings"
	"testing"

	"github.com/emersion/go-message"
)

// usual is a 50 KiB message: nested multipart, quoted-printable and base64.
func usual() []byte {
	var b bytes.Buffer
	b.WriteString(crlf(`Received: from mx.example.test (mx.example.test [192.0.2.1])
	by mail.example.test with ESMTPS id 0123456789
	for <info@example.test>; Mon, 02 Jan 2006 15:04:05 -0700
DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.test; s=sel;
	h=from:to:subject:date:message-id; bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=;
	b=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA
Date: Mon, 02 Jan 2006 15:04:05 -0700
From: =?UTF-8?B?2YHYsdmI2LQ=?= <sales@example.test>
To: Info <info@example.test>, "Support, Team" <support@example.test>
Subject: =?UTF-8?B?2KrZgtix2YrYsSDYp9mE2YXYqNmK2LnYp9iq?=
Message-ID: <20060102150405.1@example.test>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="outer-0123456789"

This is a message with multiple parts.
--outer-0123456789
Content-Type: multipart/alternative; boundary="inner-0123456789"

--inner-0123456789
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: quoted-printable

`))
	text := strings.Repeat("تقرير المبيعات for the third quarter, with notes.\r\n", 90)
	for _, part := range []string{"", crlf("\n--inner-0123456789\nContent-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\n")} {
		b.WriteString(part)
		w := quotedprintable.NewWriter(&b)
		w.Write([]byte(text))
		w.Close()
	}
	b.WriteString(crlf("\n--inner-0123456789--\n\n--outer-0123456789\nContent-Type: application/pdf; name=\"report.pdf\"\nContent-Disposition: attachment; filename=\"report.pdf\"\nContent-Transfer-Encoding: base64\n\n"))
	data := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte("pdf data "), 2200))
	for ; len(data) > 76; data = data[76:] {
		fmt.Fprintf(&b, "%s\r\n", data[:76])
	}
	fmt.Fprintf(&b, "%s\r\n--outer-0123456789--\r\n", data)
	return b.Bytes()
}

func BenchmarkScanner(b *testing.B) {
	raw := usual()
	s := NewScanner(DefaultLimits())
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		s.Reset()
		s.Write(raw)
		s.Finish()
	}
}

func BenchmarkScanner4KiB(b *testing.B) {
	raw := usual()[:4096]
	s := NewScanner(DefaultLimits())
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		s.Reset()
		s.Write(raw)
		s.Finish()
	}
}

func BenchmarkBinary(b *testing.B) {
	m := Scan(usual(), DefaultLimits())
	bin := m.AppendBinary(nil)
	b.ReportMetric(float64(len(bin)), "bytes")
	b.Run("Append", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			bin = m.AppendBinary(bin[:0])
		}
	})
	b.Run("Decode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			DecodeMessage(bin)
		}
	})
}

// BenchmarkGoMessage walks the same message with the library, for comparison.
func BenchmarkGoMessage(b *testing.B) {
	raw := usual()
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		e, err := message.Read(bytes.NewReader(raw))
		if err != nil {
			b.Fatal(err)
		}
		e.Walk(func(_ []int, e *message.Entity, err error) error {
			if err == nil && e.MultipartReader() == nil {
				io.Copy(io.Discard, e.Body)
			}
			return nil
		})
	}
}

func BenchmarkDecodeQuotedPrintable(b *testing.B) {
	raw := usual()
	p := Scan(raw, DefaultLimits()).Find([]int{1, 1})
	body := raw[p.BodyOff:p.End]
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		io.Copy(io.Discard, Decode(bytes.NewReader(body), p.Encoding))
	}
}

// TestUsualMessageCostsLittle: nothing is allocated for a line, and the structure is small.
func TestUsualMessageCostsLittle(t *testing.T) {
	raw := usual()
	s := NewScanner(DefaultLimits())
	allocs := testing.AllocsPerRun(20, func() {
		s.Reset()
		s.Write(raw)
		s.Finish()
	})
	if lines := bytes.Count(raw, []byte("\n")); allocs > 90 || lines < 500 {
		t.Errorf("%.0f allocations for %d lines", allocs, lines)
	}
	m := Scan(raw, DefaultLimits())
	if n := len(m.AppendBinary(nil)); n > 300 {
		t.Errorf("the binary form has %d bytes", n)
	}
	if len(raw) < 45<<10 || len(raw) > 60<<10 {
		t.Errorf("the message has %d bytes", len(raw))
	}
}
