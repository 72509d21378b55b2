package config

import (
	"math"
	"net"
	"net/netip"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"barid/base/fault"
	"barid/rfc/addr"
)

// check refuses what can not work.
func (c *Config) check() error {
	for _, f := range []func() error{c.checkNames, c.checkRoles, c.checkListeners, c.checkNetworks, c.checkHidden, c.checkAdmins, c.checkLimits, c.checkOutbound, c.checkStorage, c.checkWords} {
		if err := f(); err != nil {
			return err
		}
	}
	return nil
}

func (c *Config) bad(key, found, need string) error {
	return fault.New("B1003", "%s: %s", key, need).WithFound("%q%s", found, c.where(key, found)).WithExit(fault.ExitUsage)
}

func (c *Config) checkNames() error {
	if c.Hostname != "" && (strings.ContainsAny(c.Hostname, " \t\r\n\x00:/@") || len(c.Hostname) > 253) {
		return c.bad("hostname", c.Hostname, "a host name such as mail.example.org is needed")
	}
	if strings.ContainsFunc(c.Hostname, func(r rune) bool { return r >= 0x80 }) { // SMTP speaks A-labels
		d, err := addr.ParseDomain(c.Hostname)
		if err != nil {
			return c.bad("hostname", c.Hostname, "a host name such as mail.example.org is needed")
		}
		c.Hostname = d
	}
	if c.Data == "" {
		return c.bad("data", c.Data, "a folder is needed")
	}
	if !filepath.IsAbs(c.Data) {
		abs, err := filepath.Abs(c.Data)
		if err != nil {
			return err
		}
		c.Data = abs
	}
	return nil
}

func (c *Config) checkListeners() error {
	if c.Listeners == nil {
		c.Listeners = UsualListeners()
	}
	for _, l := range c.Listeners {
		if !slices.Contains(Protocols(), l.Protocol) {
			f := c.bad("listener.protocol", l.Protocol, "one of "+strings.Join(Protocols(), ", ")+" is needed")
			if near := nearest(l.Protocol, Protocols()); near != "" {
				fault.Of(f).WithFix("did you mean %q?", near)
			}
			return f
		}
		_, port, err := net.SplitHostPort(l.Address)
		n, err2 := strconv.ParseUint(port, 10, 16)
		if err != nil || err2 != nil || n > 65535 {
			return c.bad("listener.address", l.Address, "ADDRESS:PORT is needed, such as 0.0.0.0:25")
		}
	}
	return nil
}

func (c *Config) checkNetworks() error {
	for key, networks := range map[string][]string{"proxy_trusted": c.ProxyTrusted, "lmtp_clients": c.LMTPClients} {
		for _, p := range networks {
			if _, err := netip.ParsePrefix(p); err != nil {
				return c.bad(key, p, "a network such as 10.0.0.0/8 is needed")
			}
		}
	}
	if shortest := 10 * time.Millisecond; time.Duration(c.ResolverWait) < shortest {
		return c.bad("resolver_timeout", c.ResolverWait.String(), "at least "+shortest.String()+" is needed")
	}
	for i, r := range c.Resolver {
		if a, err := netip.ParseAddr(r); err == nil {
			c.Resolver[i] = net.JoinHostPort(a.String(), "53")
			continue
		}
		if _, err := netip.ParseAddrPort(r); err != nil {
			return c.bad("resolver", r, "an address such as 127.0.0.1:53 is needed")
		}
	}
	return nil
}

func (c *Config) checkHidden() error {
	for _, h := range c.IMAPHide {
		if h.Capability == "" || strings.ContainsAny(h.Capability, " \t\r\n") {
			return c.bad("imap_hide.capability", h.Capability, "the name of a capability such as QRESYNC is needed")
		}
	}
	return nil
}

func (c *Config) checkAdmins() error {
	for i, name := range c.IMAPAdmins {
		m, err := addr.ParseMailbox(name, true)
		if err != nil {
			return c.bad("imap_admins", name, "the address that an account logs in with is needed")
		}
		c.IMAPAdmins[i] = m.Key()
	}
	return nil
}

// Trusted gives the networks of proxy_trusted.
func (c *Config) Trusted() []netip.Prefix { return prefixes(c.ProxyTrusted) }

// LMTPNetworks gives the networks of lmtp_clients; nil: this machine.
func (c *Config) LMTPNetworks() []netip.Prefix { return prefixes(c.LMTPClients) }

func prefixes(networks []string) (out []netip.Prefix) {
	for _, p := range networks {
		out = append(out, netip.MustParsePrefix(p)) // checked by checkNetworks
	}
	return out
}

