package account

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"barid/mail"
	"barid/rfc/addr"
	"barid/rfc/status"
	"barid/store/memory"
)

func TestResolve(t *testing.T) {
	w := newWorld(t)
	w.alias("sales@barid.test", "info@barid.test", "فروش@barid.test")
	w.alias("one@barid.test", "info+one@barid.test")
	w.alias("all@barid.test", "sales@barid.test", "demo@مثال.إختبار", "Someone@example.org", "info@barid.test")
	w.alias("away@barid.test", "Someone@Example.ORG")
	if _, err := w.SetDomain(t.Context(), Domain{Name: "مثال.إختبار", CatchAll: "demo@مثال.إختبار", Separator: "-"}); err != nil {
		t.Fatal(err)
	}
	info, sales, demo := w.id("info@barid.test"), w.id("فروش@barid.test"), w.id("demo@مثال.إختبار")
	ids := func(ids ...mail.AccountID) []mail.AccountID { return ids }
	const b, m = "barid.test", "xn--mgbh0fb.xn--kgbechtv"
	foreign := []addr.Mailbox{{Local: "Someone", Domain: "example.org"}}

	for address, want := range map[string]Target{
		"info@barid.test":                       {Kind: ToAccount, Accounts: ids(info), Domain: b},
		"INFO@Barid.TEST":                       {Kind: ToAccount, Accounts: ids(info), Domain: b},
		"help@barid.test":                       {Kind: ToAccount, Accounts: ids(info), Domain: b},
		`"info"@barid.test`:                     {Kind: ToAccount, Accounts: ids(info), Domain: b},
		"فروش@barid.test":                       {Kind: ToAccount, Accounts: ids(sales), Domain: b},
		"info+News@barid.test":                  {Kind: ToAccount, Accounts: ids(info), Detail: "News", Domain: b},
		"info+a+b@barid.test":                   {Kind: ToAccount, Accounts: ids(info), Detail: "a+b", Domain: b},
		"info+@barid.test":                      {Kind: ToAccount, Accounts: ids(info), Domain: b},
		"فروش+خبر@barid.test":                   {Kind: ToAccount, Accounts: ids(sales), Detail: "خبر", Domain: b},
		"+info@barid.test":                      {Kind: Unknown, Domain: b},
		"info-x@barid.test":                     {Kind: Unknown, Domain: b},
		"nobody@barid.test":                     {Kind: Unknown, Domain: b},
		`"info@barid.test"@x.test`:              {Kind: NotHosted},
		"info%x.test@barid.test":                {Kind: Unknown, Domain: b},
		"x.test!info@barid.test":                {Kind: Unknown, Domain: b},
		`"info@x.test"@barid.test`:              {Kind: Unknown, Domain: b},
		"info@x.test":                           {Kind: NotHosted},
		"info@mail.barid.test":                  {Kind: NotHosted},
		"info@[127.0.0.1]":                      {Kind: NotHosted},
		"demo@مثال.إختبار":                      {Kind: ToAccount, Accounts: ids(demo), Domain: m},
		"demo@" + m:                             {Kind: ToAccount, Accounts: ids(demo), Domain: m},
		"demo-x@مثال.إختبار":                    {Kind: ToAccount, Accounts: ids(demo), Detail: "x", Domain: m},
		"demo+x@مثال.إختبار":                    {Kind: ToAccount, Via: ByCatchAll, Accounts: ids(demo), Domain: m},
		"anybody@مثال.إختبار":                   {Kind: ToAccount, Via: ByCatchAll, Accounts: ids(demo), Domain: m},
		"sales@barid.test":                      {Kind: ToAlias, Accounts: ids(info, sales), Domain: b},
		"sales+x@barid.test":                    {Kind: ToAlias, Accounts: ids(info, sales), Detail: "x", Domain: b},
		"one@barid.test":                        {Kind: ToAlias, Accounts: ids(info), Detail: "one", Domain: b},
		"one+two@barid.test":                    {Kind: ToAlias, Accounts: ids(info), Detail: "two", Domain: b},
		"all@barid.test":                        {Kind: ToAlias, Accounts: ids(info, sales, demo), Forward: foreign, Domain: b},
		"away@barid.test":                       {Kind: ToAlias, Forward: foreign, Domain: b},
		"postmaster@barid.test":                 {Kind: ToAccount, Via: ByPostmaster, Accounts: ids(info), Domain: b},
		"PostMaster+x@barid.test":               {Kind: ToAccount, Via: ByPostmaster, Accounts: ids(info), Detail: "x", Domain: b},
		"postmaster@مثال.إختبار":                {Kind: ToAccount, Via: ByPostmaster, Accounts: ids(demo), Domain: m},
		"postmaster":                            {Kind: ToAccount, Via: ByPostmaster, Accounts: ids(info), Domain: b},
		"Postmaster":                            {Kind: ToAccount, Via: ByPostmaster, Accounts: ids(info), Domain: b},
		"postmaster@example.org":                {Kind: NotHosted},
		"info+\u0645@barid.test":                {Kind: ToAccount, Accounts: ids(info), Detail: "\u0645", Domain: b},
		"info@BARID.test.":                      {Kind: ToAccount, Accounts: ids(info), Domain: b},
		"\"in fo\"@barid.test":                  {Kind: Unknown, Domain: b},
		"\"\"@barid.test":                       {Kind: Unknown, Domain: b},
		strings.Repeat("+", 60) + "@barid.test": {Kind: Unknown, Domain: b},
	} {
		for _, turn := range []string{"store", "cache"} {
			if got := w.resolve(address); !reflect.DeepEqual(got, want) {
				t.Errorf("%s from the %s:\n got %+v\nwant %+v", address, turn, got, want)
			}
		}
	}
	if got := w.resolve("info+NEWS@barid.test"); got.Detail != "NEWS" {
		t.Errorf("detail %q lost its case to an earlier one", got.Detail)
	}
}

