package diag

import (
	"bytes"
	"io"
	"mime"
	"os"
	"path/filepath"
	"strings"
	"time"

	"barid/base/fault"

	gomail "github.com/emersion/go-message/mail"
)

// Draft is a message to compose. Texts are UTF-8.
type Draft struct {
	From, Subject, Text string
	To                  []string
	Headers             []string // "Name: value", added or replacing
	Attach              []string // files
}

// Compose builds the message with CRLF line ends.
func (d Draft) Compose(now time.Time, host string) ([]byte, error) {
	h, err := d.header(now, host)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := d.write(&b, h); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

func (d Draft) header(now time.Time, host string) (gomail.Header, error) {
	var h gomail.Header
	h.SetDate(now)
	h.SetSubject(d.Subject)
	if err := h.GenerateMessageIDWithHostname(host); err != nil {
		return h, err
	}
	// Addresses are set as text: the library would encode a local part that is not ASCII.
	h.Set("From", d.From)
	h.Set("To", strings.Join(d.To, ", "))
	for _, line := range d.Headers {
		name, value, ok := strings.Cut(line, ":")
		if !ok || strings.ContainsAny(line, "\r\n\x00") || strings.ContainsAny(name, " \t") || name == "" {
			return h, fault.New("B2008", "%q is not a header field", line).WithExit(fault.ExitUsage).WithFix(`--header "X-Test: 1"`)
		}
		h.SetText(name, strings.TrimSpace(value))
	}
	return h, nil
}

func (d Draft) write(b *bytes.Buffer, h gomail.Header) error {
	text := strings.ReplaceAll(strings.ReplaceAll(d.Text, "\r\n", "\n"), "\n", "\r\n")
	if !strings.HasSuffix(text, "\r\n") {
		text += "\r\n"
	}
	if len(d.Attach) == 0 {
		h.SetContentType("text/plain", map[string]string{"charset": "utf-8"})
		h.Set("Content-Transfer-Encoding", "quoted-printable")
		w, err := gomail.CreateSingleInlineWriter(b, h)
		if err != nil {
			return err
		}
		return writeAndClose(w, strings.NewReader(text))
	}
	w, err := gomail.CreateWriter(b, h)
	if err != nil {
		return err
	}
	var ih gomail.InlineHeader
	ih.SetContentType("text/plain", map[string]string{"charset": "utf-8"})
	ih.Set("Content-Transfer-Encoding", "quoted-printable")
	iw, err := w.CreateSingleInline(ih)
	if err != nil {
		return err
	}
	if err := writeAndClose(iw, strings.NewReader(text)); err != nil {
		return err
	}
	for _, file := range d.Attach {
		if err := attach(w, file); err != nil {
			return err
		}
	}
	return w.Close()
}

func attach(w *gomail.Writer, file string) error {
	f, err := os.Open(file)
	if err != nil {
		return fault.New("B2009", "the attachment can not be read").Wrap(err).WithExit(fault.ExitUsage)
	}
	defer f.Close()
	kind := mime.TypeByExtension(filepath.Ext(file))
	if kind == "" {
		kind = "application/octet-stream"
	}
	var h gomail.AttachmentHeader
	h.Set("Content-Type", kind)
	h.Set("Content-Transfer-Encoding", "base64")
	h.SetFilename(filepath.Base(file))
	aw, err := w.CreateAttachment(h)
	if err != nil {
		return err
	}
	return writeAndClose(aw, f)
}

func writeAndClose(w io.WriteCloser, r io.Reader) error {
	if _, err := io.Copy(w, r); err != nil {
		return err
	}
	return w.Close()
}
