package outbound

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"barid/e2e/peer"
	"barid/e2e/server"
	"barid/e2e/world"
)

// zone is the world: example.net is served by the Postfix on loopback, nowhere.example takes no mail.
const zone = `
$ORIGIN example.net.
@   0 IN SOA ns.example.net. hostmaster.example.net. 1 60 60 60 0
@   0 IN MX 10 mx.example.net.
mx  0 IN A 127.0.0.1
`

const nowhere = `
$ORIGIN nowhere.example.
@   0 IN SOA ns.nowhere.example. hostmaster.nowhere.example. 1 60 60 60 0
@   0 IN MX 0 .
`

// bench is a Barid that carries mail on to a Postfix.
func bench(t *testing.T) (*server.Server, *peer.Postfix) {
	t.Helper()
	p := peer.StartPostfix(t, peer.PostfixOptions{Main: "virtual_mailbox_domains = example.net\nvirtual_mailbox_maps = regexp:{{/^info@/ box/}}\n"})
	w := world.Start(t, zone, nowhere)
	_, port, err := net.SplitHostPort(p.Addr)
	if err != nil {
		t.Fatal(err)
	}
	s := server.Prepare(t, server.Options{
		Resolver: w.Addr(),
		Settings: fmt.Sprintf("[outbound]\nenabled = true\nport = %s\nallow_private = true\nfirst_retry = \"2s\"\nexpire = \"40s\"\n", port),
	})
	s.Boot()
	return s, p
}

func submit(t *testing.T, s *server.Server, to string, message string) peer.Result {
	t.Helper()
	return peer.Run(t, peer.Command{Name: "swaks", Args: []string{
		"--server", s.Addr["submissions"], "--tlsc", "--auth", "PLAIN", "--auth-user", "info@" + server.Domain, "--auth-password", server.Password,
		"--from", "info@" + server.Domain, "--to", to, "--data", "-", "--helo", "client.example",
	}, Stdin: []byte(message)})
}

// TestAMessageGoesOutAndArrives: submitted with a login, relayed by MX, in Postfix's mailbox with the bytes it had.
func TestAMessageGoesOutAndArrives(t *testing.T) {
	s, p := bench(t)
	body := "متن فارسی\n.a line that begins with a dot\nlast line\n"
	r := submit(t, s, "info@example.net", "From: info@"+server.Domain+"\nTo: info@example.net\nSubject: out\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n"+body)
	if r.Code != 0 {
		t.Fatalf("swaks: exit %d\n%s%s", r.Code, r.Out, r.Err)
	}
	text := await(t, func() (string, bool) {
		got, _ := filepath.Glob(filepath.Join(p.Dir, "mail/box/new/*"))
		if len(got) != 1 {
			return "", false
		}
		b, err := os.ReadFile(got[0])
		return string(b), err == nil
	}, func() string { return s.Log() + p.Log() })
	if !strings.Contains(text, "\n\n"+body) {
		t.Errorf("arrived as\n%s", text)
	}
	if strings.Count(text, "Return-Path:") != 1 || !strings.Contains(text, "by mx."+server.Domain) {
		t.Errorf("trace fields are not as they should be:\n%s", text)
	}
}

// TestARefusedMessageComesBackAsAReport: the other server says 5.1.1, or the domain takes no mail; the sender is told.
func TestARefusedMessageComesBackAsAReport(t *testing.T) {
	s, p := bench(t)
	for to, code := range map[string]string{"nobody@example.net": "5.1.1", "anybody@nowhere.example": "5.1.10"} {
		r := submit(t, s, to, "From: info@"+server.Domain+"\nTo: "+to+"\nSubject: refused "+code+"\n\nbody\n")
		if r.Code != 0 {
			t.Fatalf("swaks: exit %d\n%s%s", r.Code, r.Out, r.Err)
		}
		text := await(t, func() (string, bool) {
			text := inbox(t, s)
			return text, strings.Contains(text, "Status: "+code+"\r\n") // 5.1.1 is the beginning of 5.1.10
		}, func() string { return s.Log() + p.Log() })
		for _, want := range []string{"Return-Path: <>", "multipart/report", "Action: failed", to} {
			if !strings.Contains(text, want) {
				t.Errorf("no %q in the report on %s:\n%s", want, to, text)
			}
		}
	}
}

// TestWithoutOutboundItIsRefused: nothing is accepted that nobody would carry on.
func TestWithoutOutboundItIsRefused(t *testing.T) {
	s := server.Start(t, server.Options{Settings: "[outbound]\nenabled = false\n"})
	if r := submit(t, s, "info@example.net", "Subject: x\n\n.\n"); !strings.Contains(r.Out, "550 5.7.1 this server does not send") {
		t.Errorf("swaks said\n%s", r.Out)
	}
}

func await(t *testing.T, look func() (string, bool), log func() string) string {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); {
		if text, ok := look(); ok {
			return text
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatalf("it did not happen within %v\n%s", patience, log())
	return ""
}

// inbox is the text of all messages of info@.
func inbox(t *testing.T, s *server.Server) string {
	t.Helper()
	c, err := tls.Dial("tcp", s.Addr["pop3s"], &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprintf(c, "USER info@%s\r\nPASS %s\r\nRETR 1\r\nRETR 2\r\nQUIT\r\n", server.Domain, server.Password)
	b, err := io.ReadAll(c)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
