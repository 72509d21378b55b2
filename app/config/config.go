// Package config turns barid.toml, BARID_* variables and flags into one checked value.
//
// Life: read once at the start of every command; nothing of it changes while the server runs. What may
// change while it runs (domains, accounts, aliases) lives in the store and nowhere else.
// Promise: a key that is not known, or a value that can not work, is an error that names file, line and
// column, shows the offending text and the nearest valid key. Nothing is guessed and nothing is ignored.
// Failure: a *fault.Fault with code B1001 to B1005.
package config

import (
	"time"
)

// Config is everything that needs a restart. The doc tag is what `barid config explain` shows; the value that
// Default gives is the default.
type Config struct {
	Hostname     string        `toml:"hostname" doc:"the name this server calls itself: banner, EHLO, Received, certificate"`
	Data         string        `toml:"data" doc:"folder that holds all state; a path that is not absolute counts from the configuration file"`
	Roles        []string      `toml:"roles" doc:"parts that this server has, of mx, submission, access and outbound; none: what the listeners and [outbound] say"`
	Resolver     []string      `toml:"resolver" doc:"DNS servers used for every look-up, as address:port; none: those of /etc/resolv.conf"`
	ResolverWait Duration      `toml:"resolver_timeout" doc:"how long one DNS server may take to answer"`
	ProxyTrusted []string      `toml:"proxy_trusted" doc:"networks whose connections begin with a PROXY v1 or v2 header"`
	LMTPClients  []string      `toml:"lmtp_clients" doc:"networks that may hand mail over by LMTP, which has no login; none: this machine"`
	PlainLogin   bool          `toml:"plain_login" doc:"take passwords without TLS; only for tests on loopback"`
	LocalSocket  string        `toml:"local_socket" doc:"a socket at which every user of this machine may hand in mail with the sendmail command, e.g. /run/barid/smtp.sock; none: only who may enter the data folder"`
	IMAPAdmins   []string      `toml:"imap_admins" doc:"logins that may set the quotas of accounts over IMAP (SETQUOTA)"`
	Listeners    []Listener    `toml:"listener" doc:"where to listen, one table each; none: the usual ports on all addresses"`
	Certificates []Certificate `toml:"certificate" doc:"TLS certificates in PEM, one table each, picked by the name a client asks for"`
	IMAPHide     []IMAPHide    `toml:"imap_hide" doc:"IMAP capabilities that some clients or accounts are not told of, one table each"`
	Log          Log           `toml:"log" doc:"what is written to standard error"`
	Limits       Limits        `toml:"limits" doc:"what a stranger may use up"`
	Policy       Policy        `toml:"policy" doc:"how senders are checked"`
	Outbound     Outbound      `toml:"outbound" doc:"carrying mail on to other servers"`
	Storage      Storage       `toml:"storage" doc:"the embedded store"`

	File string            `toml:"-"` // where it was read from, "" if nowhere
	From map[string]string `toml:"-"` // key -> "file", "environment" or "flag"; missing means default

	places []place // of the keys in File
}

// Listener is one address to listen on.
type Listener struct {
	Protocol string `toml:"protocol" doc:"smtp, submission, submissions, lmtp, imap, imaps, pop3, pop3s or admin"`
	Address  string `toml:"address" doc:"address:port, e.g. 0.0.0.0:25, [::]:25 or 127.0.0.1:2525"`
}

// Certificate is one certificate with its key.
type Certificate struct {
	Cert string `toml:"cert" doc:"PEM file with the certificate and its chain"`
	Key  string `toml:"key" doc:"PEM file with the private key"`
}

// IMAPHide takes a capability away from clients that do not cope with it.
type IMAPHide struct {
	Capability string `toml:"capability" doc:"as CAPABILITY tells it, e.g. QRESYNC"`
	Client     string `toml:"client" doc:"how the name begins that the client gives itself by ID; none: every client"`
	Account    string `toml:"account" doc:"login name; none: everybody's"`
}

// Log says what the log looks like.
type Log struct {
	Level  string `toml:"level" doc:"debug, info, warn or error"`
	Format string `toml:"format" doc:"text or json"`
}

