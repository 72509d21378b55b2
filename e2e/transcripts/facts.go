package transcripts

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"barid/e2e/server"
)

// run runs a command and keeps what it printed.
func (p *player) run(code, args string) error {
	want := 0
	if code != "" {
		want, _ = strconv.Atoi(code) // digits only
	}
	line, err := fill(args, p.known)
	if err != nil {
		return err
	}
	out, errs, got := p.s.Run(strings.Fields(line)...)
	if got != want {
		return fmt.Errorf("exit code %d, want %d\n%s%s", got, want, out, errs)
	}
	p.printed = strings.Split(strings.TrimSuffix(out+errs, "\n"), "\n")
	return nil
}

func (p *player) wantPrinted(rest string, skip bool) error {
	pt, err := compile(rest, p.known)
	if err != nil {
		return err
	}
	for len(p.printed) > 0 {
		line := p.printed[0]
		p.printed = p.printed[1:]
		switch {
		case pt.match(line, p.known):
			return nil
		case !skip:
			return fmt.Errorf("got  %q\nwant %q", line, rest)
		}
	}
	return fmt.Errorf("nothing more was printed, want %q", rest)
}

// log looks for a line in the server's log. The log comes by a pipe behind what a client hears, so a line that must
// be there is waited for.
func (p *player) log(rest string, wanted bool) error {
	pt, err := compile(rest, p.known)
	if err != nil {
		return err
	}
	for end := time.Now().Add(lineWait); ; time.Sleep(10 * time.Millisecond) {
		line, ok := p.logged(pt)
		switch {
		case ok && !wanted:
			return fmt.Errorf("the log has %q", line)
		case ok || !wanted:
			return nil
		case time.Now().After(end):
			return fmt.Errorf("the log has no such line:\n%s", p.s.Log())
		}
	}
}

func (p *player) logged(pt pattern) (line string, ok bool) {
	for line := range strings.Lines(p.s.Log()) {
		if line = strings.TrimSuffix(line, "\n"); pt.match(line, p.known) {
			return line, true
		}
	}
	return "", false
}

// login opens an IMAP session for the transcript's own purposes.
func (p *player) login(address string) (*conn, error) {
	c, err := dial(p.s.Addr["imaps"], true)
	if err != nil {
		return nil, err
	}
	if _, err := c.line(); err != nil {
		return nil, err
	}
	_, err = c.ask("a LOGIN {" + strconv.Itoa(len(address)) + "+}\r\n" + address + " " + server.Password)
	return c, err
}

// ask sends a command with the tag "a" and gives the untagged lines before its OK.
func (c *conn) ask(command string) ([]string, error) {
	if err := c.say(command + "\r\n"); err != nil {
		return nil, err
	}
	var lines []string
	for {
		line, err := c.line()
		switch {
		case err != nil:
			return nil, err
		case strings.HasPrefix(line, "a OK"):
			return lines, nil
		case strings.HasPrefix(line, "a "):
			return nil, fmt.Errorf("%.60q was answered %q", command, line)
		}
		lines = append(lines, line)
	}
}

// mail puts a message into a mailbox: "ADDRESS MAILBOX FILE FLAG...".
func (p *player) mail(rest string) error {
	f := strings.Fields(rest)
	if len(f) < 3 {
		return fmt.Errorf("want an address, a mailbox and a file")
	}
	text, err := p.wire(f[2])
	if err != nil {
		return err
	}
	c, err := p.login(f[0])
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = c.ask(fmt.Sprintf("a APPEND %s (%s) {%d+}\r\n%s", f[1], strings.Join(f[3:], " "), len(text), text))
	return err
}

var holds = regexp.MustCompile(`^(\S+) (\S+) (?:is (empty)|holds ([0-9]+))$`)

// mailbox counts the messages of a mailbox.
func (p *player) mailbox(rest string) error {
	m := holds.FindStringSubmatch(rest)
	if m == nil {
		return fmt.Errorf("want an address, a mailbox, and \"is empty\" or \"holds N\"")
	}
	c, err := p.login(m[1])
	if err != nil {
		return err
	}
	defer c.Close()
	lines, err := c.ask("a STATUS " + m[2] + " (MESSAGES)")
	if err != nil {
		return err
	}
	want := "* STATUS " + m[2] + " (MESSAGES " + m[4] + ")"
	if m[3] == "empty" {
		want = "* STATUS " + m[2] + " (MESSAGES 0)"
	}
	if len(lines) != 1 || lines[0] != want {
		return fmt.Errorf("got  %q\nwant %q", lines, want)
	}
	return nil
}
