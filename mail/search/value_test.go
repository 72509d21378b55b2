package search

import (
	"testing"

	"barid/rfc/header"
	"barid/store/memory"
)

func TestValue(t *testing.T) {
	for _, x := range []struct{ field, want string }{
		{"From: info@example.test", "info@example.test"},
		{"From: Info (the desk) <info@example.test>", "Info (the desk) <info@example.test>"},
		{"From: info@example.test (Info)", "info@example.test (Info)"},
		{"From: info@[127.0.0.1]", "info@[127.0.0.1]"},
		{"To: =?utf-8?B?2YHYsdmI2LQ=?= <فروش@مثال.test>, demo@example.test", "فروش <فروش@مثال.test>, demo@example.test"},
		{"Cc: <info (the desk)@ (x) example.test>", "<info (the desk)@ (x) example.test>, x <info@example.test>"},
		{`Bcc: "two words"@example.test`, `"two words"@example.test, <two words@example.test>`},
		{`From: "A \"B\"" <info@example.test>`, `"A \"B\"" <info@example.test>, A "B" <info@example.test>`},
		{"To: info @example.test", "info @example.test, <info@example.test>"},
		{"To: info@ example.test", "info@ example.test, <info@example.test>"},
		{"To: info@example (c).test", "info@example (c).test, c <info@example.test>"},
		{"To: info . desk@example.test", "info . desk@example.test, <info.desk@example.test>"},
		{"To: info@", "info@, <info>"},
		{"From: Info <info@xn--mgbh0fb.test>, demo@example.test", "Info <info@xn--mgbh0fb.test>, demo@example.test, <info@مثال.test>"},
		{"Cc: info (x) @XN--mgbh0fb.test", "info (x) @XN--mgbh0fb.test, x <info@XN--mgbh0fb.test>, <info@مثال.test>"},
		{"From: info@xn--0.test", "info@xn--0.test"},
		{"Reply-To: info@xn--mgbh0fb.test", "info@xn--mgbh0fb.test"},
		{"To: @", "@"},
		{`Subject: "two words"@example.test`, `"two words"@example.test`},
	} {
		f, ok := header.Next([]byte(x.field+"\r\n"), 0)
		if got := Value(f); !ok || got != x.want {
			t.Errorf("%q: got %q, want %q", x.field, got, x.want)
		}
	}
}

// TestOddAddressesAreIndexed: the index knows addresses as the envelope has them.
func TestOddAddressesAreIndexed(t *testing.T) {
	w := newWorld(t, memory.New(), Options{})
	w.deliver("From: <info (the desk)@ (x) example.test>\r\n\r\nx\r\n", "From: info@example.test\r\n\r\nx\r\n", "To: \"two words\"@example.test\r\n\r\nx\r\n")
	w.sync()
	if hits, _ := w.compare(Key{In: From, Text: needle("info@example.test")}); hits != 2 {
		t.Errorf("%d messages come from the address, want 2", hits)
	}
	if hits, _ := w.compare(Key{In: To, Text: needle("two words@example.test")}); hits != 1 {
		t.Errorf("%d messages go to the address, want 1", hits)
	}
}
