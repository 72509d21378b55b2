package imap

import (
	"testing"

	"barid/rfc/mime"
)

func TestReadEnvelope(t *testing.T) {
	raw := "Date: Mon, 7 Feb 1994 21:52:25 -0800\r\nSubject: a \"quoted\\\" \xd8\xb3\r\nFrom: \"Terry \\\"Gray\" <gray@example.com>, b@example.com\r\n" +
		"To: team: c@example.com, d@example.com;\r\nIn-Reply-To: <1@example.com>\r\nMessage-ID: <2@example.com>\r\n\r\n"
	e := mime.Scan([]byte(raw), mime.DefaultLimits()).Root.Envelope
	wire := AppendEnvelope(nil, e)
	k, ok := ReadEnvelope(wire)
	if !ok {
		t.Fatalf("%q can not be read", wire)
	}
	for _, c := range []struct{ what, got, want string }{
		{"date", string(k.Date), "Mon, 7 Feb 1994 21:52:25 -0800"},
		{"subject", string(k.Subject), "a \"quoted\\\" \xd8\xb3"},
		{"name", string(k.From.Name), e.From[0].Name},
		{"mailbox", string(k.From.Mailbox), "gray"},
		{"host", string(k.From.Host), "example.com"},
		{"group", string(k.To.Mailbox), "team"},
		{"in-reply-to", string(k.InReplyTo), "<1@example.com>"},
		{"message-id", string(k.MessageID), "<2@example.com>"},
	} {
		if c.got != c.want {
			t.Errorf("%s is %q, want %q", c.what, c.got, c.want)
		}
	}
	if k.To.Host != nil || !k.To.More || k.Cc.More {
		t.Errorf("to %+v, cc %+v", k.To, k.Cc)
	}
}

func FuzzReadEnvelope(f *testing.F) {
	f.Add([]byte(`(NIL "x" (("a" NIL "b" "c")) NIL NIL NIL NIL NIL NIL {1}` + "\r\nx)"))
	f.Fuzz(func(t *testing.T, b []byte) {
		ReadEnvelope(b)
		raw := append([]byte("Subject: "), b...)
		if _, ok := ReadEnvelope(AppendEnvelope(nil, mime.Scan(raw, mime.DefaultLimits()).Root.Envelope)); !ok {
			t.Fatalf("what we write of %q can not be read", b)
		}
	})
}

// TestEmptyIsNotAbsent is RFC 3501 §7.4.2: a field that is there with nothing in it is "", one that is not is NIL; the same
// after the structure was stored.
func TestEmptyIsNotAbsent(t *testing.T) {
	m := mime.Scan([]byte("Content-Type: message/rfc822\r\n\r\nSubject:\r\nMessage-ID:  \r\nTo: فروش@example.test\r\nSubject: second\r\n\r\n"), mime.DefaultLimits())
	stored, err := mime.DecodeMessage(m.AppendBinary(nil))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range []*mime.Message{m, stored} {
		want := "(NIL \"\" NIL NIL NIL ((NIL NIL {8}\r\nفروش \"example.test\")) NIL NIL NIL \"\")"
		if got := string(AppendEnvelope(nil, m.Root.Children[0].Envelope)); got != want {
			t.Errorf("%s", got)
		}
	}
}
