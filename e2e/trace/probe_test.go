package trace

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"barid/e2e/server"
	"barid/e2e/sink"
	"barid/e2e/world"
	"barid/ops/manage"
)

// here runs a command without an installation: only a configuration that names the world.
func here(t *testing.T, port uint16, resolver string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "barid.toml")
	text := fmt.Sprintf("hostname = \"mx.example.test\"\ndata = \"nowhere\"\nresolver = [%q]\nresolver_timeout = \"1s\"\n[outbound]\nport = %d\nallow_private = true\n", resolver, port)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(server.Binary(t), append(args, "--config", file)...)
	var out, errs strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &errs
	_ = cmd.Run() // the exit code tells
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// TestProbeMXTellsTheSameWithAndWithoutAServer: a server in clear, one that refuses, and a domain without mail.
func TestProbeMXTellsTheSameWithAndWithoutAServer(t *testing.T) {
	b := newBed(t, sink.Options{})
	var running manage.MXProbe
	out, stderr, code := b.Run("probe", "mx", "example.net", "--json")
	if err := json.Unmarshal([]byte(out), &running); err != nil || code != 3 {
		t.Fatalf("exit %d, %v\n%s%s", code, err, out, stderr)
	}
	h := running.Hosts[0]
	if len(running.Hosts) != 1 || h.Host != "mx.example.net" || !h.OK || !strings.HasPrefix(h.Banner, "220 mx.example.net") || h.Name != "mx.example.net" ||
		h.TLS != "" || len(h.Extensions) < 3 || h.Took == nil || len(h.Dialogue) != 0 {
		t.Errorf("%+v", running)
	}
	if len(running.Problems) != 1 || running.Problems[0].Code != "no-tls" {
		t.Errorf("%+v", running.Problems)
	}
	out, stderr, code = here(t, b.sink.Port(), b.world.Addr(), "probe", "mx", "example.net", "--dialogue")
	for _, want := range []string{"1  mx.example.net [127.0.0.1:", "takes mail", "-> EHLO mx.example.test", "<- 250", "TLS          none: in clear", "PIPELINING"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if code != 3 || !strings.Contains(stderr, "error[B2102]") || !strings.Contains(stderr, "1 of 1 addresses") {
		t.Errorf("exit %d\n%s", code, stderr)
	}
	if _, stderr, code := b.Run("probe", "mx", "nowhere.example"); code != 3 || !strings.Contains(stderr, "error[B2101]: nobody takes mail") {
		t.Errorf("exit %d\n%s", code, stderr)
	}
	if _, stderr, code := b.Run("probe", "mx", "not a domain"); code != 2 || !strings.Contains(stderr, "B2101") {
		t.Errorf("exit %d\n%s", code, stderr)
	}
	b.sink.Set(sink.Greeting, sink.Behaviour{Reply: "554 5.7.1 your address is listed"})
	if out, stderr, code := b.Run("probe", "mx", "example.net"); code != 3 || !strings.Contains(out, "would not take mail") ||
		!strings.Contains(stderr, "554 5.7.1 your address is listed") {
		t.Errorf("exit %d\n%s%s", code, out, stderr)
	}
}

// TestProbePort25: open, blocked, and nobody to ask.
func TestProbePort25(t *testing.T) {
	k := sink.Start(t, sink.Options{Name: "mx.example.net"})
	w := world.Start(t, zone+"second MX 10 mx.second\nmx.second A 127.0.0.1\n")
	out, stderr, code := here(t, k.Port(), w.Addr(), "probe", "port25", "example.net", "second.net", "missing.example")
	if code != 0 || !strings.Contains(out, fmt.Sprintf("outgoing port %d is open (IPv4 open, IPv6 none)", k.Port())) ||
		!strings.Contains(out, "ok: 220 mx.example.net") || !strings.Contains(out, "missing.example: ") {
		t.Errorf("exit %d\n%s%s", code, out, stderr)
	}
	port := k.Port()
	k.Stop()
	out, stderr, code = here(t, port, w.Addr(), "probe", "outbound", "example.net", "second.net")
	for _, want := range []string{
		fmt.Sprintf("error[B2104]: outgoing port %d is blocked", port), "refused", "you can receive mail, but other servers will not get yours",
		"1. ask your hosting provider", "2. or send through a relay:  barid relay set smtps://user@relay.example:465", "barid explain B2104",
	} {
		if !strings.Contains(stderr, want) {
			t.Errorf("no %q in\n%s", want, stderr)
		}
	}
	if code != 3 {
		t.Errorf("exit %d\n%s", code, out)
	}
	var p manage.PortProbe
	out, _, code = here(t, port, w.Addr(), "probe", "port25", "example.net", "--json")
	if err := json.Unmarshal([]byte(out), &p); err != nil || code != 3 || p.Open || p.IPv4 != "blocked" || p.IPv6 != "none" || p.Tries[0].Trouble != "refused" {
		t.Errorf("exit %d, %v, %+v", code, err, p)
	}
	if _, stderr, code := here(t, port, w.Addr(), "probe", "port25", "missing.example"); code != 3 || !strings.Contains(stderr, "B2103") {
		t.Errorf("exit %d\n%s", code, stderr)
	}
}
