package smtp

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"barid/mail"
	"barid/serve/listen"
)

// model is what a session should be, told from the standard and without a look at session.go: which commands
// are taken in which state, and what is stored in the end.
type model struct {
	greeted, mail, chunked bool
	from                   string
	rcpts                  int
	body                   strings.Builder
	stored                 []string
}

func (m *model) clear() {
	m.mail, m.chunked, m.rcpts = false, false, 0
	m.body.Reset()
}

// end is the end of a message: the transaction is over, whatever the answer.
func (m *model) end() string {
	defer m.clear()
	if m.from == "disk-full" {
		return "452"
	}
	m.stored = append(m.stored, fmt.Sprintf("%s %d %q", m.from, m.rcpts, m.body.String()))
	return "250"
}

// step is one command with all its octets; it gives the codes of its answers.
type step struct {
	wire string
	code func(m *model) []string
}

func steps() []step {
	one := func(f func(m *model) string) func(m *model) []string {
		return func(m *model) []string { return []string{f(m)} }
	}
	mailFrom := func(from string) step {
		return step{"MAIL FROM:<" + from + "@example.net>\r\n", one(func(m *model) string {
			if !m.greeted || m.mail {
				return "503"
			}
			if from == "refused" {
				return "550"
			}
			m.mail, m.from = true, from
			return "250"
		})}
	}
	rcptTo := func(to, code string) step {
		return step{"RCPT TO:<" + to + "@example.org>\r\n", one(func(m *model) string {
			if !m.mail || m.chunked {
				return "503"
			}
			if code == "250" {
				m.rcpts++
			}
			return code
		})}
	}
	bdat := func(text string, last bool) step {
		wire := fmt.Sprintf("BDAT %d", len(text))
		if last {
			wire += " LAST"
		}
		return step{wire + "\r\n" + text, one(func(m *model) string { return m.bdat(text, last) })}
	}
	hello := func(m *model) string {
		m.clear()
		m.greeted = true
		return "250"
	}
	return []step{
		{"HELO client.example\r\n", one(hello)},
		{"EHLO client.example\r\n", one(hello)},
		mailFrom("sender"), mailFrom("sender"), mailFrom("sender"), mailFrom("refused"), mailFrom("disk-full"),
		rcptTo("info", "250"), rcptTo("info", "250"), rcptTo("demo", "250"), rcptTo("nobody", "550"),
		bdat("a\r\n", true), bdat("b\r\n", false), bdat("", false), bdat("", true), bdat("MAIL FROM:<>\r\n", false), bdat("bare\n", true),
		{"RSET\r\n", one(func(m *model) string { m.clear(); return "250" })},
		{"NOOP\r\n", one(func(*model) string { return "250" })},
		{"VRFY x\r\n", one(func(*model) string { return "252" })},
		{"HELP\r\n", one(func(*model) string { return "214" })},
		{"EXPN x\r\n", one(func(*model) string { return "502" })},
		{"FOO\r\n", one(func(*model) string { return "500" })},
		{"NO\nOP\r\n", one(func(*model) string { return "500" })},
		{"STARTTLS\r\n", one(func(m *model) string {
			if !m.greeted || m.mail {
				return "503"
			}
			return "502"
		})},
		{"AUTH PLAIN\r\n", one(func(m *model) string {
			if !m.greeted || m.mail {
				return "503"
			}
			return "502"
		})},
	}
}

// data is DATA with a message; only where 354 is due may the message follow.
func (m *model) data(text string) (code string) {
	switch {
	case !m.mail || m.chunked:
		return "503"
	case m.rcpts == 0:
		return "554"
	}
	return "354"
}

func (m *model) bdat(text string, last bool) string {
	switch {
	case !m.mail:
		return "503"
	case m.rcpts == 0:
		return "554"
	}
	m.chunked = true
	m.body.WriteString(text)
	if m.from == "disk-full" { // refused without being read: the answer comes when the reader has drained nothing
		return m.end()
	}
	if strings.Contains(text, "bare") {
		m.clear()
		return "550"
	}
	if last {
		return m.end()
	}
	return "250"
}

