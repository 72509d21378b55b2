package outbound

import (
	"encoding/json"
	"fmt"
	"path"
	"strconv"
	"strings"
	"testing"
	"time"

	"barid/e2e/hostile/wire"
	"barid/e2e/server"
	"barid/e2e/sink"
	"barid/e2e/world"

	"golang.org/x/tools/txtar"
)

// How long a step may wait for what it wants; the second is for scenarios that must fail.
const (
	patience      = 90 * time.Second
	shortPatience = 3 * time.Second
)

// sender is the login that sends; its INBOX is where reports come.
const sender = "info@" + server.Domain

// usualZone is the world of a scenario without a file "zone".
const usualZone = `$ORIGIN example.net.
$TTL 0
@   MX 10 mx
mx  A 127.0.4.1
`

// usualLetter is what is sent by a scenario without a file "letter".
const usualLetter = "Subject: hello\n\n.a line that begins with a dot\nthe last line\n"

// player plays one scenario.
type player struct {
	t        *testing.T
	s        *server.Server
	w        *world.World
	port     string
	ids      *identities
	peers    map[string]*sink.Sink
	expire   string
	patience time.Duration

	letter string // with LF
	sent   int
	begun  bool
	id     string // Message-ID of the last message
}

func newPlayer(t *testing.T, a *txtar.Archive) *player {
	t.Helper()
	p := &player{t: t, peers: map[string]*sink.Sink{}, ids: newIdentities(t), expire: "1h", patience: patience, letter: usualLetter}
	zones := []string{}
	for _, f := range a.Files {
		switch path.Ext("." + f.Name) {
		case ".zone":
			zones = append(zones, string(f.Data))
		case ".letter":
			p.letter = string(f.Data)
		default:
			t.Fatalf("nobody reads the file %s", f.Name)
		}
	}
	if len(zones) == 0 {
		zones = append(zones, usualZone)
	}
	p.w = world.Start(t, zones...)
	_, p.port, _ = strings.Cut(server.FreeAddress(t), ":")
	return p
}

func play(t *testing.T, a *txtar.Archive) {
	t.Helper()
	p := newPlayer(t, a)
	if err := p.play(string(a.Comment)); err != nil {
		t.Error(err)
		for name, k := range p.peers {
			t.Logf("what %s heard and said:\n%s", name, lastOf(strings.Join(k.Lines(), "\n")))
		}
		if p.id != "" {
			out, _, _ := p.s.Run("trace", "msg", p.id)
			t.Logf("barid trace msg:\n%s", out)
		}
	}
}

func lastOf(s string) string { return s[max(0, len(s)-4000):] }

func (p *player) play(dialog string) error {
	for n, line := range strings.Split(dialog, "\n") {
		if line == "" || line[0] == '#' {
			continue
		}
		if err := p.step(line); err != nil {
			return fmt.Errorf("line %d: %s\n%w", n+1, line, err)
		}
	}
	return nil
}

func (p *player) step(line string) error {
	head, rest, ok := strings.Cut(line, ":")
	words := strings.Fields(head)
	if !ok || len(words) == 0 {
		return fmt.Errorf("not a step")
	}
	rest = strings.TrimSpace(rest)
	switch words[0] {
	case "expire":
		p.expire = rest
		return nil
	case "peer":
		return p.peer(words[1:], rest)
	}
	p.begin()
	switch words[0] {
	case "at":
		return p.behave(p.peers[words[1]], rest)
	case "dns":
		return p.w.Knob(words[1], rest)
	case "send":
		return p.send(strings.Fields(rest))
	case "arrives":
		return p.arrives(words[1], rest)
	case "report":
		return p.report(rest)
	case "queue":
		return p.queue(rest)
	case "trace":
		return p.trace(rest)
	case "memory":
		return p.memory(rest)
	case "retry":
		p.s.Must("queue", "retry", "--all")
		return nil
	case "forget":
		p.s.Must("relay", "tls", "forget", rest)
		return nil
	case "restart":
		p.s.Kill()
		p.s.Boot()
		return nil
	}
	return fmt.Errorf("nobody knows how to %q", words[0])
}

// begin starts the server, once.
func (p *player) begin() {
	if p.begun {
		return
	}
	p.begun = true
	p.s = server.Start(p.t, server.Options{
		Resolver: p.w.Addr(), Env: []string{"SSL_CERT_FILE=" + p.ids.file, "SSL_CERT_DIR=" + p.t.TempDir()},
		Settings: fmt.Sprintf("[log]\nlevel = \"warn\"\n[outbound]\nport = %s\nallow_private = true\nfirst_retry = \"1s\"\nmax_retry = \"2s\"\nexpire = %q\n", p.port, p.expire),
	})
}

