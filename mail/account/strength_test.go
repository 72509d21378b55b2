package account

import (
	"strings"
	"testing"
)

func TestCheckPassword(t *testing.T) {
	for _, c := range []struct{ password, want string }{
		{"correct-horse", ""},
		{"k3xvq-9wm2z", ""},
		{"باران روی پنجره", ""},
		{"قهوة الصباح الباردة", ""},
		{"tall green Lamp 7", ""},
		{"mfrgg-zdfmy-2tqnr-rgezd", ""},
		{"info loves long walks", ""}, // the name is in it, but not all of it
		{"", "is empty"},
		{"short", "has 5 characters, at least 10 are needed"},
		{"سلام", "has 4 characters, at least 10 are needed"},
		{"Password1234", "is among the first that are tried"},
		{"P@ssw0rd123", "is among the first that are tried"},
		{"passwordpassword", "is among the first that are tried"},
		{"LETMEIN123!", "is among the first that are tried"},
		{"1234567890", "is among the first that are tried"},
		{"سلامسلامسلام", "is among the first that are tried"},
		{"محمد123456", "is among the first that are tried"},
		{"frontdesk2024", "is made of the account's own name"},
		{"frontdesk@barid", "is made of the account's own name"},
		{"aabbaabbaabb", "has only 2 different characters"},
		{"abcdefgh12345678", "is mostly repeats or a sequence such as 12345 or qwerty"},
		{"qwertyuiop[]asdf", "is mostly repeats or a sequence such as 12345 or qwerty"},
		{"xkqvz1xkqvz1xkqvz", "is mostly repeats or a sequence such as 12345 or qwerty"},
		{strings.Repeat("x", MaxPassword+1), "is longer than 1024 octets"},
	} {
		err := CheckPassword("frontdesk@barid.test", c.password)
		if c.want == "" {
			if err != nil {
				t.Errorf("%q: %v", c.password, err)
			}
			continue
		}
		if err == nil || !strings.HasSuffix(err.Error(), c.want) {
			t.Errorf("%q: %v, want %q", c.password, err, c.want)
		}
		if err != nil && len(c.password) > 9 && !strings.HasPrefix("frontdesk@barid.test", c.password) && strings.Contains(err.Error(), c.password) {
			t.Errorf("%q is in the error", c.password)
		}
	}
}
