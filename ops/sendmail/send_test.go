package sendmail

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"testing"

	"barid/rfc/smtp"
)

// server answers each command by the first of answers whose prefix it has, else with 250. It keeps what it heard.
type server struct {
	ehlo    string
	answers map[string]string
	heard   []string
	data    []string
	done    chan struct{}
}

// start runs the server and gives the client's end.
func (s *server) start(t *testing.T) net.Conn {
	t.Helper()
	ours, theirs := net.Pipe()
	s.done = make(chan struct{})
	t.Cleanup(func() { _ = ours.Close(); <-s.done })
	go func() {
		defer close(s.done)
		defer theirs.Close()
		s.serve(theirs)
	}()
	return ours
}

func (s *server) serve(c net.Conn) {
	in := bufio.NewReader(c)
	say := func(line string) { fmt.Fprintf(c, "%s\r\n", line) }
	say("220 mx.example.org ready")
	inData := false
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimRight(line, "\r\n")
		if inData {
			if s.data = append(s.data, line); line != "." {
				continue
			}
			inData = false
			say(s.answer("."))
			continue
		}
		s.heard = append(s.heard, line)
		a := s.answer(line)
		if a == "" {
			return // it hangs up
		}
		inData = strings.HasPrefix(a, "354")
		say(a)
	}
}

func (s *server) answer(line string) string {
	for prefix, a := range s.answers {
		if strings.HasPrefix(line, prefix) {
			return a
		}
	}
	switch {
	case strings.HasPrefix(line, "EHLO"):
		return "250-mx.example.org\r\n" + s.ehlo + "250 8BITMIME"
	case line == "DATA":
		return "354 go on"
	}
	return "250 2.0.0 ok"
}

// hand gives a message to s.
func hand(t *testing.T, s *server, o Options, message string) error {
	t.Helper()
	l, err := Read(strings.NewReader(message), true)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	d, err := Begin(s.start(t), nil)
	if err != nil {
		return err
	}
	e, err := Plan(&o, l, "www", d.Host)
	if err != nil {
		t.Fatal(err)
	}
	err = d.Deliver(&o, &e, l)
	d.End()
	<-s.done
	return err
}

func TestDialogue(t *testing.T) {
	s := &server{ehlo: "250-DSN\r\n250-SMTPUTF8\r\n"}
	err := hand(t, s, Options{Extract: true, Notify: "NEVER", Ret: "HDRS", EnvID: "a=b", From: ptr("فروش@example.org")}, "To: a@b.example, c\n\n.one\n")
	want := []string{
		"EHLO localhost",
		"MAIL FROM:<فروش@example.org> SIZE=43 BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=a+3Db",
		"RCPT TO:<a@b.example> NOTIFY=NEVER", "RCPT TO:<c@mx.example.org> NOTIFY=NEVER", "DATA", "QUIT",
	}
	if err != nil || strings.Join(s.heard, "\n") != strings.Join(want, "\n") {
		t.Errorf("%v\n%s", err, strings.Join(s.heard, "\n"))
	}
	if got := strings.Join(s.data, "\n"); got != "To: a@b.example, c@mx.example.org\n\n..one\n." {
		t.Errorf("%q", got)
	}
}

// TestNoReportsWhereThereAreNone: a server without DSN gets no parameters of it.
func TestNoReportsWhereThereAreNone(t *testing.T) {
	s := &server{}
	if err := hand(t, s, Options{Args: []string{"a@b.example"}, Notify: "NEVER", Ret: "FULL", EnvID: "x"}, "Subject: x\n\n"); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(s.heard, " "); strings.Contains(got, "NOTIFY") || strings.Contains(got, "RET") || strings.Contains(got, "ENVID") {
		t.Errorf("%s", got)
	}
}

// TestOneRefusalRefusesAll: nobody gets a message that is refused for somebody, and all refusals are told.
func TestOneRefusalRefusesAll(t *testing.T) {
	s := &server{answers: map[string]string{"RCPT TO:<x@": "550 5.1.1 no such mailbox", "RCPT TO:<y@": "452 4.2.2 full"}}
	err := hand(t, s, Options{Args: []string{"x@b.example", "a@b.example", "y@b.example"}}, "Subject: x\n\n")
	if CodeOf(err) != NoUser || !strings.Contains(err.Error(), "x@b.example") || !strings.Contains(err.Error(), "y@b.example: 452 4.2.2 full") {
		t.Errorf("exit %d: %v", CodeOf(err), err)
	}
	if len(s.data) > 0 {
		t.Errorf("data was sent: %v", s.data)
	}
}

