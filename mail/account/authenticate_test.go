package account

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"barid/base/kv"
	"barid/mail"
	"barid/rfc/status"
)

const (
	infoUser = "info@barid.test"
	infoPass = "password of info@barid.test"
)

func TestAuthenticateNames(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.DefaultDomain = "barid.test" })
	w.alias("sales@barid.test", infoUser)
	const demoPass, salesPass = "password of demo@مثال.إختبار", "password of فروش@barid.test"
	for _, c := range []struct {
		user, password string
		code           int
	}{
		{infoUser, infoPass, 235},
		{"INFO@Barid.Test", infoPass, 235},
		{"help@barid.test", infoPass, 235}, // another address of the account
		{"info", infoPass, 235},            // completed with the default domain
		{"ｉｎｆｏ@barid.test", infoPass, 235}, // full width, RFC 8265 §3.3
		{"فروش@barid.test", salesPass, 235},
		{"فروش", salesPass, 235},
		{"demo@مثال.إختبار", demoPass, 235},
		{"demo@xn--mgbh0fb.xn--kgbechtv", demoPass, 235},
		{"demo@XN--MGBH0FB.XN--KGBECHTV", demoPass, 235},
		{infoUser, infoPass + " ", 535},
		{infoUser, strings.ToUpper(infoPass), 535},
		{infoUser, "", 535},
		{infoUser, "a\x00b", 535},
		{infoUser, strings.Repeat("p", MaxPassword+1), 535},
		{"sales@barid.test", infoPass, 535}, // an alias is no account
		{"info+x@barid.test", infoPass, 535},
		{"postmaster@barid.test", infoPass, 535},
		{"nobody@barid.test", infoPass, 535},
		{"info@example.org", infoPass, 535},
		{"", infoPass, 535},
		{"@", infoPass, 535},
		{"in\x00fo@barid.test", infoPass, 535},
		{strings.Repeat("u", MaxUser+1), infoPass, 535},
	} {
		w.brake = newBrake(Brake{}.withDefaults(), time.Now)
		if got := w.login(c.user, c.password, owner); got != c.code {
			t.Errorf("%q %.30q: got %d, want %d", c.user, c.password, got, c.code)
		}
	}
}

func TestPasswordsAreTheSameFromEveryKeyboard(t *testing.T) {
	w := newWorld(t)
	if err := w.SetPassword(t.Context(), w.id(infoUser), "caf\u00e9\u00a0گذرواژه"); err != nil {
		t.Fatal(err)
	}
	if got := w.login(infoUser, "cafe\u0301 گذرواژه", owner); got != 235 { // RFC 8265 §4.2.2
		t.Errorf("got %d", got)
	}
}

// What a stranger can see of a refusal: text and work.
func TestRefusalsLookAlike(t *testing.T) {
	w := newWorld(t)
	off := w.add("off@barid.test")
	off.Disabled = true
	if _, err := w.SetAccount(t.Context(), off); err != nil {
		t.Fatal(err)
	}
	if _, err := w.AddAccount(t.Context(), Account{Name: "nopass@barid.test"}, ""); err != nil {
		t.Fatal(err)
	}
	attempts := map[string]Attempt{
		"wrong password":              {User: infoUser, Password: "x"},
		"unknown user":                {User: "nobody@barid.test", Password: "x"},
		"unknown domain":              {User: "info@example.org", Password: "x"},
		"no address":                  {User: "x", Password: "x"},
		"disabled":                    {User: "off@barid.test", Password: "x"},
		"disabled, right password":    {User: "off@barid.test", Password: "password of off@barid.test"},
		"no password set":             {User: "nopass@barid.test", Password: "x"},
		"the dummy's owner's mailbox": {User: "", Password: "x"},
	}
	for name, a := range attempts {
		w.brake = newBrake(Brake{}.withDefaults(), time.Now)
		a.Remote, a.Protocol = attacker, "smtp"
		for turn, hashes := range []int64{1, 0} { // said again, it is known to be wrong
			before := w.hash.count.Load()
			_, err := w.Authenticate(t.Context(), a)
			e, ok := status.Of(err)
			if !ok || e.Code() != 535 || e.Enhanced() != "5.7.8" || e.Public != "authentication failed: wrong user name or password" {
				t.Errorf("%s: %v", name, err)
			}
			if n := w.hash.count.Load() - before; n != hashes {
				t.Errorf("%s, turn %d: %d hashes, want %d", name, turn, n, hashes)
			}
		}
	}
}

