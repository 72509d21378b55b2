package sendmail

import (
	"bytes"
	"slices"
	"strings"

	"barid/rfc/addr"
	"barid/rfc/header"
)

// maxRecipients is how many addresses one call may name.
const maxRecipients = 10_000

// Envelope is who sends to whom.
type Envelope struct {
	From addr.Path
	To   []addr.Mailbox // each once
}

// utf8 tells whether the envelope can only be said with SMTPUTF8.
func (e *Envelope) utf8() bool {
	return e.From.NeedsUTF8() || slices.ContainsFunc(e.To, addr.Mailbox.NeedsUTF8)
}

// Plan finds sender and recipients, and completes the header section of l: addresses without a domain get host,
// the server's name; a From field is made if a full name was given and there is none. user is who runs the
// command.
func Plan(o *Options, l *Letter, user, host string) (Envelope, error) {
	e := Envelope{From: addr.Path{Mailbox: addr.Mailbox{Local: user, Domain: host}}}
	if o.From != nil {
		var err error
		if e.From, err = sender(*o.From, host); err != nil {
			return e, err
		}
	}
	args := strings.Join(o.Args, ",")
	if err := e.add(args, host); err != nil {
		return e, err
	}
	if o.Extract {
		for _, v := range recipients(l.Header) {
			if err := e.add(v, host); err != nil {
				return e, err
			}
		}
	}
	if len(e.To) == 0 && o.Extract {
		return e, exit(Usage, nil, "no recipient stands in the header section")
	}
	if len(e.To) == 0 {
		return e, exit(Usage, nil, "no recipient was given")
	}
	l.complete(o, &e, host)
	return e, nil
}

// sender reads what -f says: an address with or without brackets and domain; "" and "<>" are the null one.
func sender(s, host string) (addr.Path, error) {
	if s = strings.TrimSpace(s); s == "" || s == "<>" {
		return addr.Path{Null: true}, nil
	}
	items, err := addr.ParseList(s, 2)
	if err != nil || len(items) != 1 || items[0].Kind != addr.Address || !isWhole(s) {
		return addr.Path{}, exit(Usage, nil, "-f: %q is not an address", s)
	}
	m, err := canonical(items[0], host)
	if err != nil {
		return addr.Path{}, exit(Usage, err, "-f: %q", s)
	}
	return addr.Path{Mailbox: m}, nil
}

// add takes the addresses of a list.
func (e *Envelope) add(list, host string) error {
	items, err := addr.ParseList(list, maxRecipients)
	if err != nil || len(e.To)+len(items) > maxRecipients {
		return exit(Usage, nil, "more than %d recipients", maxRecipients)
	}
	if !isWhole(list) {
		return exit(DataErr, nil, "%q is not a list of addresses with commas between them", list)
	}
	for _, it := range items {
		if it.Kind != addr.Address {
			continue
		}
		m, err := canonical(it, host)
		if err != nil {
			return exit(DataErr, err, "recipient %q", it.Mailbox.Local+at(it.Mailbox.Domain))
		}
		e.To = append(e.To, m)
	}
	e.To = unique(e.To)
	return nil
}

func at(domain string) string {
	if domain == "" {
		return ""
	}
	return "@" + domain
}

// unique keeps the first of each.
func unique(ms []addr.Mailbox) []addr.Mailbox {
	seen := make(map[string]bool, len(ms))
	return slices.DeleteFunc(ms, func(m addr.Mailbox) bool {
		k := m.Local + "@" + m.Domain
		was := seen[k]
		seen[k] = true
		return was
	})
}

func canonical(it addr.Item, host string) (addr.Mailbox, error) {
	if it.Mailbox.Domain == "" && it.Mailbox.Local != "" {
		it.Mailbox.Domain = host
	}
	return it.Canonical()
}

// recipients gives the lists of a header section that name recipients: those of a resent message if there are
// any (RFC 5322 §3.6.6).
func recipients(section []byte) []string {
	var usual, resent []string
	for f := range header.All(section) {
		switch {
		case f.Is("To"), f.Is("Cc"), f.Is("Bcc"):
			usual = append(usual, f.Text())
		case f.Is("Resent-To"), f.Is("Resent-Cc"), f.Is("Resent-Bcc"):
			resent = append(resent, f.Text())
		}
	}
	if len(resent) > 0 {
		return resent
	}
	return usual
}

// complete gives addresses without a domain one, and adds From if a full name is known.
func (l *Letter) complete(o *Options, e *Envelope, host string) {
	var out []byte
	from := false
	for off := 0; off < len(l.Header); {
		f, ok := header.Next(l.Header, off)
		if !ok || f.Len <= 0 {
			out = append(out, l.Header[off:]...)
			break
		}
		off = f.Off + f.Len
		from = from || f.Is("From")
		if v, ok := qualified(f, host); ok {
			out = header.AppendField(out, string(f.Name), v)
		} else {
			out = append(out, f.Raw(l.Header)...)
		}
	}
	if !from && o.FullName != "" && !e.From.Null {
		out = header.AppendField(out, "From", header.EncodePhrase(o.FullName)+" <"+e.From.Mailbox.String()+">")
	}
	l.Header = out
}

// qualified gives the value of a field with the domains that its addresses lack; ok is false if it lacks none, or
// is not understood wholly.
func qualified(f header.Field, host string) (v string, ok bool) {
	if !slices.ContainsFunc([]string{
		"From", "Sender", "Reply-To", "To", "Cc", "Bcc",
		"Resent-From", "Resent-Sender", "Resent-To", "Resent-Cc", "Resent-Bcc",
	}, f.Is) || len(bytes.TrimSpace(f.Value)) == 0 {
		return "", false
	}
	items, err := addr.ParseList(f.Text(), maxRecipients)
	if err != nil || !isWhole(f.Text()) {
		return "", false
	}
	var b strings.Builder
	lacking, separate := false, false
	for _, it := range items {
		if it.Kind == addr.GroupEnd {
			b.WriteString(";")
			separate = true
			continue
		}
		if separate {
			b.WriteString(", ")
		}
		if it.Kind == addr.GroupStart {
			b.WriteString(phrase(it.Name) + ": ")
			separate = false
			continue
		}
		if it.Mailbox.Local == "" {
			return "", false
		}
		m := it.Mailbox
		if m.Domain == "" {
			m.Domain, lacking = host, true
		}
		writeAddress(&b, it.Name, m)
		separate = true
	}
	return b.String(), lacking
}

func writeAddress(b *strings.Builder, name string, m addr.Mailbox) {
	if name == "" {
		b.WriteString(m.String())
		return
	}
	b.WriteString(phrase(name) + " <" + m.String() + ">")
}

// phrase writes a display name; encoded words stay as they are.
func phrase(name string) string {
	if strings.Contains(name, "=?") {
		return name
	}
	return header.EncodePhrase(name)
}
