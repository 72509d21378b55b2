package manage

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"barid/base/fault"
	"barid/mail"
	"barid/mail/account"
	"barid/mail/mailbox"
	"barid/rfc/addr"
)

// AccountChange is the input of account.add, account.set and account.password; nil fields stay as they are.
type AccountChange struct {
	Address       string    `json:"address"`
	Password      string    `json:"password,omitempty"` // add and password only
	Weak          bool      `json:"weak,omitempty"`     // the password may be easy to guess: tests only
	Display       *string   `json:"display,omitempty"`
	Locale        *string   `json:"locale,omitempty"`
	Addresses     *[]string `json:"addresses,omitempty"` // further ones, besides Address
	QuotaBytes    *int64    `json:"quota_bytes,omitempty"`
	QuotaMessages *int64    `json:"quota_messages,omitempty"`
	POP3Delete    *string   `json:"pop3_delete,omitempty"`
	Disabled      *bool     `json:"disabled,omitempty"`
	VERP          *string   `json:"verp,omitempty"` // VERPOn, VERPOff or VERPDefault
}

// AccountInfo describes an account and what it holds.
type AccountInfo struct {
	ID            uint64    `json:"id"`
	Address       string    `json:"address"` // as people write it
	Addresses     []string  `json:"addresses"`
	Display       string    `json:"display,omitempty"`
	Locale        string    `json:"locale,omitempty"`
	Disabled      bool      `json:"disabled"`
	POP3Delete    string    `json:"pop3_delete"`
	VERP          string    `json:"verp,omitempty"` // missing: as the domain says
	QuotaBytes    int64     `json:"quota_bytes"`
	QuotaMessages int64     `json:"quota_messages"`
	Bytes         int64     `json:"bytes"`
	Messages      int64     `json:"messages"`
	Created       time.Time `json:"created"`
}

func accountOperations() []Operation {
	return []Operation{
		op("account.add", func(ctx context.Context, m *Manager, in AccountChange, _ Progress) (AccountInfo, error) {
			return m.addAccount(ctx, in)
		}),
		op("account.set", func(ctx context.Context, m *Manager, in AccountChange, _ Progress) (AccountInfo, error) {
			return m.setAccount(ctx, in)
		}),
		op("account.password", func(ctx context.Context, m *Manager, in AccountChange, _ Progress) (AccountInfo, error) {
			a, err := m.Directory.ByName(ctx, in.Address)
			if err != nil {
				return AccountInfo{}, err
			}
			if err := in.strong(); err != nil {
				return AccountInfo{}, err
			}
			if err := m.Directory.SetPassword(ctx, a.ID, in.Password); err != nil {
				return AccountInfo{}, err
			}
			return m.accountInfo(ctx, a)
		}),
		op("account.show", func(ctx context.Context, m *Manager, in Named, _ Progress) (AccountInfo, error) {
			a, err := m.Directory.ByName(ctx, in.Name)
			if err != nil {
				return AccountInfo{}, err
			}
			return m.accountInfo(ctx, a)
		}),
		op("account.list", func(ctx context.Context, m *Manager, _ None, _ Progress) ([]AccountInfo, error) {
			all, err := m.Directory.Accounts(ctx)
			out := make([]AccountInfo, 0, len(all))
			for _, a := range all {
				info, err := m.accountInfo(ctx, a)
				if err != nil {
					return nil, err
				}
				out = append(out, info)
			}
			return out, err
		}),
		op("account.rm", func(ctx context.Context, m *Manager, in Named, _ Progress) (None, error) {
			a, err := m.Directory.ByName(ctx, in.Name)
			if err != nil {
				return None{}, err
			}
			if err := m.Directory.RemoveAccount(ctx, a.ID); err != nil {
				return None{}, err
			}
			return None{}, m.removeMail(ctx, a.ID)
		}),
	}
}

func (m *Manager) addAccount(ctx context.Context, in AccountChange) (AccountInfo, error) {
	a := account.Account{Name: in.Address}
	if err := in.strong(); err != nil {
		return AccountInfo{}, err
	}
	if err := in.apply(&a); err != nil {
		return AccountInfo{}, err
	}
	a, err := m.Directory.AddAccount(ctx, a, in.Password)
	if err != nil {
		return AccountInfo{}, err
	}
	if err := m.Mail.Account(a.ID).Init(ctx, quotaOf(a)); err != nil {
		return AccountInfo{}, err
	}
	return m.accountInfo(ctx, a)
}

