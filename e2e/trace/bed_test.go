package trace

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"barid/e2e/server"
	"barid/e2e/sink"
	"barid/e2e/world"
	"barid/ops/manage"
)

// zone is the world outside: example.net takes mail, nowhere.example says that it never does.
const zone = `
$ORIGIN net.
$TTL 0
@          SOA ns hostmaster 1 60 60 60 0
example    MX 10 mx.example
mx.example A 127.0.0.1
`

const nowhere = `
$ORIGIN nowhere.example.
$TTL 0
@ SOA ns hostmaster 1 60 60 60 0
@ MX 0 .
`

// bed is a barid whose only other server is a sink.
type bed struct {
	*server.Server
	t     *testing.T
	sink  *sink.Sink
	world *world.World
}

func newBed(t *testing.T, o sink.Options) *bed {
	t.Helper()
	if testing.Short() {
		t.Skip("runs the binary")
	}
	o.Name = "mx.example.net"
	k := sink.Start(t, o)
	w := world.Start(t, zone, nowhere)
	s := server.Start(t, server.Options{
		Resolver: w.Addr(),
		Settings: fmt.Sprintf("[outbound]\nport = %d\nallow_private = true\nfirst_retry = \"1s\"\n\n[policy]\niprev = \"off\"\n", k.Port()),
	})
	return &bed{s, t, k, w}
}

var accepted = regexp.MustCompile(`250 2\.0\.0 Ok: (\S+)`)

// submit sends a message of info@ and gives its id.
func (b *bed) submit(to ...string) string {
	b.t.Helper()
	return b.send(append([]string{
		"--server", b.Addr["submissions"], "--tls", "implicit", "--user", "info@" + server.Domain, "--from", "info@" + server.Domain,
		"--helo", "client.example",
	}, recipients(to)...)...)
}

func recipients(to []string) (args []string) {
	for _, a := range to {
		args = append(args, "--to", a)
	}
	return args
}

func (b *bed) send(args ...string) string {
	b.t.Helper()
	out := b.speak(args...)
	m := accepted.FindStringSubmatch(out)
	if m == nil {
		b.t.Fatalf("not accepted:\n%s", out)
	}
	return strings.TrimRight(m[1], ".")
}

// speak runs barid send, which needs no configuration, and gives the dialogue.
func (b *bed) speak(args ...string) string {
	b.t.Helper()
	cmd := exec.Command(server.Binary(b.t), append([]string{"send"}, args...)...)
	cmd.Env = append(os.Environ(), "BARID_PASSWORD="+server.Password)
	out, _ := cmd.CombinedOutput() // a refusal is an error, and some tests want one
	return string(out)
}

// steps gives the steps of a message, as a program reads them.
func (b *bed) steps(id string) (steps []manage.Step) {
	b.t.Helper()
	d := json.NewDecoder(strings.NewReader(b.Must("trace", "msg", id, "--json")))
	for d.More() {
		var s manage.Step
		if err := d.Decode(&s); err != nil {
			b.t.Fatal(err)
		}
		steps = append(steps, s)
	}
	return steps
}

// await waits until a message has steps with all the codes: the queue works behind the 250, and what it has done is
// written down bit by bit.
func (b *bed) await(id string, want ...string) []manage.Step {
	b.t.Helper()
	for deadline := time.Now().Add(90 * time.Second); ; {
		steps := b.steps(id)
		lacks := func(code string) bool {
			return !slices.ContainsFunc(steps, func(s manage.Step) bool { return s.Code == code })
		}
		if !slices.ContainsFunc(want, lacks) {
			return steps
		}
		if time.Now().After(deadline) {
			b.t.Fatalf("it did not come to %q:\n%s\n%s", want, b.Must("trace", "msg", id), b.Log())
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func codes(steps []manage.Step) string {
	var out []string
	for _, s := range steps {
		out = append(out, s.Code)
	}
	return strings.Join(out, " ")
}

// one gives the only step with a code.
func one(t *testing.T, steps []manage.Step, code string) manage.Step {
	t.Helper()
	var found []manage.Step
	for _, s := range steps {
		if s.Code == code {
			found = append(found, s)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d steps %q in %s", len(found), code, codes(steps))
	}
	return found[0]
}

func isAddr(s string) bool {
	_, err := netip.ParseAddr(s)
	return err == nil
}