// TestSessionAgainstModel plays random sequences of commands, pipelined in random groups, and compares every
// code and everything that was stored with the model.
func TestSessionAgainstModel(t *testing.T) {
	const sessions, length = 60, 120
	w := newWorld(t, Settings{
		Role: mail.RoleMX, MaxErrors: 1 << 20, MaxIdleCommands: 1 << 20, MaxBadRecipients: 1 << 20, MaxChunks: 1 << 20,
	}, listen.Config{Limits: listen.Limits{MaxPerNetwork: 1000}})
	all := steps()
	for seed := range uint64(sessions) {
		rnd := rand.New(rand.NewPCG(seed, 42))
		m := &model{}
		before := len(w.in.stored())
		p := w.dial(listen.Plain)
		p.want("220 *")
		var history strings.Builder
		for n := 0; n < length; {
			n += playGroup(t, p, m, rnd, all, &history)
		}
		p.ask("QUIT", "221 *")
		var got []string
		for _, s := range w.in.stored()[before:] {
			got = append(got, fmt.Sprintf("%s %d %q", strings.TrimPrefix(strings.TrimSuffix(s.from, "@example.net>"), "<"), len(s.to), s.body))
		}
		if fmt.Sprint(got) != fmt.Sprint(m.stored) {
			t.Fatalf("seed %d: stored %v, want %v\n%s", seed, got, m.stored, history.String())
		}
	}
}

// playGroup sends a group of commands in one segment and compares the answers.
func playGroup(t *testing.T, p *peer, m *model, rnd *rand.Rand, all []step, history *strings.Builder) (n int) {
	t.Helper()
	var wire strings.Builder
	var want []string
	for n = 1 + rnd.IntN(6); len(want) < n; {
		if rnd.IntN(8) == 0 {
			break
		}
		s := all[rnd.IntN(len(all))]
		wire.WriteString(s.wire)
		want = append(want, s.code(m)...)
	}
	ending := ""
	if rnd.IntN(3) == 0 {
		wire.WriteString("DATA\r\n")
		ending = m.data("")
		want = append(want, ending)
	}
	fmt.Fprintf(history, "%q %v\n", wire.String(), want)
	p.send(wire.String())
	compare(t, p, want, history)
	if ending != "354" {
		return n
	}
	text, code := "Subject: x\r\n\r\ntext\r\n", ""
	if rnd.IntN(4) == 0 {
		text = "bare\rQUIT\r\n"
		m.clear()
		code = "550"
		if m.from == "disk-full" {
			code = "452"
		}
	} else {
		m.body.WriteString(text)
		code = m.end()
	}
	p.send(text + ".\r\n")
	compare(t, p, []string{code}, history)
	return n
}

func compare(t *testing.T, p *peer, want []string, history *strings.Builder) {
	t.Helper()
	for i, code := range want {
		line := p.line()
		for len(line) > 3 && line[3] == '-' {
			line = p.line()
		}
		if !strings.HasPrefix(line, code+" ") {
			t.Fatalf("answer %d: got %q, want %s\n%s", i, line, code, history.String())
		}
	}
}

// FuzzSession throws octets at a session: it must end or wait, keep its transactions in order, and take no
// message whose end did not come.
func FuzzSession(f *testing.F) {
	f.Add("EHLO a\r\nMAIL FROM:<a@example.net>\r\nRCPT TO:<info@example.org>\r\nDATA\r\nx\r\n.\r\nQUIT\r\n")
	f.Add("HELO a\r\nMAIL FROM:<>\r\nRCPT TO:<info@example.org>\r\nBDAT 3\r\nabcBDAT 2 LAST\r\n\r\nQUIT\r\n")
	f.Add("HELO a\r\nMAIL FROM:<>\r\nRCPT TO:<info@example.org>\r\nBDAT 3\r\nabcRSET\r\nRCPT TO:<info@example.org>\r\n")
	f.Add("HELO a\r\nMAIL FROM:<lazy@example.net>\r\nRCPT TO:<info@example.org>\r\nDATA\r\n0123456789\n.\n\r\n.\r\nNOOP\r\n")
	f.Add("\x16\x03\x01")
	f.Fuzz(func(t *testing.T, in string) {
		w := newQuietWorld(in)
		out := w.run()
		w.in.check(t)
		if !strings.HasPrefix(out, "220 ") {
			t.Fatalf("%q: no banner in %q", in, out)
		}
		ends := strings.Count(in, "\r\n.\r\n") + strings.Count(strings.ToUpper(in), "LAST")
		if n := len(w.in.stored()); n > ends {
			t.Fatalf("%q: %d messages from %d ends", in, n, ends)
		}
		for _, line := range strings.SplitAfter(out, "\n") {
			if line != "" && (len(line) < 6 || !strings.HasSuffix(line, "\r\n") || line[0] < '2' || line[0] > '5') {
				t.Fatalf("%q: answered %q", in, line)
			}
		}
	})
}
