package wire

import (
	"fmt"
	"strconv"
	"strings"
)

// An IMAP is a connection that tags commands.
type IMAP struct {
	*Conn
	n int
}

// A Result is what came in answer to one IMAP command.
type Result struct {
	Untagged []string // responses without "* ", literals in place
	Tagged   string   // "OK done"
}

// OK tells whether the command was done.
func (r Result) OK() bool { return strings.HasPrefix(r.Tagged, "OK") }

// DialIMAP connects to a port with TLS from the start and reads the greeting.
func DialIMAP(addr, from string) (*IMAP, error) {
	c, err := DialTLS(addr, from)
	if err != nil {
		return nil, err
	}
	line, err := c.Line()
	if err == nil && !strings.HasPrefix(line, "* OK") {
		err = &Unexpected{What: "the connection", Got: line}
	}
	if err != nil {
		_ = c.Close() // the first error is the one to show
		return nil, err
	}
	return &IMAP{Conn: c}, nil
}

// LoginIMAP connects and logs in.
func LoginIMAP(addr, from, user, password string) (*IMAP, error) {
	c, err := DialIMAP(addr, from)
	if err != nil {
		return nil, err
	}
	r, err := c.Do("LOGIN " + literal(user) + " " + literal(password))
	if err == nil && !r.OK() {
		err = &Unexpected{What: "LOGIN", Got: r.Tagged}
	}
	if err != nil {
		_ = c.Close() // the first error is the one to show
		return nil, err
	}
	return c, nil
}

// literal is a string that is sent without waiting (RFC 7888).
func literal(s string) string { return "{" + strconv.Itoa(len(s)) + "+}\r\n" + s }

// Literal gives s as a literal that is sent without waiting (RFC 7888).
func Literal(s string) string { return literal(s) }

// Do sends a command without its tag and CRLF, and reads up to its tagged response.
func (c *IMAP) Do(command string) (Result, error) {
	tag, err := c.Begin(command)
	if err != nil {
		return Result{}, err
	}
	return c.End(tag)
}

// Begin sends a command.
func (c *IMAP) Begin(command string) (tag string, err error) {
	c.n++
	tag = "c" + strconv.Itoa(c.n)
	return tag, c.Put(tag + " " + command + "\r\n")
}

// End reads up to the tagged response of tag.
func (c *IMAP) End(tag string) (Result, error) {
	var r Result
	for {
		text, err := c.Response()
		if err != nil {
			return r, err
		}
		if rest, ok := strings.CutPrefix(text, tag+" "); ok {
			r.Tagged = rest
			return r, nil
		}
		if rest, ok := strings.CutPrefix(text, "* "); ok {
			r.Untagged = append(r.Untagged, rest)
			continue
		}
		return r, fmt.Errorf("wire: %.100q in answer to %s", text, tag)
	}
}

// Response reads one response with its literals.
func (c *Conn) Response() (string, error) {
	var b strings.Builder
	for {
		line, err := c.Line()
		if err != nil {
			return b.String() + line, err
		}
		b.WriteString(line)
		n, ok := announced(line)
		if !ok {
			return b.String(), nil
		}
		octets, err := c.Octets(n)
		if err != nil {
			return b.String(), err
		}
		b.WriteString("\r\n")
		b.Write(octets)
	}
}

// announced gives the size of the literal that a line ends with.
func announced(line string) (n int, ok bool) {
	if !strings.HasSuffix(line, "}") {
		return 0, false
	}
	i := strings.LastIndexByte(line, '{')
	if i < 0 {
		return 0, false
	}
	n, err := strconv.Atoi(line[i+1 : len(line)-1])
	return n, err == nil && n >= 0
}

// Fetched is one FETCH response: its items by their upper-case names, "UID", "FLAGS", "BODY[]".
type Fetched struct {
	Seq   int
	Items map[string]Node
}

// UID is the message's; 0 if it was not told.
func (f Fetched) UID() uint32 {
	n, _ := strconv.ParseUint(f.Items["UID"].Text, 10, 32) // no number is 0
	return uint32(n)
}

// Fetches gives the FETCH responses of r.
func (r Result) Fetches() ([]Fetched, error) {
	var out []Fetched
	for _, u := range r.Untagged {
		seq, rest, _ := strings.Cut(u, " ")
		rest, ok := strings.CutPrefix(rest, "FETCH ")
		if !ok {
			continue
		}
		nodes, err := Parse(rest)
		if err != nil {
			return out, fmt.Errorf("%w in %.200q", err, u)
		}
		n, err := strconv.Atoi(seq)
		if err != nil || len(nodes) != 1 || nodes[0].Kind != List || len(nodes[0].List)%2 != 0 {
			return out, fmt.Errorf("wire: %.200q is no FETCH response", u)
		}
		f := Fetched{Seq: n, Items: map[string]Node{}}
		for l := nodes[0].List; len(l) > 0; l = l[2:] {
			f.Items[strings.ToUpper(l[0].Text)] = l[1]
		}
		out = append(out, f)
	}
	return out, nil
}