// Limits are for everybody who connects. Zero means the default, and "without limit" only where the explanation says so.
type Limits struct {
	MessageBytes    int64    `toml:"message_bytes" doc:"largest message, as transferred"`
	Recipients      int      `toml:"recipients" doc:"recipients of one transaction; more get 452 4.5.3"`
	Connections     int      `toml:"connections" doc:"connections a listener serves at once"`
	PerNetwork      int      `toml:"connections_per_network" doc:"of these, from one IPv4 address or IPv6 /64"`
	BadCommands     int      `toml:"bad_commands" doc:"unknown or misplaced commands before a session is closed"`
	BadRecipients   int      `toml:"bad_recipients" doc:"refused recipients before a session is closed"`
	SessionMessages int      `toml:"session_messages" doc:"messages one SMTP session may bring"`
	GreetWait       Duration `toml:"greet_wait" doc:"how long port 25 waits before its greeting; a peer that talks meanwhile is refused; 0s: no wait"`
	CommandWait     Duration `toml:"command_timeout" doc:"how long SMTP waits for the next command"`
	DataWait        Duration `toml:"data_timeout" doc:"how long SMTP waits for the next bytes of a message"`
	DataTotal       Duration `toml:"data_total" doc:"how long one message may take in all"`
	IdleWait        Duration `toml:"idle_timeout" doc:"how long IMAP waits after login; POP3 waits ten minutes, as RFC 1939 has it"`
	POP3Delay       Duration `toml:"pop3_login_delay" doc:"how long an account waits between two logins by POP3; 0s: no wait"`
	LoginTries      int      `toml:"login_tries" doc:"passwords tested a minute for one network"`
	MailRate        int      `toml:"messages_per_minute" doc:"messages a minute from one network on port 25; 0: as many as it likes"`
	IMAPMessages    int      `toml:"imap_messages_per_command" doc:"messages one IMAP command may work on (MESSAGELIMIT), at least 1000; 0: any number. Programs that do not know MESSAGELIMIT then see only the newest"`
	IMAPSaved       int      `toml:"imap_saved_messages" doc:"messages one IMAP COPY or APPEND may bring (SAVELIMIT), at least 1000; 0: any number"`
	ReceivedHops    int      `toml:"received_hops" doc:"Received fields after which a message counts as looping"`
}

// Policy says how senders are checked.
type Policy struct {
	IPRev string `toml:"iprev" doc:"reverse DNS of the peer: off, or tag (written into Authentication-Results)"`
}

// Outbound is how mail is carried on to other servers.
type Outbound struct {
	Enabled      bool     `toml:"enabled" doc:"carry mail of people who log in, and of aliases, on to other domains; without it such mail is refused"`
	Port         int      `toml:"port" doc:"port of other servers; another one than 25 is for tests"`
	AllowPrivate bool     `toml:"allow_private" doc:"other servers may have loopback and private addresses: tests and islands"`
	FirstRetry   Duration `toml:"first_retry" doc:"wait after a first failed attempt; later ones are twice as long each"`
	MaxRetry     Duration `toml:"max_retry" doc:"longest wait between two attempts"`
	Expire       Duration `toml:"expire" doc:"how long a message is tried before its sender gets it back"`
	DelayNotice  Duration `toml:"delay_notice" doc:"age at which a sender is told that a message is late"`
}

// Storage tunes the embedded store.
type Storage struct {
	CacheBytes   int64 `toml:"cache_bytes" doc:"memory for rows read often"`
	ReserveBytes int64 `toml:"reserve_bytes" doc:"free disk space below which new mail is deferred with 452 4.3.1; at most a sixteenth of the disk counts"`
	EventDays    int   `toml:"event_days" doc:"how many days it is kept what happened to messages and connections, for barid trace"`
}

// Duration is a time.Duration that is written "5m" or "2s".
type Duration time.Duration

// UnmarshalText reads "5m".
func (d *Duration) UnmarshalText(b []byte) error {
	v, err := time.ParseDuration(string(b))
	if err != nil || v < 0 {
		return errBadDuration
	}
	*d = Duration(v)
	return nil
}

// MarshalText writes "5m0s".
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// String gives "5m0s".
func (d Duration) String() string { return time.Duration(d).String() }

// Default is the configuration of a server that was told nothing but its name.
func Default() *Config {
	return &Config{
		Data:         "/var/lib/barid",
		ResolverWait: Duration(5 * time.Second),
		Log:          Log{Level: "info", Format: "text"},
		Limits: Limits{
			MessageBytes:    35 << 20, // 25 MB of attachments are 34 MB once encoded
			Recipients:      1000,
			Connections:     5000,
			PerNetwork:      100,
			BadCommands:     15,
			BadRecipients:   20,
			SessionMessages: 1000,
			CommandWait:     Duration(5 * time.Minute),
			DataWait:        Duration(3 * time.Minute),
			DataTotal:       Duration(time.Hour),
			IdleWait:        Duration(30 * time.Minute),
			LoginTries:      10,
			ReceivedHops:    100,
		},
		Policy: Policy{IPRev: "tag"},
		Outbound: Outbound{
			Enabled: true, Port: 25, FirstRetry: Duration(2 * time.Minute), MaxRetry: Duration(3 * time.Hour),
			Expire: Duration(5 * 24 * time.Hour), DelayNotice: Duration(4 * time.Hour),
		},
		Storage: Storage{CacheBytes: 64 << 20, ReserveBytes: 256 << 20, EventDays: 30},
		From:    map[string]string{},
	}
}

// UsualListeners are the listeners of a server whose configuration names none.
func UsualListeners() []Listener {
	return []Listener{
		{"smtp", "[::]:25"},
		{"submission", "[::]:587"},
		{"submissions", "[::]:465"},
		{"imap", "[::]:143"},
		{"imaps", "[::]:993"},
		{"pop3", "[::]:110"},
		{"pop3s", "[::]:995"},
		{"admin", "127.0.0.1:8026"},
	}
}

// Protocols are the words a listener may use, in the order they are shown.
func Protocols() []string {
	return []string{"smtp", "submission", "submissions", "lmtp", "imap", "imaps", "pop3", "pop3s", "admin"}
}
