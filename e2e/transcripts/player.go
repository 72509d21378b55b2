package transcripts

import (
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"barid/e2e/server"
	"barid/e2e/world"

	"golang.org/x/tools/txtar"
)

// player plays one transcript.
type player struct {
	t       testing.TB
	s       *server.Server
	files   map[string]string // with LF
	known   map[string]string // values of {{names}}
	conns   map[string]*conn  // by number, "" is the first
	printed []string          // lines of the last run, not looked at yet
	started bool
}

// Play plays an archive against a server that has its accounts from the folder made, or new ones if made is "".
func Play(t testing.TB, a *txtar.Archive, made string) {
	t.Helper()
	p := &player{t: t, files: map[string]string{}, known: map[string]string{}, conns: map[string]*conn{}}
	for _, f := range a.Files {
		p.files[f.Name] = string(f.Data)
		p.known["size "+f.Name] = strconv.Itoa(len(f.Data) + strings.Count(string(f.Data), "\n"))
	}
	p.prepare(made)
	t.Cleanup(p.close)
	for n, line := range strings.Split(string(a.Comment), "\n") {
		if line == "" || line[0] == '#' {
			continue
		}
		if err := p.step(line); err != nil {
			t.Fatalf("line %d: %s\n%v", n+1, line, err)
		}
	}
}

// prepare makes the server, not started yet.
func (p *player) prepare(made string) {
	o := server.Options{Dir: p.t.TempDir(), Top: p.files["top.toml"], Settings: p.files["tables.toml"]}
	if zone, ok := p.files["zone"]; ok {
		o.Env = []string{"BARID_RESOLVER=" + world.Start(p.t, zone).Addr()}
	}
	if made != "" {
		if err := os.CopyFS(o.Dir, os.DirFS(made)); err != nil {
			p.t.Fatal(err)
		}
		_ = os.Chmod(filepath.Join(o.Dir, "data"), 0o700) // as it was; CopyFS gives all folders 0777
		o.Empty = true
	}
	p.s = server.Prepare(p.t, o)
}

func (p *player) close() {
	for _, c := range p.conns {
		_ = c.Close()
	}
}

// verb splits a line: what to do, on which connection, with what.
var verb = regexp.MustCompile(`^([A-Za-z>]+)([0-9]*)( [0-9]+)?([:<.~=]) ?(.*)$`)

func (p *player) step(line string) error {
	m := verb.FindStringSubmatch(line)
	if m == nil {
		return fmt.Errorf("not a step")
	}
	what, who, code, how, rest := m[1], m[2], strings.TrimSpace(m[3]), m[4], m[5]
	switch what {
	case "domain", "account", "alias":
		p.s.Must(append([]string{what, "add"}, strings.Fields(rest)...)...)
		return nil
	case "run":
		return p.run(code, rest)
	case ">":
		return p.wantPrinted(rest, how == "~")
	}
	p.start()
	switch what {
	case "connect":
		return p.connect(who, rest)
	case "mail":
		return p.mail(rest)
	case "mailbox":
		return p.mailbox(rest)
	case "log", "nolog":
		return p.log(rest, what == "log")
	case "restart":
		p.close()
		p.conns = map[string]*conn{}
		p.s.Kill()
		p.s.Boot()
		return nil
	}
	return p.talk(what, who, how, rest)
}

// start starts the server once.
func (p *player) start() {
	if !p.started {
		p.s.Boot()
		p.started = true
	}
}

// talk does the steps of an open connection.
func (p *player) talk(what, who, how, rest string) error {
	c := p.conns[who]
	if c == nil {
		return fmt.Errorf("no connection is open")
	}
	switch what {
	case "C":
		return p.say(c, how, rest)
	case "S":
		return p.hear(c, how, rest)
	case "tls":
		return c.handshake()
	case "closed":
		return c.wantEnd()
	case "close":
		delete(p.conns, who)
		return c.Close()
	}
	return fmt.Errorf("nobody knows how to %q", what)
}

func (p *player) connect(who, rest string) error {
	protocol, bare := strings.CutSuffix(rest, " bare")
	addr, ok := p.s.Addr[protocol]
	if !ok {
		return fmt.Errorf("no listener %q", protocol)
	}
	c, err := dial(addr, !bare && strings.HasSuffix(protocol, "s"))
	if err == nil {
		p.conns[who] = c
	}
	return err
}

// say sends what the client has to say.
func (p *player) say(c *conn, how, rest string) error {
	switch how {
	case "~":
		octets, err := strconv.Unquote(rest)
		if err != nil {
			return err
		}
		return c.say(octets)
	case "<", ".":
		text, err := p.wire(rest)
		if err != nil {
			return err
		}
		if how == "." {
			text = strings.TrimPrefix(strings.ReplaceAll("\r\n"+text, "\r\n.", "\r\n.."), "\r\n") + ".\r\n"
		}
		return c.say(text)
	}
	line, err := fill(rest, p.known)
	if err != nil {
		return err
	}
	if how == "=" {
		line = base64.StdEncoding.EncodeToString([]byte(line))
	}
	return c.say(line + "\r\n")
}

// hear compares what the server says.
func (p *player) hear(c *conn, how, rest string) error {
	if how == "<" {
		text, err := p.wire(rest)
		if err != nil {
			return err
		}
		return c.wantOctets(text)
	}
	pt, err := heard(rest, p.known)
	if err != nil {
		return err
	}
	return c.want(pt, p.known, how == "~")
}

// wire is a file of the archive as it is on the wire.
func (p *player) wire(name string) (string, error) {
	text, ok := p.files[name]
	if !ok {
		return "", fmt.Errorf("the archive has no file %q", name)
	}
	return strings.ReplaceAll(text, "\n", "\r\n"), nil
}
