package diag

import (
	"bufio"
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"barid/base/fault"
	"barid/e2e/server"
	"barid/rfc/mime"
)

// script is a server that answers each line with the next reply; a reply "+" takes a message first.
func script(t *testing.T, replies ...string) (addr string, heard *[]string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	heard = &[]string{}
	done := make(chan struct{})
	t.Cleanup(func() { _ = l.Close(); <-done })
	go func() {
		defer close(done)
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		r := bufio.NewReader(c)
		for i, reply := range replies {
			if i > 0 {
				line, err := r.ReadString('\n')
				if err != nil {
					return
				}
				*heard = append(*heard, strings.TrimRight(line, "\r\n"))
			}
			if after, ok := strings.CutPrefix(reply, "+"); ok {
				for line := ""; line != ".\r\n" && err == nil; {
					line, err = r.ReadString('\n')
				}
				reply = after
			}
			_, _ = c.Write([]byte(reply + "\r\n"))
		}
	}()
	return l.Addr().String(), heard
}

func send(addr string) Send {
	return Send{
		Server: addr, TLS: "auto", Helo: "client.example", From: "sender@client.example", To: []string{"info@example.test"},
		Message: []byte("Subject: x\r\n\r\n.body\r\n"), Wait: time.Minute,
	}
}

func TestDialogueOfAMessageThatIsTaken(t *testing.T) {
	addr, heard := script(t, "220 mx", "250-mx\r\n250-SIZE 1000\r\n250 8BITMIME", "250 ok", "250 ok", "354 go", "+250 2.0.0 Ok: abc", "221 bye")
	// After the message the script answers without reading a line of its own: the dot was the line.
	var shown []string
	s, err := send(addr).Run(context.Background(), func(st Step) { shown = append(shown, st.Side+" "+st.Text) })
	if err != nil || s.Accepted != 1 || s.Refused != 0 || !strings.Contains(s.Reply, "Ok: abc") {
		t.Fatalf("%+v %v\n%s", s, err, strings.Join(shown, "\n"))
	}
	want := []string{"EHLO client.example", "MAIL FROM:<sender@client.example> SIZE=21", "RCPT TO:<info@example.test>", "DATA"}
	for i, w := range want {
		if (*heard)[i] != w {
			t.Errorf("line %d is %q, want %q", i, (*heard)[i], w)
		}
	}
}

func TestRefusalsAreExplained(t *testing.T) {
	for _, c := range []struct {
		name    string
		replies []string
		code    string
		words   string
	}{
		{"greeting", []string{"554 5.7.1 go away"}, "B2002", "the connection"},
		{"sender", []string{"220 mx", "250 mx", "553 5.7.1 not yours"}, "B2002", "use an address of your own"},
		{"recipient", []string{"220 mx", "250 mx", "250 ok", "550 5.1.1 no such user here"}, "B2002", "check the spelling"},
		{"full", []string{"220 mx", "250 mx", "250 ok", "452 4.2.2 full"}, "B2002", "the mailbox is full (temporary"},
		{"hang up", []string{"220 mx"}, "B2001", "broke"},
	} {
		t.Run(c.name, func(t *testing.T) {
			addr, _ := script(t, c.replies...)
			_, err := send(addr).Run(context.Background(), func(Step) {})
			f := fault.Of(err)
			var b strings.Builder
			f.Print(&b)
			if err == nil || f.Code != c.code || !strings.Contains(b.String(), c.words) {
				t.Errorf("want %s with %q, got\n%s", c.code, c.words, b.String())
			}
		})
	}
}

func TestNobodyAnswers(t *testing.T) {
	_, err := send(server.FreeAddress(t)).Run(context.Background(), func(Step) {})
	if f := fault.Of(err); f.Code != "B2003" || fault.ExitCode(err) != fault.ExitUnreachable {
		t.Errorf("%v", err)
	}
}

func TestPasswordsAreMasked(t *testing.T) {
	addr, heard := script(t, "220 mx", "250-mx\r\n250 AUTH PLAIN LOGIN", "535 5.7.8 no")
	s := send(addr)
	s.User, s.Password = "info@example.test", "s3cret-word"
	var shown strings.Builder
	_, err := s.Run(context.Background(), func(st Step) { shown.WriteString(st.Text + "\n") })
	if err == nil || len(*heard) < 2 || !strings.HasPrefix((*heard)[1], "AUTH PLAIN ") {
		t.Fatalf("%v, heard %q", err, *heard)
	}
	secret := strings.TrimPrefix((*heard)[1], "AUTH PLAIN ")
	if strings.Contains(shown.String(), secret) || strings.Contains(err.Error(), secret) || !strings.Contains(shown.String(), "<masked>") {
		t.Errorf("the password is shown:\n%s", shown.String())
	}
}

func TestAddressesThatAreNotASCIINeedSMTPUTF8(t *testing.T) {
	addr, _ := script(t, "220 mx", "250 mx")
	s := send(addr)
	s.To = []string{"فروش@example.test"}
	_, err := s.Run(context.Background(), func(Step) {})
	if fault.Of(err).Code != "B2006" {
		t.Errorf("%v", err)
	}
}

func TestExplainKnowsCodes(t *testing.T) {
	for reply, want := range map[string]string{
		"250 2.0.0 Ok":                       "",
		"550 5.1.1 no such user":             "spelling",
		"451 4.3.1 later":                    "temporary",
		"550-5.7.1 first line of several":    "use an address of your own",
		"500 what":                           "",
		"550 5.99.99 something of their own": "",
	} {
		if got := Explain(reply); want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("%q: %q, want %q", reply, got, want)
		}
	}
}

func TestComposeMakesAMessageThatReadsBack(t *testing.T) {
	file := filepath.Join(t.TempDir(), "تقرير.csv")
	if err := os.WriteFile(file, []byte("a,b\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	d := Draft{
		From: "sender@client.example", To: []string{"info@example.test"}, Subject: "سلام دنیا", Text: "متن\nline",
		Headers: []string{"X-Test: 1"}, Attach: []string{file},
	}
	raw, err := d.Compose(time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC), "client.example")
	if err != nil {
		t.Fatal(err)
	}
	sc := mime.NewScanner(mime.DefaultLimits())
	_, _ = sc.Write(raw)
	m := sc.Finish()
	if m.HasBareLF || len(m.Root.Children) != 2 || m.Root.Children[1].FileName() != "تقرير.csv" {
		t.Fatalf("%+v\n%s", m, raw)
	}
	for _, bad := range []string{"no colon", "X: a\r\nBcc: b@c.example", ": x"} {
		d.Headers = []string{bad}
		if _, err := d.Compose(time.Now(), "client.example"); fault.Of(err).Code != "B2008" {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
