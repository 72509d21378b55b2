package transcripts

import (
	"fmt"
	"regexp"
	"strings"
)

// pattern is a line with wildcards.
type pattern struct {
	text  string
	exp   *regexp.Regexp
	names []string
}

var wild = regexp.MustCompile(`\*|\{\{[a-z0-9 ._]+\}\}`)

// heard reads a pattern for what a server says: an untagged IMAP response begins with a real star.
func heard(text string, known map[string]string) (pattern, error) {
	rest, untagged := strings.CutPrefix(text, "* ")
	p, err := compile(rest, known)
	if err == nil && untagged {
		p.text = text
		p.exp, err = regexp.Compile(strings.Replace(p.exp.String(), `\A`, `\A\* `, 1))
	}
	return p, err
}

// compile reads a pattern; known are the names that have a value already.
func compile(text string, known map[string]string) (pattern, error) {
	p := pattern{text: text}
	var b strings.Builder
	b.WriteString(`(?s)\A`)
	rest := text
	for rest != "" {
		at := wild.FindStringIndex(rest)
		if at == nil {
			break
		}
		b.WriteString(regexp.QuoteMeta(rest[:at[0]]))
		word := rest[at[0]:at[1]]
		rest = rest[at[1]:]
		name := strings.Trim(word, "{}")
		switch value, ok := known[name]; {
		case word == "*":
			b.WriteString(".*?")
		case ok:
			b.WriteString(regexp.QuoteMeta(value))
		default:
			b.WriteString("(.+?)")
			p.names = append(p.names, name)
		}
	}
	b.WriteString(regexp.QuoteMeta(rest) + `\z`)
	var err error
	p.exp, err = regexp.Compile(b.String())
	return p, err
}

// match tells whether line is like the pattern, and keeps the values of its names in known.
func (p pattern) match(line string, known map[string]string) bool {
	m := p.exp.FindStringSubmatch(line)
	if m == nil {
		return false
	}
	for i, n := range p.names {
		known[n] = m[i+1]
	}
	return true
}

// fill replaces names by their values.
func fill(text string, known map[string]string) (string, error) {
	var err error
	out := wild.ReplaceAllStringFunc(text, func(w string) string {
		if w == "*" {
			return w
		}
		v, ok := known[strings.Trim(w, "{}")]
		if !ok {
			err = fmt.Errorf("%s has no value yet", w)
		}
		return v
	})
	return out, err
}
