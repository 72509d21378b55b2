package wire

import "strings"

// Says sends a POP3 command and reads the first line of the answer; ok tells +OK from -ERR.
func (c *Conn) Says(command string) (line string, ok bool, err error) {
	if err := c.Put(command + "\r\n"); err != nil {
		return "", false, err
	}
	line, err = c.Line()
	return line, strings.HasPrefix(line, "+OK"), err
}

// Lines reads a multi-line answer up to its dot, which is taken away, as is dot-stuffing.
func (c *Conn) Lines() ([]string, error) {
	var out []string
	for {
		line, err := c.Line()
		if err != nil {
			return out, err
		}
		if line == "." {
			return out, nil
		}
		out = append(out, strings.TrimPrefix(line, "."))
	}
}

// LoginPOP3 connects to a port with TLS from the start and logs in.
func LoginPOP3(addr, from, user, password string) (*Conn, error) {
	c, err := DialTLS(addr, from)
	if err != nil {
		return nil, err
	}
	line, err := c.Line()
	for _, command := range []string{"UTF8", "USER " + user, "PASS " + password} {
		if err != nil || !strings.HasPrefix(line, "+OK") {
			break
		}
		line, _, err = c.Says(command)
	}
	if err == nil && !strings.HasPrefix(line, "+OK") {
		err = &Unexpected{What: "POP3 login", Got: line}
	}
	if err != nil {
		_ = c.Close() // the first error is the one to show
		return nil, err
	}
	return c, nil
}
