package app

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"barid/app/config"
	"barid/base/fault"
	"barid/base/log"
	btls "barid/base/tls"
	"barid/ops/manage"
	"barid/rfc/addr"
)

// SetupOptions say what `barid setup` makes.
type SetupOptions struct {
	Address  string // the first account
	Password string // "" makes one up
	Dir      string // for barid.toml and the certificate
	Data     string // "" means the usual place
	Hostname string // "" means mail.DOMAIN
}

// SetupDone is what was made, and what is left to do.
type SetupDone struct {
	Created  []string `json:"created"`
	Account  string   `json:"account"`
	Password string   `json:"password,omitempty"` // only when it was made up
	Records  []string `json:"records"`            // DNS records to publish
	Next     []string `json:"next"`
}

// usualDir and usualData are where a server that is set up without flags lives.
const (
	usualDir  = "/etc/barid"
	usualData = "/var/lib/barid"
)

// notRoot is how somebody goes on who may not write to the usual places.
const notRoot = "run it as root, or add --dir FOLDER"

// certificateLife is how long the self-signed certificate of the set-up is good for.
const certificateLife = 397 * 24 * time.Hour

// Setup makes an installation: configuration, data folder, domain, account, certificate. It overwrites
// nothing; when a step fails, what it made is taken away again.
func Setup(ctx context.Context, o SetupOptions) (SetupDone, error) {
	box, err := addr.ParseMailbox(o.Address, true)
	if err != nil {
		return SetupDone{}, fault.New("B2007", "%q is not a mail address", o.Address).WithFound("%v", err).
			WithExit(fault.ExitUsage).WithFix("barid setup you@example.org")
	}
	u := &undertaking{}
	if o, err = o.filled(box.Domain); err != nil {
		return SetupDone{}, err
	}
	done, err := u.setup(ctx, o, box)
	if err != nil {
		u.undo()
		return SetupDone{}, err
	}
	return done, nil
}

func (o SetupOptions) filled(domain string) (SetupOptions, error) {
	if o.Hostname == "" {
		o.Hostname = "mail." + domain
	}
	if o.Dir == "" {
		o.Dir = usualDir
	}
	if o.Data == "" {
		o.Data = filepath.Join(o.Dir, "data")
		if o.Dir == usualDir {
			o.Data = usualData
		}
	}
	var err1, err2 error
	o.Dir, err1 = filepath.Abs(o.Dir)
	o.Data, err2 = filepath.Abs(o.Data)
	return o, errors.Join(err1, err2)
}

// undertaking remembers what was made, newest last, and which empty folder was there and is filled.
type undertaking struct {
	made   []string
	filled string
}

// undo takes away what was made, as well as it can: the first error is the one to show.
func (u *undertaking) undo() {
	if inside, err := os.ReadDir(u.filled); err == nil {
		for _, e := range inside {
			_ = os.RemoveAll(filepath.Join(u.filled, e.Name()))
		}
	}
	for i := len(u.made) - 1; i >= 0; i-- {
		_ = os.RemoveAll(u.made[i])
	}
}

func (u *undertaking) setup(ctx context.Context, o SetupOptions, box addr.Mailbox) (SetupDone, error) {
	file := filepath.Join(o.Dir, "barid.toml")
	pair := btls.Pair{Cert: filepath.Join(o.Dir, "cert.pem"), Key: filepath.Join(o.Dir, "key.pem")}
	for _, p := range []string{file, o.Data, pair.Cert, pair.Key} {
		if inTheWay(p) {
			return SetupDone{}, fault.New("B1010", "%s exists already", p).WithMeans("nothing was changed").
				WithFix("barid setup %s --dir ANOTHER-FOLDER", o.Address)
		}
	}
	if err := u.files(o, file, pair); err != nil {
		return SetupDone{}, err
	}
	password := o.Password
	if password == "" {
		password = inventPassword()
	}
	if err := u.people(ctx, file, box, password); err != nil {
		return SetupDone{}, err
	}
	done := SetupDone{Created: u.made, Account: box.Unicode(), Records: records(o.Hostname, box.Domain), Next: nextSteps(o, file)}
	if o.Password == "" {
		done.Password = password
	}
	return done, nil
}

// inTheWay tells whether something is at p that would be lost. A package may have made the empty data folder.
func inTheWay(p string) bool {
	fi, err := os.Lstat(p)
	if err != nil {
		return false // not there; or not ours to look at, and then writing fails with its own words
	}
	if !fi.IsDir() {
		return true
	}
	inside, err := os.ReadDir(p)
	return err != nil || len(inside) > 0
}