func (c *Config) checkLimits() error {
	d := Default().Limits
	l := &c.Limits
	for _, x := range []struct {
		key  string
		v    *int
		dflt int
		min  int
	}{
		{"recipients", &l.Recipients, d.Recipients, 100}, // RFC 5321 §4.5.3.1.8
		{"connections", &l.Connections, d.Connections, 1},
		{"connections_per_network", &l.PerNetwork, d.PerNetwork, 1},
		{"bad_commands", &l.BadCommands, d.BadCommands, 1},
		{"bad_recipients", &l.BadRecipients, d.BadRecipients, 1},
		{"session_messages", &l.SessionMessages, d.SessionMessages, 1},
		{"login_tries", &l.LoginTries, d.LoginTries, 1},
		{"received_hops", &l.ReceivedHops, d.ReceivedHops, 20},
	} {
		if *x.v == 0 {
			*x.v = x.dflt
		}
		if *x.v < x.min {
			return c.bad("limits."+x.key, strconv.Itoa(*x.v), "at least "+strconv.Itoa(x.min)+" is needed")
		}
	}
	if l.MessageBytes == 0 {
		l.MessageBytes = d.MessageBytes
	}
	if longest := time.Minute; time.Duration(l.GreetWait) > longest { // honest peers wait five (RFC 5321 §4.5.3.2.1)
		return c.bad("limits.greet_wait", l.GreetWait.String(), "at most "+longest.String()+" is allowed")
	}
	if longest := 24 * time.Hour; time.Duration(l.POP3Delay) > longest {
		return c.bad("limits.pop3_login_delay", l.POP3Delay.String(), "at most "+longest.String()+" is allowed")
	}
	if err := c.checkIMAPLimits(); err != nil {
		return err
	}
	if l.MessageBytes < 64<<10 { // RFC 5321 §4.5.3.1.7
		return c.bad("limits.message_bytes", strconv.FormatInt(l.MessageBytes, 10), "at least 65536 is needed")
	}
	return nil
}

// checkOutbound refuses what would be another time than the one that is written. A delay_notice of 0 means never.
func (c *Config) checkOutbound() error {
	o := &c.Outbound
	if o.Port < 1 || o.Port > math.MaxUint16 {
		return c.bad("outbound.port", strconv.Itoa(o.Port), "a port from 1 to 65535 is needed")
	}
	const shortest = time.Second
	for _, x := range []struct {
		key   string
		v     Duration
		least Duration
		than  string
	}{
		{"first_retry", o.FirstRetry, Duration(shortest), shortest.String()},
		{"max_retry", o.MaxRetry, o.FirstRetry, "outbound.first_retry (" + o.FirstRetry.String() + ")"},
		{"expire", o.Expire, o.FirstRetry, "outbound.first_retry (" + o.FirstRetry.String() + ")"},
	} {
		if x.v < x.least {
			return c.bad("outbound."+x.key, x.v.String(), "at least "+x.than+" is needed")
		}
	}
	return nil
}

func (c *Config) checkStorage() error {
	const decade = 3650
	days := &c.Storage.EventDays
	if *days == 0 {
		*days = Default().Storage.EventDays
	}
	if *days < 1 || *days > decade {
		return c.bad("storage.event_days", strconv.Itoa(*days), "1 to "+strconv.Itoa(decade)+" days are needed")
	}
	return nil
}

func (c *Config) checkWords() error {
	for _, x := range []struct {
		key, v string
		words  []string
	}{
		{"log.level", c.Log.Level, []string{"debug", "info", "warn", "error"}},
		{"log.format", c.Log.Format, []string{"text", "json"}},
		{"policy.iprev", c.Policy.IPRev, []string{"off", "tag"}},
	} {
		if !slices.Contains(x.words, x.v) {
			return c.bad(x.key, x.v, "one of "+strings.Join(x.words, ", ")+" is needed")
		}
	}
	return nil
}

// checkIMAPLimits: RFC 9738 §3 wants 1000 at least, and one of the two.
func (c *Config) checkIMAPLimits() error {
	l := &c.Limits
	for _, x := range []struct {
		key string
		v   int
	}{{"imap_messages_per_command", l.IMAPMessages}, {"imap_saved_messages", l.IMAPSaved}} {
		if x.v != 0 && (x.v < 1000 || x.v > math.MaxInt32) {
			return c.bad("limits."+x.key, strconv.Itoa(x.v), "0 or at least 1000 is needed")
		}
	}
	if l.IMAPMessages != 0 && l.IMAPSaved != 0 {
		return c.bad("limits.imap_saved_messages", strconv.Itoa(l.IMAPSaved), "imap_messages_per_command holds for COPY and APPEND already: set one of the two")
	}
	return nil
}