func TestPostmasterIsAlwaysTaken(t *testing.T) {
	w := newWorld(t)
	if _, err := w.AddDomain(t.Context(), Domain{Name: "empty.test"}); err != nil {
		t.Fatal(err)
	}
	info := w.id("info@barid.test")
	got := w.resolve("POSTMASTER@empty.test")
	if got.Kind != ToAccount || got.Via != ByFallback || got.Accounts[0] != info {
		t.Errorf("domain without accounts: %+v", got)
	}
	// Its own address comes first.
	mine := w.add("postmaster@empty.test")
	if got := w.resolve("postmaster@empty.test"); got.Via != Direct || got.Accounts[0] != mine.ID {
		t.Errorf("own address: %+v", got)
	}
	// Whoever takes it may be removed, and another one takes it.
	if err := w.RemoveAccount(t.Context(), info); err != nil {
		t.Fatal(err)
	}
	if got := w.resolve("postmaster@barid.test"); got.Kind != ToAccount || got.Via != ByPostmaster || got.Accounts[0] != w.id("فروش@barid.test") {
		t.Errorf("after removal: %+v", got)
	}
	w.open(func(o *Options) { o.DefaultDomain = "empty.test" })
	if got := w.resolve("postmaster"); got.Accounts[0] != mine.ID {
		t.Errorf("default domain: %+v", got)
	}
}

func TestNothingIsAnybodysInAnEmptyDirectory(t *testing.T) {
	w := &world{t: t, store: memory.New()}
	w.open()
	if got := w.resolve("postmaster"); got.Kind != Unknown {
		t.Errorf("got %+v", got)
	}
	if got := w.resolve("info@barid.test"); got.Kind != NotHosted {
		t.Errorf("got %+v", got)
	}
}

