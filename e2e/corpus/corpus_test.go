package corpus

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"barid/rfc/header"
	"barid/rfc/mime"
)

func TestCorpus(t *testing.T) {
	all := All()
	if len(all) < 60 {
		t.Fatalf("only %d messages", len(all))
	}
	for _, m := range all {
		t.Run(m.Name, func(t *testing.T) { compare(t, m) })
	}
}

// compare reads a message and tells where it is not as its sidecar says.
func compare(t *testing.T, m Message) {
	got := mime.Scan(m.Raw, mime.DefaultLimits())
	if got.Truncated {
		t.Error("a limit was met")
	}
	if clean := !got.HasNUL && !got.HasBareCR && !got.HasBareLF; clean == m.Want.AppendOnly {
		t.Errorf("appendOnly is %v; NUL %v, bare CR %v, bare LF %v", m.Want.AppendOnly, got.HasNUL, got.HasBareCR, got.HasBareLF)
	}
	env := got.Root.Envelope
	if s := header.DecodeWords(env.Subject); s != m.Want.Subject {
		t.Errorf("Subject %q, want %q", s, m.Want.Subject)
	}
	if from := people(env); strings.Join(from, ", ") != strings.Join(m.Want.From, ", ") {
		t.Errorf("From %q, want %q", from, m.Want.From)
	}
	date := ""
	if d, err := header.Date(env.Date); err == nil {
		date = d.Format(time.RFC3339)
	}
	if date != m.Want.Date {
		t.Errorf("Date %q, want %q", date, m.Want.Date)
	}
	if want, parts := lines(m.Want.Parts), lines(partsOf(got)); want != parts {
		t.Errorf("parts\n%s\nwant\n%s", parts, want)
	}
	if text := firstText(t, m.Raw, got); !strings.Contains(text, m.Want.Text) {
		t.Errorf("text %.300q does not hold %q", text, m.Want.Text)
	}
	stored, err := mime.DecodeMessage(got.AppendBinary(nil))
	if err != nil || lines(partsOf(stored)) != lines(m.Want.Parts) {
		t.Errorf("the stored structure is another one: %v", err)
	}
}

func people(e *mime.Envelope) []string {
	var out []string
	for _, it := range e.From {
		s := "<" + it.Mailbox.Local + "@" + it.Mailbox.Domain + ">"
		if it.Name != "" {
			s = header.DecodeWords(it.Name) + " " + s
		}
		out = append(out, s)
	}
	return out
}

func partsOf(m *mime.Message) []Part {
	var out []Part
	m.Walk(func(path []int, p *mime.Part) bool {
		number := strings.ReplaceAll(strings.Trim(fmt.Sprint(path), "[]"), " ", ".")
		out = append(out, Part{Path: number, Type: strings.ToLower(p.Type + "/" + p.Subtype), Size: p.End - p.BodyOff, Name: p.FileName()})
		return true
	})
	return out
}

func lines(parts []Part) string {
	var b strings.Builder
	for _, p := range parts {
		fmt.Fprintf(&b, "%q %s %d %q\n", p.Path, p.Type, p.Size, p.Name)
	}
	return b.String()
}

// firstText decodes the first text part, "" if there is none.
func firstText(t *testing.T, raw []byte, m *mime.Message) string {
	var text string
	m.Walk(func(_ []int, p *mime.Part) bool {
		if p.Type != "TEXT" {
			return true
		}
		b, err := io.ReadAll(p.Text(bytes.NewReader(raw[p.BodyOff:p.End])))
		if err != nil {
			t.Error(err)
		}
		text = string(b)
		return false
	})
	return text
}

// TestAddressesAreRoles keeps people and real domains out of the corpus.
func TestAddressesAreRoles(t *testing.T) {
	for _, m := range All() {
		for _, f := range header.Scan(m.Raw, 1000) {
			if !f.Is("From") && !f.Is("To") && !f.Is("Cc") && !f.Is("Reply-To") {
				continue
			}
			for _, word := range strings.FieldsFunc(f.Text(), func(r rune) bool { return strings.ContainsRune(" ,;:<>\"()", r) }) {
				_, domain, ok := strings.Cut(word, "@")
				if ok && domain != "" && !strings.HasSuffix(domain, ".test") && !strings.HasSuffix(domain, ".example") &&
					!strings.HasSuffix(domain, "إختبار") && !strings.HasSuffix(domain, "xn--kgbechtv") && domain != "example" {
					t.Errorf("%s: %s", m.Name, word)
				}
			}
		}
	}
}

func TestGet(t *testing.T) {
	if m, ok := Get("eai"); !ok || m.Name != "eai" || len(m.Raw) == 0 || m.Want.About == "" {
		t.Errorf("Get(eai) = %v", ok)
	}
	if _, ok := Get("no_such_message"); ok {
		t.Error("found what is not there")
	}
}
