package account

import (
	"context"
	"strings"

	"barid/base/kv"
	"barid/mail"
	"barid/rfc/addr"
	"barid/rfc/status"
)

// Authenticate tells whose password it is. User may be the name or another address of an account, its
// domain with A-labels or U-labels. The password may be the account's own or one of its application passwords;
// with "/" and a name behind the address only the application password of that name is right.
//
// A wrong password, an unknown user and a disabled account give the same *status.Error (535 5.7.8, RFC 4954
// §6); only its Reason, for our log, differs. Guessing gives 454 4.7.0 without a test. Other errors are ours
// and temporary.
//
// The secret of an application password can not be guessed, so it is looked for first, costs no slow hash and
// meets no brake: whoever attacks the account's password does not stop its shop from sending. One that is not
// meant for the protocol is refused with 535 5.7.8 in words of its own.
func (d *Directory) Authenticate(ctx context.Context, a Attempt) (Account, error) {
	acc, err := d.authenticate(ctx, a)
	d.o.Metrics.attempt(a.Protocol, result(err))
	return acc, err
}

// result names the outcome for the metric.
func result(err error) string {
	if err == nil {
		return "ok"
	}
	e, ok := status.Of(err)
	if !ok {
		return "error"
	}
	return strings.TrimPrefix(e.Reason, "auth-")
}

func refuse(reason string) error {
	return status.Perm(7, 8, "authentication failed: wrong user name or password").WithReply(535).Because(reason)
}

// claim is who somebody says they are.
type claim struct {
	Attempt
	name  string  // folded, of a user or of nobody
	acc   Account // zero if the name is nobody's
	hash  string  // the account's, or the dummy
	known bool    // hash is the account's
	tag   tag

	wantApp string       // the name behind "/", or ""
	app     *Application // whose secret the password is, or nil
}

func (d *Directory) authenticate(ctx context.Context, a Attempt) (Account, error) {
	password, err := normalPassword(a.Password)
	if err != nil || len(a.User) > MaxUser {
		return Account{}, refuse("auth-wrong") // nobody has such a password, whoever it is
	}
	a.Password = password
	c, err := d.claim(ctx, a)
	if err != nil {
		return Account{}, err
	}
	if c.app != nil {
		return d.asApplication(ctx, c)
	}
	if d.wrong.has(c.tag) {
		return Account{}, d.repeated(c)
	}
	right, err := d.test(ctx, c)
	switch {
	case err != nil:
		return Account{}, err
	case !right:
		return Account{}, refuse("auth-wrong")
	case c.acc.Disabled:
		return Account{}, refuse("auth-disabled")
	}
	return c.acc, nil
}

// asApplication logs in with an application password that was proven.
func (d *Directory) asApplication(ctx context.Context, c claim) (Account, error) {
	switch {
	case c.acc.Disabled:
		return Account{}, refuse("auth-disabled")
	case !c.app.mayUse(c.Protocol):
		return Account{}, status.Perm(7, 8, "this application password may not be used for "+c.Protocol).
			WithReply(535).Because("auth-protocol")
	}
	d.used(ctx, *c.app, c.Remote)
	c.acc.Application = c.app
	return c.acc, nil
}

// repeated answers what is known to be wrong. It uses up nothing but its own lane, which keeps the answer
// the same as for any guess.
func (d *Directory) repeated(c claim) error {
	if !d.brake.spend(lane{kind: laneRepeat, net: near(c.Remote)}) {
		return d.stop(laneRepeat, c)
	}
	return refuse("auth-wrong")
}

// claim looks the user up. It does the same for a user and for nobody, up to two small reads and the rows of
// application passwords.
func (d *Directory) claim(ctx context.Context, a Attempt) (claim, error) {
	c := claim{Attempt: a, hash: d.dummy}
	user, app := splitUser(a.User)
	c.wantApp = app
	m, ok := d.login(user)
	if !ok {
		c.name = addr.FoldLocal(strings.ReplaceAll(a.User, "\x00", " "))
		c.tag = d.tagOf(c, c.hash)
		return c, nil
	}
	c.name = m.Key()
	err := d.view(ctx, func(r kv.Reader) error {
		w, ok, err := getAddress(r, m)
		if err != nil {
			return err
		}
		if !ok || w.alias != nil {
			_, _, err := d.proveSecret(r, 0, a.Password) // the same work
			return err
		}
		return d.lookUp(r, w.account, &c)
	})
	c.tag = d.tagOf(c, c.hash)
	if c.acc.Disabled { // what is wrong now may be right when it is enabled again
		c.tag = d.tagOf(c, "disabled "+c.hash)
	}
	return c, err
}

// tagOf makes the tag of a claim. The name of an application password is part of it for a user and for nobody, so
// that asking for one tells nothing.
func (d *Directory) tagOf(c claim, hash string) tag {
	name := c.name
	if c.wantApp != "" {
		name += "/" + c.wantApp
	}
	return d.proven.tagOf(name, hash, c.Password)
}

