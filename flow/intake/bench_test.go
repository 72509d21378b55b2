package intake

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"strconv"
	"strings"
	"testing"
	"time"

	"barid/base/kv"
	"barid/flow/deliver/local"
	"barid/flow/policy"
	"barid/mail/event"
	"barid/mail/mailbox"
	"barid/rfc/addr"
	"barid/rfc/smtp"
)

// null is a store that keeps nothing, so that the benchmark shows what intake and the parser cost.
type null struct{ n int64 }

func (*null) Create(context.Context) (kv.BlobWriter, error)          { return &null{}, nil }
func (*null) Open(context.Context, kv.BlobID) (kv.BlobReader, error) { return nil, kv.ErrNotFound }
func (w *null) Write(p []byte) (int, error)                          { w.n += int64(len(p)); return len(p), nil }
func (w *null) Size() int64                                          { return w.n }
func (*null) Commit(_, _ []byte) (kv.BlobID, error)                  { return kv.BlobID{1}, nil }
func (*null) Close() error                                           { return nil }

type nobody struct{}

type nothing struct{}

func (nothing) Record(event.Event) {}

func (nobody) Deliver(_ context.Context, _ *mailbox.Message, to []local.Recipient, _ ...mailbox.Also) ([]mailbox.Delivered, error) {
	return make([]mailbox.Delivered, len(to)), nil
}

// BenchmarkMessage is a transaction with one recipient: MAIL, RCPT, DATA of the given size, log line included.
func BenchmarkMessage(b *testing.B) {
	head := "Received: from a.other.test (a.other.test [198.51.100.7]) by b.other.test with ESMTPS id x; Sun, 22 Nov 2026 09:58:00 +0000\r\n" +
		"DKIM-Signature: v=1; a=rsa-sha256; d=other.test; s=s1;\r\n\th=from:to:subject; bh=" + strings.Repeat("B", 43) + "=;\r\n\tb=" + strings.Repeat("b", 342) + "\r\n" +
		"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nX-Mailer: x\r\n" + plain[:strings.Index(plain, "\r\n\r\n")+4]
	for _, size := range []int{4 << 10, 50 << 10} {
		text := []byte(head + strings.Repeat(strings.Repeat("w", 70)+"\r\n", (size-len(head))/72))
		b.Run(strconv.Itoa(size>>10)+"KiB", func(b *testing.B) {
			in := New(Deps{
				Settings: Settings{Host: host}, Blobs: &null{}, Router: town{}, Local: nobody{}, Events: nothing{},
				Policy: policy.NewRunner(nil, policy.DefaultSettings(), nil),
				Log:    slog.New(slog.NewJSONHandler(io.Discard, nil)), Now: time.Now,
			})
			ctx := context.Background()
			from, to := addr.Path{Mailbox: addr.Mailbox{Local: "sender", Domain: "other.test"}}, addr.Path{Mailbox: addr.Mailbox{Local: "one", Domain: "example.test"}}
			body := bytes.NewReader(nil)
			c := stranger()
			b.ReportAllocs()
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				tx, err := in.Begin(ctx, c, from, smtp.MailParams{Size: int64(len(text))})
				if err != nil {
					b.Fatal(err)
				}
				if err := tx.Rcpt(ctx, to, smtp.RcptParams{}); err != nil {
					b.Fatal(err)
				}
				body.Reset(text)
				if _, err := tx.Data(ctx, body); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
