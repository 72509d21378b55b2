package outbound

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"barid/e2e/hostile/wire"
	"barid/e2e/server"
)

// match tells whether a pattern with * for any text is all of s.
func match(pattern, s string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == s
	}
	first, last := parts[0], parts[len(parts)-1]
	if !strings.HasPrefix(s, first) || !strings.HasSuffix(s[len(first):], last) {
		return false
	}
	s = s[len(first) : len(s)-len(last)]
	for _, part := range parts[1 : len(parts)-1] {
		_, rest, ok := strings.Cut(s, part)
		if !ok {
			return false
		}
		s = rest
	}
	return true
}

// inboxOf gives the messages in the sender's INBOX, with LF.
func inboxOf(s *server.Server) ([]string, error) {
	c, err := wire.LoginPOP3(s.Addr["pop3s"], "127.0.0.1", sender, server.Password)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	line, _, err := c.Says("STAT")
	if err != nil {
		return nil, err
	}
	var n int
	if _, err := fmt.Sscanf(line, "+OK %d", &n); err != nil {
		return nil, fmt.Errorf("STAT: %q: %w", line, err)
	}
	out := make([]string, 0, n)
	for i := range n {
		if line, ok, err := c.Says("RETR " + strconv.Itoa(i+1)); err != nil || !ok {
			return nil, fmt.Errorf("RETR: %q: %w", line, err)
		}
		lines, err := c.Lines()
		if err != nil {
			return nil, err
		}
		out = append(out, strings.Join(lines, "\n")+"\n")
	}
	return out, nil
}

// memory wants the server's memory to be below a number of megabytes.
func (p *player) memory(limit string) error {
	want, err := strconv.Atoi(strings.TrimSuffix(limit, "MB"))
	if err != nil {
		return err
	}
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.s.PID()))
	if err != nil {
		return err
	}
	_, rest, _ := strings.Cut(string(b), "VmHWM:")
	kib, err := strconv.Atoi(strings.Fields(rest)[0])
	if err == nil && kib/1024 >= want {
		err = fmt.Errorf("it had %d MB", kib/1024)
	}
	return err
}