// lookUp fills in what is known of an account and its passwords.
func (d *Directory) lookUp(r kv.Reader, id mail.AccountID, c *claim) (err error) {
	if c.acc, err = needAccount(r, id); err != nil {
		return err
	}
	c.name = c.acc.Name
	p, ok, err := d.proveSecret(r, id, c.Password)
	if err != nil {
		return err
	}
	if ok && (c.wantApp == "" || c.wantApp == p.Name) {
		c.app = &p
	}
	if c.wantApp != "" {
		return nil // only that application password would be right
	}
	hash, err := getPassword(r, id)
	if hash != "" {
		c.hash, c.known = hash, true
	}
	return err
}

// splitUser takes the name of an application password from behind an address: "info@example.org/shop".
func splitUser(user string) (address, app string) {
	at, slash := strings.LastIndexByte(user, '@'), strings.LastIndexByte(user, '/')
	if at < 0 || slash < at {
		return user, ""
	}
	if name, err := foldName(user[slash+1:]); err == nil && name != "" {
		return user[:slash], name
	}
	return user, "" // such an address there is not
}

// login gives the address that a user name means.
func (d *Directory) login(user string) (addr.Mailbox, bool) {
	if !strings.Contains(user, "@") && d.o.DefaultDomain != "" {
		user += "@" + d.o.DefaultDomain
	}
	m, err := addr.ParseMailbox(user, true)
	if err != nil {
		return addr.Mailbox{}, false
	}
	if local, err := foldName(m.Local); err == nil {
		m.Local = local
	}
	m.Local = addr.FoldLocal(m.Local)
	return m, true
}

// test tests a password, if the brake allows it.
func (d *Directory) test(ctx context.Context, c claim) (right bool, err error) {
	from := near(c.Remote)
	home := c.known && d.proven.home(c.acc.ID, from, d.now())
	lanes := strangerLanes(c.Remote, c.name)
	var also []lane
	if home {
		also = lanes[:1] // whoever guesses from an owner's address still is a guesser to all others
		lanes = []lane{{kind: laneHome, net: from, name: c.name}}
	}
	full, ok, err := d.brake.enter(ctx, lanes...)
	if err != nil {
		return false, err
	}
	if !ok {
		if home && d.overtime(c) {
			return true, nil
		}
		return false, d.stop(full, c)
	}
	failed := false
	defer func() { d.brake.leave(failed, lanes, also...) }()
	if c.known && d.proven.matches(c.acc.ID, c.tag) {
		d.proven.remember(c.acc.ID, c.tag, from, d.now())
		return true, nil
	}
	right, old, err := d.hash.verify(ctx, c.Password, c.hash)
	if err != nil {
		return false, err
	}
	right = right && c.known
	if failed = !right || c.acc.Disabled; failed {
		d.wrong.add(c.tag)
	} else {
		d.succeeded(ctx, c, old)
	}
	return right, nil
}

// overtime lets an owner in whose address is being guessed from, or who shares it with a guesser: the
// password is held against the one that was right last, which is cheap, some dozens of times an hour.
func (d *Directory) overtime(c claim) bool {
	l := lane{kind: laneOvertime, net: near(c.Remote), name: c.name}
	if !d.brake.left(l) {
		return false
	}
	if d.proven.matches(c.acc.ID, c.tag) {
		return true
	}
	d.brake.spend(l)
	return false
}

// succeeded remembers a right password and renews a hash of another cost. A renewal that fails is no
// reason to refuse the login; the next one tries again.
func (d *Directory) succeeded(ctx context.Context, c claim, old bool) {
	if old {
		if fresh, err := d.renew(ctx, c); err != nil {
			d.log.WarnContext(ctx, "password hash not renewed", "account", c.acc.Name, "error", err)
		} else {
			c.tag = d.tagOf(c, fresh)
		}
	}
	d.proven.remember(c.acc.ID, c.tag, near(c.Remote), d.now())
}

// renew hashes at today's cost, unless the password was changed meanwhile.
func (d *Directory) renew(ctx context.Context, c claim) (string, error) {
	fresh, err := d.hash.create(ctx, c.Password)
	if err != nil {
		return "", err
	}
	// Not d.update: no address leads anywhere else after it.
	return fresh, d.kv.Update(ctx, part, func(t kv.Txn) error {
		if now, err := getPassword(t, c.acc.ID); err != nil || now != c.hash {
			return err
		}
		putPassword(t, c.acc.ID, fresh)
		return nil
	})
}

// newHash checks and hashes a new password.
func (d *Directory) newHash(ctx context.Context, name, password string) (string, error) {
	p, err := normalPassword(password)
	if err != nil {
		return "", ErrInvalid{Kind: "account", Name: name, Field: "password", Why: err.Error()}
	}
	return d.hash.create(ctx, p)
}

// stop refuses a guess untested. It tells the operator, once a minute for each limit that many meet.
func (d *Directory) stop(full laneKind, c claim) error {
	d.o.Metrics.brake(full.String())
	if full == laneGlobal || full == laneNetwork || full == laneAccount {
		if d.alerts.due(full, d.now()) {
			d.log.Warn("passwords are being guessed", "limit", full.String(), "remote", c.Remote.String(), "name", c.name)
		}
	}
	return status.Temp(7, 0, "too many failed logins, try again in a minute").WithReply(454).Because("auth-braked")
}