func TestOwns(t *testing.T) {
	w := newWorld(t)
	w.alias("alone@barid.test", "info@barid.test")
	w.alias("nested@barid.test", "alone@barid.test")
	w.alias("shared@barid.test", "info@barid.test", "فروش@barid.test")
	w.alias("leaky@barid.test", "info@barid.test", "someone@example.org")
	if _, err := w.SetDomain(t.Context(), Domain{Name: "barid.test", CatchAll: "info@barid.test", Postmaster: "info@barid.test"}); err != nil {
		t.Fatal(err)
	}
	info := w.id("info@barid.test")
	for address, want := range map[string]bool{
		"info@barid.test": true, "INFO@barid.test": true, "help@barid.test": true, "info+x@barid.test": true,
		"alone@barid.test": true, "alone+x@barid.test": true, "nested@barid.test": true, "postmaster@barid.test": true,
		"shared@barid.test": false, "leaky@barid.test": false, "whoever@barid.test": false, "فروش@barid.test": false,
		"info@مثال.إختبار": false, "info@example.org": false, "info@[127.0.0.1]": false, "postmaster": false,
		"postmaster@مثال.إختبار": false,
	} {
		got, err := w.Owns(t.Context(), info, mailbox(t, address))
		if err != nil || got != want {
			t.Errorf("%s: got %v %v, want %v", address, got, err, want)
		}
	}
	if got, err := w.Owns(t.Context(), 0, mailbox(t, "info@barid.test")); got || err != nil {
		t.Errorf("nobody owns info@: %v %v", got, err)
	}
	a, err := w.Account(t.Context(), info)
	if err != nil {
		t.Fatal(err)
	}
	a.Disabled = true
	if _, err := w.SetAccount(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	if got, err := w.Owns(t.Context(), info, mailbox(t, "info@barid.test")); got || err != nil {
		t.Errorf("an account that was disabled sends on: %v %v", got, err)
	}
	if got, err := w.Resolve(t.Context(), mailbox(t, "info@barid.test")); err != nil || len(got.Accounts) != 1 {
		t.Errorf("its mail is not taken: %+v %v", got, err)
	}
}

func TestAliasLoopsEnd(t *testing.T) {
	w := newWorld(t)
	w.alias("a@barid.test", "info@barid.test")
	w.alias("b@barid.test", "a@barid.test")
	w.alias("c@barid.test", "b@barid.test", "demo@مثال.إختبار")
	_, err := w.SetAlias(t.Context(), Alias{Address: "a@barid.test", Members: []string{"c@barid.test"}})
	wantError[ErrInvalid](t, err, `alias "a@barid.test": members: lead back to the alias itself, through b@barid.test`)
	_, err = w.AddAlias(t.Context(), Alias{Address: "self@barid.test", Members: []string{"self@barid.test", "info@barid.test"}})
	wantError[ErrInvalid](t, err, `alias "self@barid.test": members: lead back to the alias itself, through self@barid.test`)
	if got := w.resolve("self@barid.test"); got.Kind != Unknown {
		t.Errorf("a refused alias is there: %+v", got)
	}
	// A loop that came about all the same, say by a restored backup, ends too.
	w.force(Alias{Address: "a@barid.test", Members: []string{"c@barid.test"}})
	if got := w.resolve("a@barid.test"); got.Kind != ToAlias || len(got.Accounts) != 1 {
		t.Errorf("got %+v", got)
	}
	w.force(Alias{Address: "b@barid.test", Members: []string{"b@barid.test"}})
	if got := w.resolve("b@barid.test"); got.Kind != Unknown {
		t.Errorf("an alias of itself alone leads to %+v", got)
	}
}

func TestAliasLimits(t *testing.T) {
	w := newWorld(t)
	w.alias("n0@barid.test", "info@barid.test")
	for i := 1; i < MaxDepth; i++ {
		w.alias(fmt.Sprintf("n%d@barid.test", i), fmt.Sprintf("n%d@barid.test", i-1))
	}
	last := fmt.Sprintf("n%d@barid.test", MaxDepth-1)
	if got := w.resolve(last); got.Kind != ToAlias || len(got.Accounts) != 1 {
		t.Errorf("deepest: %+v", got)
	}
	_, err := w.AddAlias(t.Context(), Alias{Address: "deep@barid.test", Members: []string{last}})
	wantError[ErrInvalid](t, err, `alias "deep@barid.test": members: lead through more than 10 aliases or to more than 5000 destinations`)
	w.force(Alias{Address: "deep@barid.test", Members: []string{last}})
	_, err = w.Resolve(t.Context(), mailbox(t, "deep@barid.test"))
	if e, ok := status.Of(err); !ok || e.Enhanced() != "4.2.4" {
		t.Errorf("too deep: %v", err)
	}

	// As many aliases of aliases as there can be: every one is expanded once.
	members := make([]string, MaxMembers)
	for i := range members {
		members[i] = fmt.Sprintf("someone%d@example.org", i)
	}
	w.alias("w0@barid.test", members...)
	w.alias("w1@barid.test", "w0@barid.test", "info@barid.test")
	w.alias("w2@barid.test", "w0@barid.test", "w1@barid.test", "someone5@example.org")
	if got := w.resolve("w2@barid.test"); len(got.Forward) != MaxMembers || len(got.Accounts) != 1 {
		t.Errorf("wide: %d and %d", len(got.Forward), len(got.Accounts))
	}
	_, err = w.AddAlias(t.Context(), Alias{Address: "wide@barid.test", Members: append(members, "x@example.org")})
	wantError[ErrInvalid](t, err, `alias "wide@barid.test": members: are more than 1000`)
}

func TestMembersThatWentAreSkipped(t *testing.T) {
	w := newWorld(t)
	w.alias("team@barid.test", "info@barid.test", "فروش@barid.test")
	w.alias("lonely@barid.test", "info@barid.test")
	if err := w.RemoveAccount(t.Context(), w.id("info@barid.test")); err != nil {
		t.Fatal(err)
	}
	if got := w.resolve("team@barid.test"); len(got.Accounts) != 1 {
		t.Errorf("team: %+v", got)
	}
	if got := w.resolve("lonely@barid.test"); got.Kind != Unknown {
		t.Errorf("lonely: %+v", got)
	}
}

func TestCacheForgetsWhatChanged(t *testing.T) {
	w := newWorld(t)
	if got := w.resolve("new@barid.test"); got.Kind != Unknown {
		t.Fatalf("got %+v", got)
	}
	a := w.add("new@barid.test")
	if got := w.resolve("new@barid.test"); got.Kind != ToAccount {
		t.Errorf("after adding: %+v", got)
	}
	if err := w.RemoveAccount(t.Context(), a.ID); err != nil {
		t.Fatal(err)
	}
	if got := w.resolve("new@barid.test"); got.Kind != Unknown {
		t.Errorf("after removal: %+v", got)
	}
	// What was read before a change is not remembered after it.
	w.targets.put("late@barid.test", "late", w.changes.Load()-1, Target{Kind: ToAccount})
	if got := w.resolve("late@barid.test"); got.Kind != Unknown {
		t.Errorf("an answer from before a change was remembered: %+v", got)
	}
}

func TestCacheIsBounded(t *testing.T) {
	c := newTargetCache()
	for i := range 3 * cacheShards * cachePerShard {
		c.put(fmt.Sprint(i), "", 1, Target{})
	}
	n := 0
	for i := range c.shards {
		n += len(c.shards[i].recent) + len(c.shards[i].older)
	}
	if n > 2*cacheShards*cachePerShard {
		t.Errorf("%d targets remembered", n)
	}
}

func BenchmarkResolve(b *testing.B) {
	w := newWorld(b)
	m := addr.Mailbox{Local: "info+news", Domain: "barid.test"}
	for name, forget := range map[string]bool{"cache": false, "store": true} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if forget {
					w.changes.Add(1)
				}
				if got, err := w.Resolve(b.Context(), m); err != nil || got.Kind != ToAccount {
					b.Fatal(got, err)
				}
			}
		})
	}
}

// Whatever address comes: no error, the same answer from store and cache, and nobody owns what does not
// lead to them.
func FuzzResolve(f *testing.F) {
	w := newWorld(f)
	w.alias("team@barid.test", "info@barid.test", "فروش@barid.test", "x@example.org")
	for _, s := range []string{"info", "INFO+x", "team", "postmaster+", "a%b", "a!b", `"@"`, "فروش", "++", "\u0301", "K"} {
		f.Add(s, "barid.test")
	}
	f.Fuzz(func(t *testing.T, local, domain string) {
		m, err := addr.ParseMailbox(local+"@"+domain, true)
		if err != nil {
			return
		}
		first, err := w.Resolve(t.Context(), m)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := w.Resolve(t.Context(), m); err != nil || !reflect.DeepEqual(first, again) {
			t.Fatalf("%v: %+v, then %+v %v", m, first, again, err)
		}
		if own, err := w.Owns(t.Context(), 1, m); err != nil || own && (len(first.Accounts) != 1 || first.Accounts[0] != 1) {
			t.Fatalf("%v: owned, leads to %+v %v", m, first, err)
		}
	})
}
