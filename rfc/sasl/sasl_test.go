package sasl_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"barid/rfc/sasl"
)

var errWrong = errors.New("wrong password")

// said collects what the callback was given.
type said struct {
	calls                   int
	authzid, user, password string
}

func (s *said) auth(authzid, user, password string) error {
	s.calls++
	s.authzid, s.user, s.password = authzid, user, password
	if password == "wrong" {
		return errWrong
	}
	return nil
}

func TestPlain(t *testing.T) {
	long := strings.Repeat("p", sasl.MaxField)
	for _, c := range []struct {
		name, response string
		want           said
		err            error
	}{
		// RFC 4616 §4
		{"own name", "\x00tim\x00tanstaaftanstaaf", said{1, "", "tim", "tanstaaftanstaaf"}, nil},
		{"another name", "Ursel\x00Kurt\x00xipj3plmq", said{1, "Ursel", "Kurt", "xipj3plmq"}, nil},
		{"UTF-8", "\x00فروش@barid.test\x00گذرواژه", said{1, "", "فروش@barid.test", "گذرواژه"}, nil},
		{"longest", "\x00a\x00" + long, said{1, "", "a", long}, nil},
		{"wrong", "\x00a\x00wrong", said{1, "", "a", "wrong"}, errWrong},
		{"too long", "\x00a\x00" + long + "p", said{}, sasl.ErrTooLong},
		{"empty", "", said{}, sasl.ErrSyntax},
		{"one NUL", "a\x00b", said{}, sasl.ErrSyntax},
		{"three NULs", "\x00a\x00b\x00", said{}, sasl.ErrSyntax},
		{"no name", "\x00\x00b", said{}, sasl.ErrSyntax},
		{"no password", "\x00a\x00", said{}, sasl.ErrSyntax},
		{"not UTF-8", "\x00a\xff\x00b", said{}, sasl.ErrSyntax},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got said
			_, done, err := sasl.NewPlain(got.auth).Next([]byte(c.response))
			if got != c.want || !errors.Is(err, c.err) || done != (c.err == nil) {
				t.Fatalf("got %+v %v %v, want %+v %v", got, done, err, c.want, c.err)
			}
		})
	}
}

func TestPlainWithoutInitialResponse(t *testing.T) {
	var got said
	s := sasl.NewPlain(got.auth)
	challenge, done, err := s.Next(nil)
	if challenge == nil || len(challenge) != 0 || done || err != nil {
		t.Fatalf("first: %q %v %v, want an empty challenge", challenge, done, err)
	}
	if _, done, err = s.Next([]byte("\x00a\x00b")); !done || err != nil {
		t.Fatalf("second: %v %v", done, err)
	}
	if _, _, err = s.Next([]byte("\x00a\x00b")); !errors.Is(err, sasl.ErrDone) || got.calls != 1 {
		t.Fatalf("third: %v, %d calls", err, got.calls)
	}
}

func TestLogin(t *testing.T) {
	for name, initial := range map[string]bool{"asked": false, "initial response": true} {
		t.Run(name, func(t *testing.T) {
			var got said
			s := sasl.NewLogin(got.auth)
			if !initial {
				if c, done, err := s.Next(nil); string(c) != "Username:" || done || err != nil {
					t.Fatalf("got %q %v %v", c, done, err)
				}
			}
			if c, done, err := s.Next([]byte("فروش@barid.test")); string(c) != "Password:" || done || err != nil {
				t.Fatalf("got %q %v %v", c, done, err)
			}
			if _, done, err := s.Next([]byte("گذرواژه")); !done || err != nil {
				t.Fatalf("got %v %v", done, err)
			}
			if want := (said{1, "", "فروش@barid.test", "گذرواژه"}); got != want {
				t.Fatalf("got %+v", got)
			}
			if _, _, err := s.Next([]byte("x")); !errors.Is(err, sasl.ErrDone) {
				t.Fatalf("got %v", err)
			}
		})
	}
}

func TestLoginRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		responses []string
		err       error
	}{
		"wrong password": {[]string{"a", "wrong"}, errWrong},
		"empty name":     {[]string{""}, sasl.ErrSyntax},
		"empty password": {[]string{"a", ""}, sasl.ErrSyntax},
		"NUL":            {[]string{"a\x00b"}, sasl.ErrSyntax},
		"long name":      {[]string{strings.Repeat("a", sasl.MaxField+1)}, sasl.ErrTooLong},
	} {
		var got said
		s := sasl.NewLogin(got.auth)
		var err error
		for _, r := range c.responses {
			_, _, err = s.Next([]byte(r))
		}
		if !errors.Is(err, c.err) {
			t.Errorf("%s: got %v, want %v", name, err, c.err)
		}
		if _, _, err = s.Next([]byte("again")); !errors.Is(err, sasl.ErrDone) {
			t.Errorf("%s: went on with %v", name, err)
		}
	}
}

func TestDecode(t *testing.T) {
	for _, c := range []struct {
		name, in, want string
		initial        bool
		err            error
	}{
		{"plain", "AHRpbQB0YW5zdGFhZg==", "\x00tim\x00tanstaaf", false, nil},
		{"empty line", "", "", false, nil},
		{"empty initial", "=", "", true, nil},
		{"nothing initial", "", "", true, sasl.ErrEncoding},
		{"equals sign later", "=", "", false, sasl.ErrEncoding},
		{"cancel", "*", "", false, sasl.ErrCancelled},
		{"cancel at once", "*", "", true, sasl.ErrCancelled},
		{"two stars", "**", "", false, sasl.ErrEncoding},
		{"no padding", "AHRpbQB0YW5zdGFhZg", "", false, sasl.ErrEncoding},
		{"trailing bits", "AHRpbQB0YW5zdGFhZh==", "", false, sasl.ErrEncoding},
		{"padding inside", "AA==AA==", "", false, sasl.ErrEncoding},
		{"space", "AHRp bQA=", "", false, sasl.ErrEncoding},
		{"CR", "AHRp\rbQ==", "", false, sasl.ErrEncoding},
		{"LF at the end", "AHRp\n", "", false, sasl.ErrEncoding},
		{"URL alphabet", "-_-_", "", false, sasl.ErrEncoding},
		{"longest", strings.Repeat("AAAA", sasl.MaxEncoded/4), strings.Repeat("\x00", sasl.MaxEncoded/4*3), false, nil},
		{"too long", strings.Repeat("A", sasl.MaxEncoded+1), "", false, sasl.ErrTooLong},
	} {
		t.Run(c.name, func(t *testing.T) {
			decode := sasl.Decode
			if c.initial {
				decode = sasl.DecodeInitial
			}
			got, err := decode([]byte(c.in))
			if string(got) != c.want || !errors.Is(err, c.err) || (err == nil) != (got != nil) {
				t.Fatalf("got %q %v, want %q %v", got, err, c.want, c.err)
			}
		})
	}
}

func TestNew(t *testing.T) {
	for _, name := range append(sasl.Mechanisms(), "plain", "Login") {
		if _, ok := sasl.New(name, nil); !ok {
			t.Errorf("%s is not known", name)
		}
	}
	for _, name := range []string{"", "PLAI", "PLAINX", "LOGIN ", "CRAM-MD5", "P\u0139AIN"} {
		if _, ok := sasl.New(name, nil); ok {
			t.Errorf("%q is known", name)
		}
	}
}

func FuzzServer(f *testing.F) {
	f.Add("\x00a\x00b", "b", false)
	f.Add("a", "b", true)
	f.Fuzz(func(t *testing.T, first, second string, viaLogin bool) {
		var got said
		s := sasl.NewPlain(got.auth)
		if viaLogin {
			s = sasl.NewLogin(got.auth)
		}
		for _, r := range []string{first, second, second} {
			if _, _, err := s.Next([]byte(r)); err != nil {
				break
			}
		}
		for _, v := range []string{got.authzid, got.user, got.password} {
			if !utf8.ValidString(v) || strings.Contains(v, "\x00") || len(v) > sasl.MaxField {
				t.Fatalf("the callback got %q", v)
			}
		}
		if got.calls > 1 || got.calls == 1 && (got.user == "" || got.password == "") {
			t.Fatalf("the callback got %+v", got)
		}
		if back, err := sasl.Decode(sasl.Encode([]byte(first))); len(first) < 9000 && (err != nil || !bytes.Equal(back, []byte(first))) {
			t.Fatalf("%q came back as %q %v", first, back, err)
		}
	})
}