func TestRightAgainCostsNoHash(t *testing.T) {
	w := newWorld(t)
	before := w.hash.count.Load()
	for range 50 {
		if got := w.login(infoUser, infoPass, owner); got != 235 {
			t.Fatal(got)
		}
	}
	if n := w.hash.count.Load() - before; n != 1 {
		t.Errorf("%d hashes for 50 logins", n)
	}
	// From elsewhere too, and a new password ends it.
	if got := w.login(infoUser, infoPass, attacker); got != 235 || w.hash.count.Load()-before != 1 {
		t.Errorf("from elsewhere: %d", got)
	}
	if err := w.SetPassword(t.Context(), w.id(infoUser), "new"); err != nil {
		t.Fatal(err)
	}
	if got := w.login(infoUser, infoPass, owner); got != 535 {
		t.Errorf("old password: %d", got)
	}
	if got := w.login(infoUser, "new", owner); got != 235 {
		t.Errorf("new password: %d", got)
	}
	// What was wrong becomes right with the password.
	if err := w.SetPassword(t.Context(), w.id(infoUser), infoPass); err != nil {
		t.Fatal(err)
	}
	if got := w.login(infoUser, infoPass, owner); got != 235 {
		t.Errorf("first password again: %d", got)
	}
}

func TestDisabledAndEnabled(t *testing.T) {
	w := newWorld(t)
	if got := w.login(infoUser, infoPass, owner); got != 235 {
		t.Fatal(got)
	}
	a, _ := w.ByName(t.Context(), infoUser)
	a.Disabled = true
	if _, err := w.SetAccount(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if got := w.login(infoUser, infoPass, owner); got != 535 {
			t.Errorf("disabled: %d", got)
		}
	}
	a.Disabled = false
	if _, err := w.SetAccount(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	if got := w.login(infoUser, infoPass, owner); got != 235 {
		t.Errorf("enabled again: %d", got)
	}
}

func TestHashIsRenewedAtLogin(t *testing.T) {
	w := newWorld(t)
	dearer := HashCost{Memory: 16, Time: 2, Threads: 1}
	w.open(func(o *Options) { o.Hash = dearer })
	stored := func() (s string) {
		err := w.view(t.Context(), func(r kv.Reader) (err error) {
			s, err = getPassword(r, w.id(infoUser))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	old := stored()
	if got := w.login(infoUser, "wrong", owner); got != 535 || stored() != old {
		t.Fatalf("a wrong password: %d, changed the hash: %v", got, stored() != old)
	}
	if got := w.login(infoUser, infoPass, owner); got != 235 {
		t.Fatal(got)
	}
	if p, err := parsePHC(stored()); err != nil || p.cost != dearer {
		t.Fatalf("hash not renewed: %q %v", stored(), err)
	}
	before := w.hash.count.Load()
	if got := w.login(infoUser, infoPass, owner); got != 235 || w.hash.count.Load() != before {
		t.Errorf("after renewal: %d, %d hashes", got, w.hash.count.Load()-before)
	}
}

func TestRenewalThatFailsIsNoRefusal(t *testing.T) {
	w := newWorld(t)
	w.open(func(o *Options) { o.Hash = HashCost{Memory: 16, Time: 1, Threads: 1} })
	w.store.Fail(func() error { return kv.ErrFull })
	if got := w.login(infoUser, infoPass, owner); got != 235 {
		t.Errorf("got %d", got)
	}
}

func TestStoreFailureIsNoRefusal(t *testing.T) {
	w := newWorld(t)
	if err := w.store.Close(); err != nil {
		t.Fatal(err)
	}
	_, err := w.Authenticate(t.Context(), Attempt{User: infoUser, Password: infoPass, Remote: owner})
	if _, refused := status.Of(err); refused || !errors.Is(err, kv.ErrClosed) {
		t.Errorf("got %v", err)
	}
}

// Row 37: 60 wrong passwords, at most 10 tested a minute, the owner is not shut out.
func TestSixtyWrongPasswords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		if got := w.login(infoUser, infoPass, owner); got != 235 {
			t.Fatal(got)
		}
		before := w.hash.count.Load()
		codes := map[int]int{}
		for i := range 60 {
			codes[w.login(infoUser, fmt.Sprint("guess", i), attacker)]++
		}
		if codes[535] != 10 || codes[454] != 50 || w.hash.count.Load()-before != 10 {
			t.Errorf("got %v, %d tested", codes, w.hash.count.Load()-before)
		}
		if got := w.login(infoUser, infoPass, attacker); got != 454 {
			t.Errorf("the right password where guesses are used up: %d", got)
		}
		if got := w.login(infoUser, infoPass, owner); got != 235 {
			t.Errorf("the owner at home: %d", got)
		}
		if got := w.login(infoUser, infoPass, netip.MustParseAddr("203.0.113.9")); got != 235 {
			t.Errorf("the owner on a journey: %d", got)
		}
		time.Sleep(59 * time.Second)
		if got := w.login(infoUser, "guess60", attacker); got != 454 {
			t.Errorf("within the minute: %d", got)
		}
		time.Sleep(2 * time.Second)
		if got := w.login(infoUser, infoPass, attacker); got != 235 {
			t.Errorf("after the minute: %d", got)
		}
	})
}

// The owner's own address is where the guesses come from: a neighbour, or a device of theirs.
func TestOwnerBehindTheGuessersAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		if got := w.login(infoUser, infoPass, owner); got != 235 {
			t.Fatal(got)
		}
		before := w.hash.count.Load()
		codes := map[int]int{}
		for i := range 60 {
			codes[w.login(infoUser, fmt.Sprint("guess", i), owner)]++
		}
		if codes[535] != 10 || codes[454] != 50 || w.hash.count.Load()-before != 10 {
			t.Errorf("got %v, %d tested", codes, w.hash.count.Load()-before)
		}
		for range 5 {
			if got := w.login(infoUser, infoPass, owner); got != 235 {
				t.Errorf("the owner: %d", got)
			}
		}
		// Guessing on, an hour's worth of such favours is used up as well.
		for i := range 100 {
			w.login(infoUser, fmt.Sprint("more", i), owner)
		}
		if got := w.login(infoUser, infoPass, owner); got != 454 {
			t.Errorf("after 160 guesses: %d", got)
		}
		// To others this address is a guesser's.
		if got := w.login("فروش@barid.test", "password of فروش@barid.test", owner); got != 454 {
			t.Errorf("another account from there: %d", got)
		}
		time.Sleep(time.Minute)
		if got := w.login(infoUser, infoPass, owner); got != 235 {
			t.Errorf("a minute later: %d", got)
		}
	})
}