// files writes folders, configuration and certificate.
func (u *undertaking) files(o SetupOptions, file string, pair btls.Pair) error {
	if _, err := os.Stat(o.Data); err == nil {
		u.filled = o.Data
	}
	for _, dir := range []string{o.Dir, o.Data} {
		if err := u.mkdir(dir); err != nil {
			return err
		}
	}
	self := btls.SelfSigned{Names: []string{o.Hostname}, From: time.Now().Add(-time.Hour), For: certificateLife}
	u.made = append(u.made, pair.Cert, pair.Key)
	if err := self.Write(pair); err != nil {
		return fault.New("B1010", "the certificate can not be written").Wrap(err).WithFix(notRoot)
	}
	u.made = append(u.made, file)
	if err := os.WriteFile(file, []byte(configText(o, pair)), 0o644); err != nil {
		return fault.New("B1010", "the configuration can not be written").Wrap(err).WithFix(notRoot)
	}
	return nil
}

// mkdir makes dir and what is missing above it. A folder that was there stays if we fail.
func (u *undertaking) mkdir(dir string) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	if up := filepath.Dir(dir); up != dir {
		if err := u.mkdir(up); err != nil {
			return err
		}
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return fault.New("B1010", "the folder %s can not be made", dir).Wrap(err).WithFix(notRoot)
	}
	u.made = append(u.made, dir)
	return nil
}

func configText(o SetupOptions, p btls.Pair) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Written by barid setup. Every key with its default: barid config default\n")
	fmt.Fprintf(&b, "hostname = %s\n", config.Literal(o.Hostname))
	fmt.Fprintf(&b, "data = %s\n\n", config.Literal(o.Data))
	for _, l := range config.UsualListeners() {
		fmt.Fprintf(&b, "[[listener]]\nprotocol = %s\naddress = %s\n\n", config.Literal(l.Protocol), config.Literal(l.Address))
	}
	fmt.Fprintf(&b, "[[certificate]]\ncert = %s\nkey = %s\n", config.Literal(p.Cert), config.Literal(p.Key))
	return b.String()
}

// people makes the domain and the first account in the new data folder.
func (u *undertaking) people(ctx context.Context, file string, box addr.Mailbox, password string) error {
	cfg, err := config.Load(file, nil, nil)
	if err != nil {
		return err
	}
	s, err := Open(ctx, cfg, log.Nothing())
	if err != nil {
		return err
	}
	m := s.Manager()
	err = m.Call(ctx, "domain.add", manage.DomainChange{Domain: box.Domain}, nil, nil)
	if err == nil {
		err = m.Call(ctx, "account.add", manage.AccountChange{Address: box.Unicode(), Password: password}, nil, nil)
	}
	if err == nil {
		err = m.Call(ctx, "limits.set", firstLimits(), nil, nil)
	}
	if closeErr := s.Close(); err == nil {
		err = closeErr
	}
	return err
}

// firstLimits are for every account of a new server: far above what a person sends, far below what a thief wants to.
func firstLimits() manage.AllowanceChange {
	messages, strangers, octets := int64(300), int64(500), int64(2<<30)
	return manage.AllowanceChange{
		AllowanceOf:  manage.AllowanceOf{Scope: "default"},
		LimitsChange: manage.LimitsChange{PerHour: &messages, NewRecipients: &strangers, PerDay: &octets},
	}
}

// inventPassword gives 100 random bits in letters that are easy to type.
func inventPassword() string {
	var b [13]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	s := strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(b[:]))[:20]
	return s[:5] + "-" + s[5:10] + "-" + s[10:15] + "-" + s[15:]
}

// records are what others need to find this server, and to believe its mail. The SPF record is soft: a hard one
// would break whatever else sends for the domain today.
func records(host, domain string) []string {
	return []string{
		host + ".   A      the IPv4 address of this machine (AAAA for IPv6)",
		domain + ".   MX     10 " + host + ".",
		domain + ".   TXT    \"v=spf1 mx ~all\"",
		"the name of this machine's address (PTR, set by whoever gave you the address)   " + host + ".",
	}
}

func nextSteps(o SetupOptions, file string) []string {
	return []string{
		"barid serve --config " + file,
		"barid account add SOMEBODY@DOMAIN --config " + file,
		"an account may send 300 messages an hour, to 500 new addresses and 2 GiB a day: barid account set-limits --default --config " + file,
		"barid probe port25 --config " + file + "    tells whether your network lets mail out",
		"replace the self-signed certificate (cert.pem, key.pem in " + o.Dir + ") by a real one, then send the server SIGHUP",
		"in a mail program: IMAP " + o.Hostname + " port 993 TLS, SMTP " + o.Hostname + " port 465 TLS, user name " + o.Address,
	}
}
