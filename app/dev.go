package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"barid/app/config"
	"barid/base/fault"
	btls "barid/base/tls"
	"barid/ops/manage"
)

// DevOptions shape the local mail world of `barid dev`.
type DevOptions struct {
	Data        string // "" keeps everything in memory
	SMTPPort    int    // 0 means 1025
	FreePorts   bool   // let the system choose every port
	StrictPorts bool   // fail when a port is taken
}

// DevWorld is what `barid dev` tells: where everything is.
type DevWorld struct {
	Ready        bool          `json:"ready"`
	ReadySeconds float64       `json:"ready_seconds"`
	Data         string        `json:"data,omitempty"` // "" in memory
	Listeners    []DevListener `json:"listeners"`
	Accounts     []DevAccount  `json:"accounts"`
	Try          string        `json:"try"`
	Notes        []string      `json:"notes,omitempty"`
}

// DevListener is one open address.
type DevListener struct {
	Protocol string `json:"protocol"`
	Address  string `json:"address"`
	Note     string `json:"note"`
}

// DevAccount is a login that works.
type DevAccount struct {
	Address  string `json:"address"`
	Password string `json:"password"`
	Locale   string `json:"locale"`
}

// devDomain is the hosted domain of the dev world; .test never exists (RFC 2606 §2).
const devDomain = "barid.test"

// devPassword opens every demo account. It is no secret: the world is on loopback only.
const devPassword = "demo"

var devAccounts = []DevAccount{
	{"info@" + devDomain, devPassword, "en"},
	{"demo@" + devDomain, devPassword, "ar"},
	{"فروش@" + devDomain, devPassword, "fa"},
}

// devPorts are the listeners with their usual ports and what to say of them.
var devPorts = []struct {
	protocol string
	port     int
	note     string
}{
	{"smtp", 1025, "any sender, recipients at " + devDomain + "; nothing leaves this machine"},
	{"submission", 1587, "log in; STARTTLS offered, not required"},
	{"submissions", 1465, "log in; TLS"},
	{"imap", 1143, "STARTTLS offered, not required"},
	{"imaps", 1993, "TLS"},
	{"pop3", 1110, "STARTTLS offered, not required"},
	{"pop3s", 1995, "TLS"},
	{"admin", 8026, "http: /metrics, /readyz"},
}

// Dev runs the world until ctx ends. tell is called once, when everything answers.
func Dev(ctx context.Context, o DevOptions, log *slog.Logger, tell func(DevWorld) error) error {
	begin := time.Now()
	w := DevWorld{Ready: true, Accounts: devAccounts}
	cfg, err := devConfig(o, &w)
	if err != nil {
		return err
	}
	folder, remove, err := devFolder(o.Data)
	if err != nil {
		return err
	}
	defer remove()
	cfg.Data = folder
	if err := devCertificate(cfg); err != nil {
		return err
	}
	s, err := open(ctx, cfg, log, opening{inMemory: o.Data == "", lockWait: lockStep})
	if err != nil {
		return err
	}
	if err := seed(ctx, s); err != nil {
		_ = s.Close() // the first error is the one to show
		return err
	}
	err = s.serve(ctx, func(open []manage.Listening) error {
		w.Data = o.Data
		w.fill(open)
		w.ReadySeconds = time.Since(begin).Seconds()
		return tell(w)
	})
	var f *fault.Fault
	if errors.As(err, &f) && f.Code == "B1011" { // there is no configuration whose listener could be changed
		f.Fix = []string{"barid dev    without --strict-ports takes the next free port", "barid dev --port 0    picks free ports for everything"}
	}
	return err
}

// devConfig picks ports on loopback.
func devConfig(o DevOptions, w *DevWorld) (*config.Config, error) {
	cfg := config.Default()
	cfg.Hostname = "localhost"
	cfg.PlainLogin = true
	cfg.Policy.IPRev = "off"     // no look-up leaves the machine,
	cfg.Outbound.Enabled = false // and no message
	cfg.Listeners = nil
	taken := map[int]bool{}
	for _, p := range devPorts {
		port := p.port
		if p.protocol == "smtp" && o.SMTPPort != 0 {
			port = o.SMTPPort
		}
		if o.FreePorts {
			port = 0
		} else if free := nextFree(port, taken); free != port && !o.StrictPorts {
			w.Notes = append(w.Notes, fmt.Sprintf("port %d is taken, %s is on %d", port, p.protocol, free))
			port = free
		}
		taken[port] = true
		cfg.Listeners = append(cfg.Listeners, config.Listener{Protocol: p.protocol, Address: "127.0.0.1:" + strconv.Itoa(port)})
	}
	return cfg, nil
}

// nextFree gives the first port from port on that nobody listens on, port itself if none of 100 is free.
func nextFree(port int, taken map[int]bool) int {
	for p := port; p < port+100 && p < 65536; p++ {
		if taken[p] {
			continue
		}
		l, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(p))
		if err == nil {
			_ = l.Close()
			return p
		}
	}
	return port
}

// devFolder gives the folder for the state, or a temporary one for the socket and certificate of a world that
// is in memory.
func devFolder(data string) (folder string, remove func(), err error) {
	if data != "" {
		abs, err := filepath.Abs(data)
		if err != nil {
			return "", nil, err
		}
		return abs, func() {}, os.MkdirAll(abs, 0o700)
	}
	folder, err = os.MkdirTemp("", "barid-dev-")
	return folder, func() { _ = os.RemoveAll(folder) }, err
}

func devCertificate(cfg *config.Config) error {
	pair := btls.Pair{Cert: filepath.Join(cfg.Data, "dev-cert.pem"), Key: filepath.Join(cfg.Data, "dev-key.pem")}
	cfg.Certificates = []config.Certificate{{Cert: pair.Cert, Key: pair.Key}}
	if _, err := os.Stat(pair.Cert); err == nil {
		return nil
	}
	loopback := []netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.IPv6Loopback()}
	self := btls.SelfSigned{Names: []string{"localhost"}, IPs: loopback, From: time.Now().Add(-time.Hour), For: certificateLife}
	return self.Write(pair)
}

// fill names the open addresses and the line to try.
func (w *DevWorld) fill(open []manage.Listening) {
	for _, l := range open {
		note := ""
		for _, p := range devPorts {
			if p.protocol == l.Protocol {
				note = p.note
			}
		}
		w.Listeners = append(w.Listeners, DevListener{l.Protocol, l.Address, note})
		if l.Protocol == "smtp" {
			w.Try = fmt.Sprintf("barid send --server %s --to demo@%s --subject \"سلام\"", l.Address, devDomain)
		}
	}
}