// A phone with last year's password must not shut out the laptop beside it.
func TestOneWrongPasswordAgainAndAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		codes := map[int]int{}
		for range 60 {
			codes[w.login(infoUser, "last year's", owner)]++
		}
		if codes[535] != 11 || codes[454] != 49 { // one tested, ten known
			t.Errorf("got %v", codes)
		}
		if got := w.login(infoUser, infoPass, owner); got != 235 {
			t.Errorf("the laptop: %d", got)
		}
	})
}

// Row 39: spraying one password over many users, from many addresses.
func TestSpraying(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(o *Options) { o.Brake = Brake{PerNetwork: 20, PerAccount: 15, Global: 50} })
		if got := w.login(infoUser, infoPass, owner); got != 235 {
			t.Fatal(got)
		}
		spray := func(season string, address, user func(i int) string) (tested int64) {
			before := w.hash.count.Load()
			for i := range 100 {
				w.login(user(i), fmt.Sprint(season, i), netip.MustParseAddr(address(i)))
			}
			return w.hash.count.Load() - before
		}
		one := func(s string) func(int) string { return func(int) string { return s } }
		many := func(format string) func(int) string { return func(i int) string { return fmt.Sprintf(format, i) } }
		for _, c := range []struct {
			name          string
			address, user func(int) string
			tested        int64
		}{
			{"one address, many users", one("198.51.100.7"), many("user%d@barid.test"), 10},
			{"one /64, many users", many("2001:db8::%x"), many("user%d@barid.test"), 10},
			{"one /24, many users", many("198.51.100.%d"), many("user%d@barid.test"), 20},
			{"one /48, many users", many("2001:db8:0:%x::1"), many("user%d@barid.test"), 20},
			{"many networks, one user", many("10.%d.0.1"), one(infoUser), 15},
			{"many networks, one user who is nobody", many("10.%d.0.1"), one("nobody@barid.test"), 15},
			{"many networks, many users", many("10.%d.0.1"), many("user%d@barid.test"), 50},
		} {
			time.Sleep(2 * time.Minute)
			if got := spray(c.name, c.address, c.user); got != c.tested {
				t.Errorf("%s: %d tested, want %d", c.name, got, c.tested)
			}
			if got := w.login(infoUser, infoPass, owner); got != 235 {
				t.Errorf("%s: the owner at home: %d", c.name, got)
			}
		}
	})
}

