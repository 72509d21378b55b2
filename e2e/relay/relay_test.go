package relay

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"barid/e2e/peer"
	"barid/e2e/server"
	"barid/e2e/sink"
)

const sender = "info@" + server.Domain

// boot starts a server whose other mail leaves for nowhere: no resolver answers.
func boot(t *testing.T, o server.Options) *server.Server {
	t.Helper()
	if testing.Short() {
		t.Skip("starts processes")
	}
	o.Settings += "[outbound]\nfirst_retry = \"1s\"\nmax_retry = \"1s\"\n"
	return server.Start(t, o)
}

func submit(t *testing.T, s *server.Server, to string) {
	t.Helper()
	if r := send(t, "--server", s.Addr["submissions"], "--tls", "implicit", "--user", sender, "--from", sender, "--to", to, "--subject", "to "+to); r.Code != 0 {
		t.Fatalf("exit %d\n%s%s", r.Code, r.Out, r.Err)
	}
}

// send runs barid send with the password of the accounts.
func send(t *testing.T, args ...string) peer.Result {
	t.Helper()
	return peer.Run(t, peer.Command{Name: server.Binary(t), Args: append([]string{"send"}, args...), Env: []string{"BARID_PASSWORD=" + server.Password}})
}

// patience is how long a step may take.
const patience = time.Minute