// TestManyRecipients: all are asked about before the first group gets the message.
func TestManyRecipients(t *testing.T) {
	s := &server{ehlo: "250-LIMITS RCPTMAX=2 MAILMAX=9\r\n"}
	if err := hand(t, s, Options{Args: []string{"a@x.example", "b@x.example", "c@x.example"}}, "Subject: x\n\nb\n"); err != nil {
		t.Fatal(err)
	}
	var verbs []string
	for _, h := range s.heard[1:] {
		verbs = append(verbs, h[:4])
	}
	if got := strings.Join(verbs, " "); got != "MAIL RCPT RCPT RSET MAIL RCPT RSET MAIL RCPT RCPT DATA MAIL RCPT DATA QUIT" {
		t.Error(got)
	}
	s = &server{ehlo: s.ehlo, answers: map[string]string{"RCPT TO:<c@": "550 5.1.1 no"}}
	if err := hand(t, s, Options{Args: []string{"a@x.example", "b@x.example", "c@x.example"}}, "Subject: x\n\nb\n"); CodeOf(err) != NoUser || len(s.data) > 0 {
		t.Errorf("%v; sent %v", err, s.data)
	}
}

func TestWhatAServerSaysBecomesAnExitCode(t *testing.T) {
	for name, c := range map[string]struct {
		answers map[string]string
		code    int
	}{
		"taken":            {nil, OK},
		"busy":             {map[string]string{"EHLO": "421 4.3.2 stopping"}, TempFail},
		"sender refused":   {map[string]string{"MAIL": "550 5.7.1 no"}, NoPerm},
		"too big":          {map[string]string{"MAIL": "552 5.3.4 too big"}, DataErr},
		"disk full":        {map[string]string{"MAIL": "452 4.3.1 later"}, TempFail},
		"no DATA":          {map[string]string{"DATA": "554 5.5.1 no"}, Unavailable},
		"hangs up":         {map[string]string{"RCPT": ""}, TempFail},
		"hangs up at DATA": {map[string]string{"DATA": ""}, TempFail},
		"refused at end":   {map[string]string{".": "554 5.6.0 bad"}, DataErr},
		"deferred at end":  {map[string]string{".": "451 4.3.0 later"}, TempFail},
		"hangs up at end":  {map[string]string{".": ""}, TempFail},
	} {
		if err := hand(t, &server{answers: c.answers}, Options{Args: []string{"a@b.example"}}, "Subject: x\n\n"); CodeOf(err) != c.code {
			t.Errorf("%s: exit %d, %v", name, CodeOf(err), err)
		}
	}
	for reply, code := range map[string]int{
		"550 5.1.2": NoHost, "553 5.1.3": DataErr, "550 5.4.6": Unavailable, "552 5.2.2": DataErr, "535 5.7.8": NoPerm, "250 2.0.0": Software, "550 ": Unavailable,
	} {
		r := smtp.Reply{Enhanced: reply[4:]}
		fmt.Sscanf(reply, "%d", &r.Code)
		if got := exitOf(r); got != code {
			t.Errorf("%s: %d, want %d", reply, got, code)
		}
	}
}

func TestVerify(t *testing.T) {
	s := &server{answers: map[string]string{"RCPT TO:<x@": "550 5.1.1 no such mailbox"}}
	d, err := Begin(s.start(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	o := Options{Mode: Verify, Args: []string{"a@b.example", "x@مثال.إختبار"}}
	e, err := Plan(&o, &Letter{}, "www", d.Host)
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	err = d.Verify(&o, &e, func(l string) { told = append(told, l) })
	d.End()
	if CodeOf(err) != NoUser || strings.Join(told, "|") != "a@b.example... deliverable|x@مثال.إختبار... undeliverable: 550 5.1.1 no such mailbox" {
		t.Errorf("%v, %q", err, told)
	}
}

func TestProxy(t *testing.T) {
	s := &server{answers: map[string]string{"QUIT": ""}}
	var out strings.Builder
	if err := Proxy(s.start(t), strings.NewReader("EHLO x\r\nNOOP\r\nQUIT\r\n"), &out); err != nil {
		t.Fatal(err)
	}
	if got := out.String(); !strings.HasPrefix(got, "220 ") || strings.Count(got, "\n") != 4 {
		t.Errorf("%q", got)
	}
}
