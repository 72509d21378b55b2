package account

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/language"

	"barid/base/kv"
	"barid/mail"
	"barid/rfc/addr"
)

// check looks at the values of an account; an empty POP3 policy becomes POP3Remove.
func (a Account) check(pop3 *string) error {
	invalid := func(field, value, why, near string) error {
		return ErrInvalid{Kind: "account", Name: a.Name, Field: field, Value: value, Why: why, Near: near}
	}
	if *pop3 == "" {
		*pop3 = POP3Remove
	}
	policies := []string{POP3Remove, POP3Trash, POP3Keep}
	switch {
	case len(a.Addresses) > MaxAddresses:
		return invalid("addresses", "", fmt.Sprintf("are more than %d", MaxAddresses), "")
	case a.QuotaBytes < 0:
		return invalid("quota in bytes", fmt.Sprint(a.QuotaBytes), "may not be negative; 0 is no limit", "0")
	case a.QuotaMessages < 0:
		return invalid("quota in messages", fmt.Sprint(a.QuotaMessages), "may not be negative; 0 is no limit", "0")
	case !slices.Contains(policies, *pop3):
		return invalid("pop3 delete policy", *pop3, "must be delete, trash or keep", nearest(*pop3, policies))
	case len(a.Display) > MaxDisplay:
		return invalid("display name", "", fmt.Sprintf("is longer than %d octets", MaxDisplay), "")
	case !utf8.ValidString(a.Display) || strings.ContainsFunc(a.Display, unicode.IsControl):
		return invalid("display name", a.Display, "must be text in one line", "")
	}
	if err := a.Limits.check("account", a.Name); err != nil || a.Locale == "" {
		return err
	}
	if _, err := language.Parse(a.Locale); err != nil {
		return invalid("locale", a.Locale, "is no language tag (BCP 47), e.g. ar, fa or en", nearest(a.Locale, []string{"ar", "fa", "en"}))
	}
	return nil
}

// claimAddresses gives account a the addresses own, which must be in hosted domains and free.
func claimAddresses(t kv.Txn, a Account, own []addr.Mailbox) error {
	for _, m := range own {
		dom, err := needDomain(t, m.Domain)
		if err != nil {
			return err
		}
		w, ok, err := getAddress(t, m)
		if err != nil {
			return err
		}
		if ok && (w.alias != nil || w.account != a.ID) {
			return taken(t, m, w)
		}
		putOwned(t, m, a.ID)
		if dom.Postmaster == "" {
			dom.Postmaster = a.Name
			if err := putDomain(t, dom); err != nil {
				return err
			}
		}
	}
	return nil
}

// taken says who has an address.
func taken(r kv.Reader, m addr.Mailbox, w row) error {
	by := w.String()
	if w.alias == nil {
		if a, ok, err := getAccount(r, w.account); err != nil {
			return err
		} else if ok {
			by = fmt.Sprintf("account %q", a.Name)
		}
	}
	return ErrExists{Kind: "address", Name: m.Key(), By: by}
}

// releaseAddresses frees addresses of an account. Domains that name one of them as catch-all or
// postmaster get heir instead if what they named was the account's name, else nothing.
func releaseAddresses(t kv.Txn, addresses []string, name, heir string) error {
	if len(addresses) == 0 {
		return nil
	}
	for _, s := range addresses {
		t.Del(mail.TableAddress, addressKey(parseKey(s)))
	}
	domains, err := allDomains(t)
	if err != nil {
		return err
	}
	for _, dom := range domains {
		was := dom
		for _, role := range []*string{&dom.CatchAll, &dom.Postmaster} {
			if !slices.Contains(addresses, *role) {
				continue
			}
			if *role == name {
				*role = heir
			} else {
				*role = ""
			}
		}
		if dom.Postmaster == "" && was.Postmaster != "" {
			if dom.Postmaster, err = firstAccount(t, dom.Name); err != nil {
				return err
			}
		}
		if dom != was {
			if err := putDomain(t, dom); err != nil {
				return err
			}
		}
	}
	return nil
}

// firstAccount gives the name of the oldest account with an address in a domain, or "".
func firstAccount(r kv.Reader, domain string) (string, error) {
	var first mail.AccountID
	lo, hi := domainRange(domain)
	err := r.Scan(mail.TableAddress, lo, hi, kv.ScanOpt{}, func(k, v []byte) error {
		w, err := decodeRow(v, keyAddress(k))
		if err == nil && w.account != 0 && (first == 0 || w.account < first) {
			first = w.account
		}
		return err
	})
	if err != nil || first == 0 {
		return "", err
	}
	a, _, err := getAccount(r, first)
	return a.Name, err
}

// parseKey splits an address as records hold it.
func parseKey(s string) addr.Mailbox {
	i := strings.LastIndexByte(s, '@')
	if i < 0 {
		return addr.Mailbox{Local: s}
	}
	return addr.Mailbox{Local: s[:i], Domain: s[i+1:]}
}

// nearAddresses gives the address of ours that most looks like m.
func nearAddresses(r kv.Reader, m addr.Mailbox) (string, error) {
	const most = 10_000 // rows looked at
	var lo, hi []byte
	if _, ok, err := getDomain(r, m.Domain); err != nil {
		return "", err
	} else if ok {
		lo, hi = domainRange(m.Domain)
	}
	var names []string
	err := r.Scan(mail.TableAddress, lo, hi, kv.ScanOpt{Limit: most}, func(k, _ []byte) error {
		names = append(names, keyAddress(k))
		return nil
	})
	return nearest(m.Key(), names), err
}

// without gives what is in a and not in b.
func without(a, b []string) (rest []string) {
	for _, x := range a {
		if !slices.Contains(b, x) {
			rest = append(rest, x)
		}
	}
	return rest
}

// Leftovers gives the ids of removed accounts whose mail nobody has reported as removed (see Removed),
// because the process died in between: the caller removes it at its next start.
func (d *Directory) Leftovers(ctx context.Context) (ids []mail.AccountID, err error) {
	hi := slices.Clone(keyRemoved)
	hi[len(hi)-1]++
	err = d.view(ctx, func(r kv.Reader) error {
		return r.Scan(mail.TableCounter, keyRemoved, hi, kv.ScanOpt{}, func(k, _ []byte) error {
			if len(k) != len(keyRemoved)+8 {
				return damaged("removed account")
			}
			ids = append(ids, mail.AccountID(binary.BigEndian.Uint64(k[len(keyRemoved):])))
			return nil
		})
	})
	return ids, err
}

// Removed notes that nothing is left of a removed account.
func (d *Directory) Removed(ctx context.Context, id mail.AccountID) error {
	return d.update(ctx, func(t kv.Txn) error {
		t.Del(mail.TableCounter, removedKey(id))
		return nil
	})
}
