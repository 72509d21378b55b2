package app

import (
	"log/slog"
	"time"

	"barid/app/config"
	"barid/base/dns"
	"barid/base/fault"
	btls "barid/base/tls"
	"barid/flow/deliver/remote"
	"barid/ops/manage"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// around is what barid status tells beyond the stores.
func (s *System) around() manage.Around {
	a := manage.Around{Certificates: func() []manage.CertificateState { return certificates(s.cfg) }}
	if !s.inMemory {
		a.Disk = s.disk
	}
	if s.outbound != nil {
		a.Hosts, a.CutOff = s.outbound.remote.Health, s.outbound.remote.CutOff
	}
	return a
}

// certificates looks at the files of the configuration as they are now: a renewal that does not fit is seen before
// it is needed.
func certificates(cfg *config.Config) (out []manage.CertificateState) {
	for _, c := range cfg.Certificates {
		st := manage.CertificateState{File: c.Cert}
		pair, err := btls.Open(btls.Pair{Cert: c.Cert, Key: c.Key})
		if err != nil {
			st.Trouble = err.Error()
			out = append(out, st)
			continue
		}
		for _, leaf := range pair.Leaves() {
			st.Names, st.Expires = leaf.DNSNames, leaf.NotAfter.UTC()
		}
		out = append(out, st)
	}
	return out
}

func (s *System) disk() (manage.DiskState, error) {
	use, err := vfs.Default.GetDiskUsage(s.cfg.Data)
	const share = 16 // of the disk, as store/embedded keeps free at most
	return manage.DiskState{
		Path: s.cfg.Data, Free: int64(use.AvailBytes), Total: int64(use.TotalBytes),
		Reserve: min(s.cfg.Storage.ReserveBytes, int64(use.TotalBytes/share)),
	}, err
}

// prober looks at other servers with what delivers to them, or with its own when nothing does.
func (s *System) prober() (p *manage.Prober, done func(), err error) {
	if s.outbound == nil {
		return NewProber(s.cfg, s.log)
	}
	return &manage.Prober{Servers: s.outbound.remote, Resolver: s.resolver, Port: port(s.cfg)}, func() {}, nil
}

// NewProber looks at other servers without a data folder: before an installation is set up, or beside one. done gives
// it back and must be called.
func NewProber(cfg *config.Config, log *slog.Logger) (p *manage.Prober, done func(), err error) {
	names, err := dns.New(dns.Config{Servers: cfg.Resolver, Timeout: time.Duration(cfg.ResolverWait)})
	if err != nil {
		return nil, nil, fault.New("B2103", "no DNS server can be asked").WithFound("%v", err).Wrap(err).
			WithMeans("without DNS no mail leaves").WithFix(`resolver = ["127.0.0.1:53"]`)
	}
	host := cfg.Hostname
	if host == "" {
		host = "localhost"
	}
	servers := remote.New(remote.Deps{
		Resolver: names, Log: log,
		Settings: remote.Settings{HeloName: host, Port: port(cfg), AllowPrivate: cfg.Outbound.AllowPrivate, Listen: (&System{cfg: cfg}).smtpAddresses()},
	})
	return &manage.Prober{Servers: servers, Resolver: names, Port: port(cfg)}, func() { servers.Close(); names.Close() }, nil
}

// port is where mail exchangers listen.
func port(cfg *config.Config) uint16 {
	if cfg.Outbound.Port == 0 {
		return 25
	}
	return uint16(cfg.Outbound.Port)
}
