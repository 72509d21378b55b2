package remote

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"barid/base/dns"
	"barid/base/kv"
	basetls "barid/base/tls"
	"barid/e2e/server"
	"barid/e2e/sink"
	"barid/e2e/world"
	"barid/flow/queue"
	"barid/mail/spool"
	"barid/rfc/addr"
	"barid/rfc/mime"
	"barid/store/memory"
)

func TestMain(m *testing.M) {
	if runAsSink() {
		return
	}
	goleak.VerifyTestMain(m)
}

// scene is a world in which a message is brought to other servers.
type scene struct {
	t     testing.TB
	dns   *world.World
	store *memory.Store
	port  uint16
	deps  Deps
	d     *Deliverer
}

// zone is the world of most tests: a domain with one server.
const zone = `
	$ORIGIN there.test.
	$TTL 0
	@    MX 10 mx1
	mx1  A 127.0.0.1
`

// newScene builds a world with short times. set changes what the deliverer gets.
func newScene(t testing.TB, zone string, set func(*Deps)) *scene {
	t.Helper()
	s := &scene{t: t, dns: world.Start(t, zone), store: memory.New(), port: freePort(t)}
	s.deps = Deps{Resolver: resolver(t, s.dns, patience), Blobs: s.store, Rand: rand.New(rand.NewPCG(1, 2)), Settings: Settings{
		HeloName: "out.test", Port: s.port, AllowPrivate: true, Timeouts: quick(),
	}}
	if set != nil {
		set(&s.deps)
	}
	s.d = New(s.deps)
	t.Cleanup(s.d.Close)
	return s
}

// patience is the time that nothing needs. It ends what hangs, and what a peer is to run into has another one.
const patience = 30 * time.Second

func resolver(t testing.TB, w *world.World, timeout time.Duration) *dns.Resolver {
	t.Helper()
	r, err := dns.New(dns.Config{Servers: []string{w.Addr()}, Timeout: timeout, Attempts: 1, FailureTTL: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

// quick are times for peers on loopback; those that a peer is to run into are shorter where a test wants it.
func quick() Timeouts {
	const d = patience
	return Timeouts{
		Connect: d, Stagger: d, Greeting: d, Hello: d, TLS: d, Mail: d, Rcpt: d, DataInit: d,
		DataBlock: d, DataEnd: d, Quit: time.Second, Attempt: 3 * d,
	}
}

// freePort finds a port that is free on the loopback addresses tests use.
func freePort(t testing.TB) uint16 {
	t.Helper()
	return netip.MustParseAddrPort(server.FreeAddress(t)).Port()
}

// sink starts a server at 127.0.0.n.
func (s *scene) sink(n int, o sink.Options) *sink.Sink {
	s.t.Helper()
	return s.sinkAt(fmt.Sprintf("127.0.0.%d", n), o)
}

func (s *scene) sinkAt(ip string, o sink.Options) *sink.Sink {
	s.t.Helper()
	o.Addr = net.JoinHostPort(ip, fmt.Sprint(s.port))
	return sink.Start(s.t, o)
}

const letterText = "From: sender@here.test\r\nTo: info@there.test\r\nSubject: test\r\n\r\n.one\r\n..two\r\nthree\r\n"

// entry spools a message.
func (s *scene) entry(text string, to ...string) *spool.Entry {
	s.t.Helper()
	e := &spool.Entry{Message: spool.Message{ID: "tx1", Blob: s.blob(text), Size: int64(len(text)), Arrived: s.d.now(), Expires: s.d.now().Add(time.Hour)}}
	m := mime.Scan([]byte(text), mime.DefaultLimits())
	e.From = path(s.t, "<sender@here.test>")
	e.HeaderLen, e.Has8bit, e.HasLong = int64(len(m.Header)), m.Has8bit, m.HasLong
	e.Binary = m.HasNUL || m.HasBareCR || m.HasBareLF
	e.HasUTF8Header = !isASCII(string(m.Header))
	if len(to) == 0 {
		to = []string{"info@there.test"}
	}
	for _, a := range to {
		p := path(s.t, "<"+a+">")
		e.Destination = p.Domain
		e.Rcpts = append(e.Rcpts, spool.Rcpt{To: p})
	}
	return e
}

func (s *scene) blob(text string) kv.BlobID {
	s.t.Helper()
	w, err := s.store.Create(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	defer w.Close()
	if _, err := w.Write([]byte(text)); err != nil {
		s.t.Fatal(err)
	}
	id, err := w.Commit(nil, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	return id
}

func path(t testing.TB, text string) addr.Path {
	t.Helper()
	p, _, err := addr.ParsePath(text, addr.Options{Null: true, UTF8: true})
	if err != nil {
		t.Fatal(text, err)
	}
	return p
}

// send delivers and checks that each waiting recipient has one outcome, in order, with a time.
func (s *scene) send(e *spool.Entry) []queue.Outcome {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 5*patience)
	defer cancel()
	out := s.d.Deliver(ctx, e)
	at := 0
	for i := range e.Rcpts {
		if e.Rcpts[i].State != spool.Waiting {
			continue
		}
		if at >= len(out) || out[at].Rcpt != i {
			s.t.Fatalf("outcomes %+v for recipients %+v", out, e.Rcpts)
		}
		if o := out[at]; o.Answer.Time.IsZero() || o.Answer.Stage == "" || o.Answer.Enhanced == "" || o.Answer.Text == "" {
			s.t.Errorf("an answer that does not tell: %+v", o.Answer)
		}
		at++
	}
	if at != len(out) {
		s.t.Fatalf("%d outcomes for %d recipients", len(out), at)
	}
	return out
}

// tell gives an outcome on one line: "deferred 4.4.1 connect".
func tell(o queue.Outcome) string {
	return fmt.Sprintf("%s %s %s", o.Kind, o.Answer.Enhanced, o.Answer.Stage)
}

// expect sends and compares the outcomes, told as tell does.
func (s *scene) expect(e *spool.Entry, want ...string) []queue.Outcome {
	s.t.Helper()
	out := s.send(e)
	for i, o := range out {
		w := want[min(i, len(want)-1)]
		if tell(o) != w {
			s.t.Errorf("recipient %d: %q, want %q (%+v)", i, tell(o), w, o.Answer)
		}
	}
	return out
}

const relayed = "relayed 2.6.0 data"

// identity is a server's certificate and who believes it.
type identity struct {
	server *tls.Config
	roots  *x509.CertPool
}

// certify makes a certificate for names.
func certify(t testing.TB, from time.Time, names ...string) identity {
	t.Helper()
	cert, k, err := basetls.SelfSigned{Names: names, IPs: []netip.Addr{netip.MustParseAddr("127.0.0.1")}, From: from, For: 24 * time.Hour}.Generate()
	if err != nil {
		t.Fatal(err)
	}
	pair, err := tls.X509KeyPair(cert, k)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(cert) {
		t.Fatal("no certificate")
	}
	return identity{&tls.Config{Certificates: []tls.Certificate{pair}}, pool}
}

func yesterday() time.Time { return time.Now().Add(-12 * time.Hour) }

// commands gives the client's lines of a sink without those of greeting and leaving.
func commands(k *sink.Sink) string {
	var out []string
	for _, l := range k.Lines() {
		if _, c, ok := strings.Cut(l, " C: "); ok && !strings.HasPrefix(c, "EHLO") && c != "QUIT" {
			out = append(out, c)
		}
	}
	return strings.Join(out, "\n")
}