func await(t *testing.T, s *server.Server, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); {
		if ok() {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatalf("%s did not happen within %v\n%s", what, patience, s.Log())
}

// relayAt starts a relay that wants the login of the test's password.
func relayAt(t *testing.T) (*sink.Sink, string) {
	t.Helper()
	k := sink.Start(t, sink.Options{Users: map[string]string{"office@relay.test": server.Password}})
	return k, "smtp://office@relay.test@" + k.Addr()
}

// TestAllMailGoesThroughARelay sets a relay while the server runs, breaks it, adds a second, and moves queued mail by
// changing the rules.
func TestAllMailGoesThroughARelay(t *testing.T) {
	s := boot(t, server.Options{})
	one, first := relayAt(t)
	two, second := relayAt(t)
	s.Must("relay", "set", first, "--tls", "none", "--name", "office")
	submit(t, s, "a@far.example")
	await(t, s, "relaying", func() bool { return one.Count() == 1 })
	if m := one.Messages()[0]; m.User != "office@relay.test" || m.From != sender || !strings.Contains(m.Body, "Subject: to a@far.example") {
		t.Errorf("%+v", m)
	}
	one.Set(sink.Auth, sink.Behaviour{Reply: "535 5.7.8 the account is closed"})
	one.Set(sink.Mail, sink.Behaviour{Reply: "421 4.3.2 no"})
	submit(t, s, "b@far.example")
	var route struct{ Relays []struct{ Trouble string } }
	await(t, s, "trouble", func() bool {
		s.JSON(&route, "relay", "show", "office")
		return strings.Contains(route.Relays[0].Trouble, "535")
	})
	if out, _, code := s.Run("relay", "test", "office"); code != 3 || !strings.Contains(out, "would not take mail") {
		t.Errorf("exit %d\n%s", code, out)
	}
	s.Must("relay", "add", second, "--tls", "none", "--name", "office")
	await(t, s, "the second relay", func() bool { return two.Count() == 1 })

	two.Set(sink.Mail, sink.Behaviour{Reply: "421 4.3.2 down"})
	third, address := relayAt(t)
	submit(t, s, "c@far.example")
	submit(t, s, "d@near.example")
	s.Must("relay", "set", address, "--tls", "none", "--name", "other", "--for-recipients", "far.example")
	await(t, s, "queued mail on its new route", func() bool { return third.Count() == 1 })
	if to := third.Messages()[0].Rcpts[0]; !strings.Contains(to.To, "c@far.example") {
		t.Errorf("%+v", to)
	}
	s.Kill()
	s.Boot()
	s.Must("relay", "rule", "add", "--route", "other")
	await(t, s, "the rest after a kill", func() bool { return third.Count() == 2 })
	if n := one.Count() + two.Count() + third.Count(); n != 4 {
		t.Errorf("%d messages for 4", n)
	}
}

// TestSecretsOfRelaysStayInside looks for the password in everything that commands and the log say.
func TestSecretsOfRelaysStayInside(t *testing.T) {
	s := boot(t, server.Options{})
	k, address := relayAt(t)
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte("another-secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, _, code := s.Run("relay", "set", strings.Replace(address, "office@relay.test", "office:another-secret", 1))
	if code != 2 {
		t.Errorf("a password on the command line: exit %d", code)
	}
	s.Must("relay", "set", address, "--tls", "none", "--password-file", file)
	submit(t, s, "a@far.example")
	await(t, s, "a refused login", func() bool { return strings.Contains(s.Log(), "does not let us in") })
	said := s.Log()
	for _, line := range []string{"relay list --json", "relay show default --json", "relay test default", "relay test default --json", "queue list --json", "status --json", "relay rm default --with-rules --dry-run --json"} {
		out, errs, _ := s.Run(strings.Fields(line)...)
		said += out + errs
	}
	if strings.Contains(said, "another-secret") || strings.Contains(said, "YW5vdGhlci1zZWNyZXQ") {
		t.Errorf("the secret was told:\n%s", said)
	}
	if k.Count() > 0 {
		t.Error("taken with a wrong password")
	}
}

// TestEveryRoleRunsAlone starts a server with one role after the other.
func TestEveryRoleRunsAlone(t *testing.T) {
	for role, listen := range map[string][]string{
		"mx": {"smtp", "lmtp", "admin"}, "submission": {"submission", "submissions", "admin"}, "access": {"imap", "imaps", "pop3", "pop3s", "admin"}, "outbound": {"admin"},
	} {
		t.Run(role, func(t *testing.T) {
			if testing.Short() {
				t.Skip("starts processes")
			}
			s := server.Start(t, server.Options{Listen: listen, Top: "roles = [\"" + role + "\"]\n"})
			for _, p := range listen {
				c, err := net.Dial("tcp", s.Addr[p])
				if err != nil {
					t.Errorf("%s: %v", p, err)
					continue
				}
				_ = c.Close()
			}
			switch role {
			case "mx":
				if r := send(t, "--server", s.Addr["smtp"], "--from", "sender@far.example", "--to", sender); r.Code != 0 {
					t.Errorf("exit %d\n%s%s", r.Code, r.Out, r.Err)
				}
			case "submission":
				r := send(t, "--server", s.Addr["submissions"], "--tls", "implicit", "--user", sender, "--from", sender, "--to", "a@far.example")
				if r.Code == 0 || !strings.Contains(r.Out+r.Err, "5.7.1") {
					t.Errorf("mail for elsewhere without the role outbound: exit %d\n%s%s", r.Code, r.Out, r.Err)
				}
				submit(t, s, "demo@"+server.Domain)
			}
		})
	}
}

// TestOutboundAloneEmptiesAQueue lets one server take mail and another, with nothing but the role outbound, carry it on.
func TestOutboundAloneEmptiesAQueue(t *testing.T) {
	s := boot(t, server.Options{})
	k, address := relayAt(t)
	k.Set(sink.Greeting, sink.Behaviour{Reply: "421 4.3.2 later"})
	s.Must("relay", "set", address, "--tls", "none")
	submit(t, s, "a@far.example")
	s.Stop()
	k.Set(sink.Greeting, sink.Behaviour{Reply: "220 up"})
	s = boot(t, server.Options{Dir: s.Dir, Empty: true, Listen: []string{"admin"}, Top: "roles = [\"outbound\"]\n"})
	await(t, s, "relaying", func() bool { return k.Count() == 1 })
}

// TestRolesThatContradictAreAFault starts nothing.
func TestRolesThatContradictAreAFault(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	s := server.Prepare(t, server.Options{Empty: true, Listen: []string{"imap", "admin"}})
	out, errs, code := s.Run("serve", "--set", "roles=mx")
	if code != 2 || out != "" || !strings.Contains(errs, "B1003") || !strings.Contains(errs, "contradict") {
		t.Errorf("exit %d %q %q", code, out, errs)
	}
}