// peer starts a server of others, or puts a new one in the place of an old one.
func (p *player) peer(words []string, rest string) error {
	if len(words) < 2 {
		return fmt.Errorf("a peer has a name and a number")
	}
	o := sink.Options{Name: words[0], Addr: "127.0.4." + words[1] + ":" + p.port}
	for _, w := range words[2:] {
		key, value, _ := strings.Cut(w, "=")
		switch key {
		case "certificate":
			o.TLS = p.ids.server(value, time.Now().Add(time.Hour))
		case "expired":
			o.TLS = p.ids.server(value, time.Now().Add(-time.Minute))
		case "without":
			o.Without = strings.Split(value, ",")
		default:
			return fmt.Errorf("a peer knows no %q", w)
		}
	}
	if old := p.peers[words[0]]; old != nil {
		old.Stop()
	}
	k := sink.Start(p.t, o)
	p.peers[words[0]] = k
	if rest == "" {
		return nil
	}
	return p.behave(k, rest)
}

// behave sets what a peer does at a stage.
func (p *player) behave(k *sink.Sink, text string) error {
	if k == nil {
		return fmt.Errorf("there is no such peer")
	}
	stage, b, err := sink.ParseBehaviour(text)
	if err == nil {
		k.Set(stage, b)
	}
	return err
}

// send gives a message to the server as a login does.
func (p *player) send(to []string) error {
	p.sent++
	p.id = fmt.Sprintf("<%d@client.example>", p.sent)
	c, err := wire.Submission(p.s.Addr["submission"], "127.0.0.1", sender, server.Password, false)
	if err != nil {
		return err
	}
	defer c.Close()
	text := "From: <" + sender + ">\nMessage-ID: " + p.id + "\n" + p.letter
	r, err := c.Send(sender, to, wire.Stuff(strings.ReplaceAll(text, "\n", "\r\n")))
	if err == nil && r.Code != 250 {
		err = fmt.Errorf("the submission was answered %s", r)
	}
	return err
}

// wait calls look until it is satisfied.
func (p *player) wait(look func() error) error {
	for end := time.Now().Add(p.patience); ; {
		err := look()
		if err == nil || time.Now().After(end) {
			return err
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// arrives waits until a peer has taken so many messages, all of them whole.
func (p *player) arrives(name, count string) error {
	n, err := strconv.Atoi(count)
	k := p.peers[name]
	if err != nil || k == nil {
		return fmt.Errorf("not a number of messages at a peer")
	}
	_, body, _ := strings.Cut(strings.ReplaceAll(p.letter, "\n", "\r\n"), "\r\n\r\n")
	return p.wait(func() error {
		if k.Count() != n {
			return fmt.Errorf("%d messages have arrived", k.Count())
		}
		for _, m := range k.Messages() {
			if strings.HasPrefix(m.Answer, "2") && !strings.HasSuffix(m.Body, "\r\n\r\n"+body) {
				return fmt.Errorf("arrived as %q", m.Body)
			}
		}
		return nil
	})
}

// report waits for a report: "failed 5.1.1 nobody@example.net *words*", or for "none" in all.
func (p *player) report(want string) error {
	action, rest, _ := strings.Cut(want, " ")
	status, rest, _ := strings.Cut(rest, " ")
	to, words, _ := strings.Cut(rest, " ")
	return p.wait(func() error {
		all, err := inboxOf(p.s)
		if err != nil {
			return err
		}
		if action == "none" {
			if len(all) > 0 {
				return fmt.Errorf("there is one:\n%s", all[0])
			}
			return nil
		}
		for _, m := range all {
			if isReport(m, action, status, to) && (words == "" || match(words, strings.ReplaceAll(m, "\n", " "))) {
				return nil
			}
		}
		return fmt.Errorf("not among %d reports:\n%s", len(all), strings.Join(all, "\n"))
	})
}

// isReport tells whether a message is a report with a group for a recipient.
func isReport(m, action, status, to string) bool {
	if !strings.HasPrefix(m, "Return-Path: <>\n") {
		return false
	}
	for _, block := range strings.Split(m, "\n\n") {
		if strings.Contains(block, "\nAction: "+action) && strings.Contains(block, "\nStatus: "+status) && strings.Contains(block, ";"+to+"\n") {
			return true
		}
	}
	return false
}

// queue waits until the queue is "empty", or holds "N TEXT": entries that were tried, with a text in the last answer.
func (p *player) queue(want string) error {
	return p.wait(func() error {
		out := p.s.Must("queue", "list", "--all", "--limit", "0", "--json")
		if want == "empty" {
			if out != "" {
				return fmt.Errorf("it holds\n%s", out)
			}
			return nil
		}
		count, text, _ := strings.Cut(want, " ")
		n := 0
		for line := range strings.Lines(out) {
			var e struct {
				Attempts   int
				Recipients []struct {
					DelayReason string `json:"delay_reason"`
				}
			}
			if err := json.Unmarshal([]byte(line), &e); err != nil {
				return err
			}
			if text == "" || e.Attempts > 0 && len(e.Recipients) > 0 && match(text, e.Recipients[0].DelayReason) {
				n++
			}
		}
		if strconv.Itoa(n) != count {
			return fmt.Errorf("%d do; it holds\n%s", n, out)
		}
		return nil
	})
}

// trace waits for a line of the trace of the last message.
func (p *player) trace(pattern string) error {
	return p.wait(func() error {
		out := p.s.Must("trace", "msg", p.id)
		for line := range strings.Lines(out) {
			if match(pattern, strings.TrimRight(line, "\n")) {
				return nil
			}
		}
		return fmt.Errorf("no such line in\n%s", out)
	})
}