// Guesses that come at once are held to the limit as well, and right passwords that come at once all pass.
func TestManyAtOnce(t *testing.T) {
	w := newWorld(t)
	codes := func(n int, password func(i int) string) map[int]int {
		var mu sync.Mutex
		var wg sync.WaitGroup
		got := map[int]int{}
		for i := range n {
			wg.Go(func() {
				code := w.login(infoUser, password(i), attacker)
				mu.Lock()
				got[code]++
				mu.Unlock()
			})
		}
		wg.Wait()
		return got
	}
	if got := codes(40, func(int) string { return infoPass }); got[235] != 40 {
		t.Errorf("right passwords: %v", got)
	}
	w.proven = newProven([32]byte{})
	if got := codes(60, func(i int) string { return fmt.Sprint("guess", i) }); got[535] != 10 || got[454] != 50 {
		t.Errorf("wrong passwords: %v", got)
	}
}

func TestHashQueueIsBounded(t *testing.T) {
	h := newHasher(cheap, 1, 1, nil)
	h.slots <- struct{}{}
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		for h.waiting.Load() == 0 { // until the other one waits
			time.Sleep(time.Millisecond)
		}
		h.waiting.Add(1)
		_, err := h.create(t.Context(), "x")
		if e, ok := status.Of(err); !ok || e.Code() != 454 {
			t.Errorf("past the queue: %v", err)
		}
		cancel()
	})
	if _, err := h.create(ctx, "x"); !errors.Is(err, context.Canceled) {
		t.Errorf("in the queue: %v", err)
	}
	wg.Wait()
}

func TestBrakeIsBounded(t *testing.T) {
	b := newBrake(Brake{}.withDefaults(), time.Now)
	b.spend(lane{kind: laneGlobal})
	for i := range maxLanes + maxLanes/2 {
		b.spend(lane{kind: laneAccount, name: fmt.Sprint(i)})
	}
	if n := len(b.lanes); n > maxLanes {
		t.Errorf("%d lanes", n)
	}
	if len(b.lanes[lane{kind: laneGlobal}].failed) != 1 {
		t.Error("the global lane was forgotten")
	}
}

func TestBrakeWaitEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBrake(Brake{PerAddress: 1}.withDefaults(), time.Now)
		l := lane{kind: laneAddress}
		if _, ok, err := b.enter(t.Context(), l); !ok || err != nil {
			t.Fatal(ok, err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, _, err := b.enter(ctx, l); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		b.leave(false, []lane{l})
		if _, ok, err := b.enter(t.Context(), l); !ok || err != nil {
			t.Errorf("after it was left: %v %v", ok, err)
		}
		b.leave(true, []lane{l})
		if _, ok, _ := b.enter(t.Context(), l); ok {
			t.Error("after a failure")
		}
	})
}

func TestProvenIsBounded(t *testing.T) {
	p := newProven([32]byte{})
	now := time.Now()
	for i := range 2 * maxHomes {
		p.remember(1, tag{}, netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(i)}), 32), now.Add(time.Duration(i)))
	}
	if n := len(p.accounts[1].homes); n != maxHomes {
		t.Errorf("%d homes", n)
	}
	for i := range maxProven + 10 {
		p.remember(mail.AccountID(i), tag{}, near(owner), now)
	}
	if n := len(p.accounts); n > maxProven {
		t.Errorf("%d accounts", n)
	}
	c := newWrongCache()
	for i := range 4 * wrongHalf {
		c.add(p.tagOf("", "", fmt.Sprint(i)))
	}
	if n := len(c.recent) + len(c.older); n > 2*wrongHalf {
		t.Errorf("%d wrong passwords", n)
	}
}

func TestMetricsCountResults(t *testing.T) {
	reg := prometheus.NewRegistry()
	w := newWorld(t, func(o *Options) { o.Metrics = NewMetrics(reg) })
	w.login(infoUser, infoPass, owner)
	for i := range 12 {
		w.login(infoUser, fmt.Sprint(i), attacker)
	}
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			name := f.GetName()[len("barid")+len("_auth_"):]
			for _, l := range m.GetLabel() {
				name += " " + l.GetValue()
			}
			got[name] = m.GetCounter().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
	}
	for name, want := range map[string]float64{
		"attempts_total smtp ok": 1, "attempts_total smtp wrong": 10,
		"attempts_total smtp braked": 2, "braked_total address": 2,
		"hash_seconds": 14, // three accounts were made
	} {
		if got[name] != want {
			t.Errorf("%s: %v, want %v", name, got[name], want)
		}
	}
}

func BenchmarkAuthenticateAgain(b *testing.B) {
	w := newWorld(b)
	b.ReportAllocs()
	for b.Loop() {
		if got := w.login(infoUser, infoPass, owner); got != 235 {
			b.Fatal(got)
		}
	}
}

func BenchmarkHash(b *testing.B) {
	h := newHasher(DefaultHash, 1, 1, nil)
	for b.Loop() {
		if _, err := h.create(b.Context(), "x"); err != nil {
			b.Fatal(err)
		}
	}
}
