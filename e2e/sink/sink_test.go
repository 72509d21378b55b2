package sink

import (
	"net"
	"strings"
	"testing"

	"barid/rfc/smtp"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// talk opens a connection and reads the greeting.
func talk(t *testing.T, s *Sink) (*smtp.Conn, net.Conn) {
	t.Helper()
	nc, err := net.Dial("tcp", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = nc.Close() })
	c := smtp.NewConn(nc)
	if r, err := c.ReadReply(); err != nil || r.Code != 220 {
		t.Fatal(r, err)
	}
	return c, nc
}

func want(t *testing.T, c *smtp.Conn, line string, code int) smtp.Reply {
	t.Helper()
	r, err := c.Cmd(line)
	if err != nil || r.Code != code {
		t.Fatalf("%s: %v %v, want %d", line, r, err, code)
	}
	return r
}

func TestItIsAServer(t *testing.T) {
	s := Start(t, Options{With: []string{"LIMITS RCPTMAX=2", "SIZE 5000"}, Without: []string{"DSN"}})
	c, _ := talk(t, s)
	r := want(t, c, "EHLO client.test", 250)
	said := strings.Join(r.Lines, "\n")
	if !strings.Contains(said, "LIMITS RCPTMAX=2") || !strings.Contains(said, "SIZE 5000") || strings.Contains(said, "DSN") || strings.Contains(said, "6710") {
		t.Errorf("EHLO: %q", said)
	}
	want(t, c, "RCPT TO:<info@sink.test>", 503)
	want(t, c, "MAIL FROM:<sender@client.test> SIZE=5", 250)
	want(t, c, "RCPT TO:<info@sink.test> NOTIFY=NEVER", 250)
	want(t, c, "DATA", 354)
	if _, err := c.Data(strings.NewReader("a: b\r\n\r\n.x\r\n")); err != nil {
		t.Fatal(err)
	}
	if r, err := c.ReadReply(); err != nil || r.Code != 250 {
		t.Fatal(r, err)
	}
	want(t, c, "MAIL FROM:<>", 250)
	want(t, c, "RCPT TO:<info@sink.test>", 250)
	if err := c.Send("BDAT 3 LAST"); err != nil {
		t.Fatal(err)
	}
	_ = c.Send("x") // with CRLF three octets
	if r, err := c.ReadReply(); err != nil || r.Code != 250 {
		t.Fatal(r, err)
	}
	want(t, c, "QUIT", 221)
	ms := s.Messages()
	if len(ms) != 2 || ms[0].Body != "a: b\r\n\r\n.x\r\n" || ms[1].Body != "x\r\n" || !ms[1].BDAT {
		t.Fatalf("%+v", ms)
	}
	if ms[0].From != "sender@client.test" || ms[0].Params["SIZE"] != "5" || ms[0].Rcpts[0].Params["NOTIFY"] != "NEVER" {
		t.Errorf("%+v", ms[0])
	}
	if s.Conns() != 1 || s.Count() != 2 || s.Octets() != 15 {
		t.Errorf("%d %d %d", s.Conns(), s.Count(), s.Octets())
	}
}

func TestItBehaves(t *testing.T) {
	s := Start(t, Options{
		Behave: map[Stage]Behaviour{
			Mail: {Reply: "451 4.3.0 later", Times: 1},
			Rset: {Reply: "250-two\n250 lines", Skip: 1},
			End:  {Close: true},
		},
		Rcpts: map[string]Behaviour{"gone@sink.test": {Reply: "550 5.1.1 nobody"}},
	})
	c, _ := talk(t, s)
	want(t, c, "EHLO client.test", 250)
	want(t, c, "MAIL FROM:<>", 451)
	want(t, c, "MAIL FROM:<>", 250)
	want(t, c, "RCPT TO:<gone@sink.test>", 550)
	if r := want(t, c, "RSET", 250); len(r.Lines) != 1 {
		t.Error(r)
	}
	if r := want(t, c, "RSET", 250); len(r.Lines) != 2 {
		t.Error(r)
	}
	want(t, c, "MAIL FROM:<>", 250)
	want(t, c, "RCPT TO:<info@sink.test>", 250)
	want(t, c, "DATA", 354)
	if _, err := c.Data(strings.NewReader("x\r\n")); err != nil {
		t.Fatal(err)
	}
	if r, err := c.ReadReply(); err == nil {
		t.Errorf("%v in the place of a closed connection", r)
	}
}

func TestLogin(t *testing.T) {
	s := Start(t, Options{Users: map[string]string{"office": "secret"}})
	c, _ := talk(t, s)
	want(t, c, "EHLO client.test", 250)
	want(t, c, "MAIL FROM:<>", 530)
	want(t, c, "AUTH PLAIN AG9mZmljZQB3cm9uZw==", 535)
	want(t, c, "AUTH LOGIN", 334)
	want(t, c, "b2ZmaWNl", 334)
	want(t, c, "c2VjcmV0", 235)
	want(t, c, "MAIL FROM:<>", 250)
}
