package interop

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"barid/e2e/corpus"
	"barid/e2e/imap"
	"barid/rfc/header"
)

// compareStructure tells where ENVELOPE, BODYSTRUCTURE and RFC822.SIZE differ from what is true of the message.
func compareStructure(t *testing.T, m corpus.Message, got imap.Fetched, size int) {
	t.Helper()
	if s := got["RFC822.SIZE"]; s != imap.Atom(fmt.Sprint(size)) {
		t.Errorf("%s: RFC822.SIZE %v, want %d", m.Name, s, size)
	}
	env, ok := got["ENVELOPE"].([]any)
	if !ok || len(env) != 10 {
		t.Errorf("%s: ENVELOPE %v", m.Name, got["ENVELOPE"])
		return
	}
	if s := header.DecodeWords(imap.Text(env[1])); s != m.Want.Subject {
		t.Errorf("%s: subject %q, want %q", m.Name, s, m.Want.Subject)
	}
	date := ""
	if d, err := header.Date(imap.Text(env[0])); err == nil {
		date = d.Format(time.RFC3339)
	}
	if date != m.Want.Date {
		t.Errorf("%s: date %q, want %q", m.Name, date, m.Want.Date)
	}
	if from := people(env[2]); strings.Join(from, ", ") != strings.Join(m.Want.From, ", ") {
		t.Errorf("%s: from %q, want %q", m.Name, from, m.Want.From)
	}
	body, ok := got["BODYSTRUCTURE"].([]any)
	if !ok {
		t.Errorf("%s: BODYSTRUCTURE %v", m.Name, got["BODYSTRUCTURE"])
		return
	}
	if got, want := lines(partsOf(body, nil, true)), lines(m.Want.Parts); got != want {
		t.Errorf("%s: parts\n%swant\n%s", m.Name, got, want)
	}
}

// text is a nstring; NIL is "".
// people reads an address list of ENVELOPE (RFC 9051 §7.5.2) the way the corpus writes it.
func people(v any) []string {
	list, _ := v.([]any)
	var out []string
	for _, one := range list {
		a := one.([]any)
		s := "<" + imap.Text(a[2]) + "@" + imap.Text(a[3]) + ">"
		if name := imap.Text(a[0]); name != "" {
			s = header.DecodeWords(name) + " " + s
		}
		out = append(out, s)
	}
	return out
}

// partsOf walks a BODYSTRUCTURE with section numbers. Multiparts have no size there; they get -1.
func partsOf(b []any, path []string, whole bool) []corpus.Part {
	if _, multi := b[0].([]any); multi {
		return multipart(b, path)
	}
	if whole {
		path = append(path[:len(path):len(path)], "1")
	}
	kind := strings.ToLower(imap.Text(b[0]) + "/" + imap.Text(b[1]))
	p := corpus.Part{Path: strings.Join(path, "."), Type: kind, Size: imap.Number(b[6])}
	more := 7
	switch {
	case kind == "message/rfc822" || kind == "message/global":
		more = 10
	case strings.HasPrefix(kind, "text/"):
		more = 8
	}
	disposition := any(nil)
	if len(b) > more+1 {
		disposition = b[more+1]
	}
	p.Name = fileName(b[2], disposition)
	out := []corpus.Part{p}
	if more == 10 {
		out = append(out, partsOf(b[8].([]any), path, true)...)
	}
	return out
}

func multipart(b []any, path []string) []corpus.Part {
	n := 0
	var children []corpus.Part
	for ; n < len(b); n++ {
		c, ok := b[n].([]any)
		if !ok {
			break
		}
		next := append(path[:len(path):len(path)], fmt.Sprint(n+1))
		children = append(children, partsOf(c, next, false)...)
	}
	p := corpus.Part{Path: strings.Join(path, "."), Type: strings.ToLower("multipart/" + imap.Text(b[n])), Size: -1}
	if len(b) > n+2 {
		p.Name = fileName(b[n+1], b[n+2])
	}
	return append([]corpus.Part{p}, children...)
}

// fileName decodes the name out of the parameters as they stand on the wire.
func fileName(params, disposition any) string {
	if d, ok := disposition.([]any); ok && len(d) == 2 {
		if s := param(d[1], "filename"); s != "" {
			return s
		}
	}
	return param(params, "name")
}

func param(v any, name string) string {
	list, _ := v.([]any)
	var field strings.Builder
	field.WriteString("x")
	for i := 0; i+1 < len(list); i += 2 {
		key, val := imap.Text(list[i]), imap.Text(list[i+1])
		if strings.HasSuffix(key, "*") {
			fmt.Fprintf(&field, "; %s=%s", key, val)
		} else {
			fmt.Fprintf(&field, "; %s=\"%s\"", key, strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(val))
		}
	}
	_, params := header.Params([]byte(field.String()), 100)
	s, _ := header.Lookup(params, name)
	return s
}

// lines writes parts one a line, multiparts without their size.
func lines(parts []corpus.Part) string {
	var b strings.Builder
	for _, p := range parts {
		size := fmt.Sprint(p.Size)
		if strings.HasPrefix(p.Type, "multipart/") {
			size = "-"
		}
		fmt.Fprintf(&b, "%s %s %s %q\n", p.Path, p.Type, size, p.Name)
	}
	return b.String()
}