func (m *Manager) setAccount(ctx context.Context, in AccountChange) (AccountInfo, error) {
	a, err := m.Directory.ByName(ctx, in.Address)
	if err != nil {
		return AccountInfo{}, err
	}
	if err := in.apply(&a); err != nil {
		return AccountInfo{}, err
	}
	if a, err = m.Directory.SetAccount(ctx, a); err != nil {
		return AccountInfo{}, err
	}
	if err := m.Mail.Account(a.ID).SetQuota(ctx, quotaOf(a)); err != nil {
		return AccountInfo{}, err
	}
	return m.accountInfo(ctx, a)
}

func quotaOf(a account.Account) mailbox.Quota {
	return mailbox.Quota{Bytes: a.QuotaBytes, Messages: a.QuotaMessages}
}

// removeMail removes what an account that is gone from the directory has left. It is taken up again at the
// next start if it does not end (Directory.Leftovers).
func (m *Manager) removeMail(ctx context.Context, id mail.AccountID) error {
	if err := m.Mail.Account(id).Remove(ctx); err != nil {
		return err
	}
	if err := m.Book.Forget(ctx, id); err != nil {
		return err
	}
	return m.Directory.Removed(ctx, id)
}

// SweepLeftovers removes the mail of accounts that were removed when the process died in between.
func (m *Manager) SweepLeftovers(ctx context.Context) error {
	ids, err := m.Directory.Leftovers(ctx)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if err := m.removeMail(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

// strong refuses a password that is easy to guess.
func (in AccountChange) strong() error {
	if in.Weak || in.Password == "" {
		return nil
	}
	err := account.CheckPassword(in.Address, in.Password)
	var why account.ErrInvalid
	if !errors.As(err, &why) {
		return err
	}
	return fault.New("B4005", "the password %s", why.Why).WithExit(fault.ExitUsage).
		WithMeans("whoever guesses it reads the mail, and sends in the name of the account").
		WithFix("take three or four unrelated words, or let a password manager make one").
		WithFix("for a program: barid app-password add %s --name shop", in.Address).WithFix("for tests: --weak")
}

func (in AccountChange) apply(a *account.Account) error {
	assign(&a.Display, in.Display)
	assign(&a.Locale, in.Locale)
	assign(&a.QuotaBytes, in.QuotaBytes)
	assign(&a.QuotaMessages, in.QuotaMessages)
	assign(&a.POP3Delete, in.POP3Delete)
	assign(&a.Disabled, in.Disabled)
	if in.Addresses != nil {
		a.Addresses = append([]string{a.Name}, *in.Addresses...)
	}
	return setVERP(&a.VERP, in.VERP)
}

func assign[T any](dst, src *T) {
	if src != nil {
		*dst = *src
	}
}

func (m *Manager) accountInfo(ctx context.Context, a account.Account) (AccountInfo, error) {
	use, err := m.Mail.Account(a.ID).Usage(ctx)
	info := AccountInfo{
		ID: uint64(a.ID), Address: unicode(a.Name), Display: a.Display, Locale: a.Locale, Disabled: a.Disabled,
		POP3Delete: a.POP3Delete, VERP: verpWord(a.VERP), QuotaBytes: a.QuotaBytes, QuotaMessages: a.QuotaMessages,
		Bytes: use.Bytes, Messages: use.Messages, Created: a.Created,
	}
	for _, s := range a.Addresses {
		info.Addresses = append(info.Addresses, unicode(s))
	}
	return info, err
}

// unicode gives an address as people write it.
func unicode(address string) string {
	m, err := addr.ParseMailbox(address, true)
	if err != nil {
		return address
	}
	return m.Unicode()
}

// FormatBytes gives 1536 as "1.5 KiB".
func FormatBytes(n int64) string {
	const units = "KMGTPE"
	if n < 1024 {
		return strconv.FormatInt(n, 10) + " B"
	}
	f, i := float64(n)/1024, 0
	for f >= 1024 && i < len(units)-1 {
		f, i = f/1024, i+1
	}
	return fmt.Sprintf("%.1f %ciB", f, units[i])
}

// ParseBytes reads "1.5GiB", "500 MB" (as powers of two too), "1048576" or "0".
func ParseBytes(s string) (int64, error) {
	num := strings.TrimRight(strings.ToUpper(strings.ReplaceAll(s, " ", "")), "IB")
	shift := 0
	if i := strings.IndexByte("KMGT", lastByte(num)); i >= 0 && num != "" {
		shift, num = 10*(i+1), num[:len(num)-1]
	}
	f, err := strconv.ParseFloat(num, 64)
	if err != nil || f < 0 || f > float64(int64(1)<<(62-shift)) {
		return 0, fault.New("B4003", "%q is not a size", s).WithExit(fault.ExitUsage).WithFix("500MiB, 2GiB or 0")
	}
	return int64(f * float64(int64(1)<<shift)), nil
}

func lastByte(s string) byte {
	if s == "" {
		return 0
	}
	return s[len(s)-1]
}
