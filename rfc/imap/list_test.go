package imap

import (
	"reflect"
	"testing"
)

func TestListArguments(t *testing.T) {
	lim := AfterLogin(1 << 20)
	for _, c := range []struct {
		in   string
		want List
		bad  bool
	}{
		{in: `"" *`, want: List{Patterns: []string{"*"}}},
		{in: `"" ""`, want: List{Patterns: []string{""}}},
		{in: `"a/" "b%"`, want: List{Ref: "a/", Patterns: []string{"b%"}}},
		{in: `() "" "%" RETURN ()`, want: List{Extended: true, Patterns: []string{"%"}}},
		{
			in: `(SUBSCRIBED recursivematch REMOTE special-use) "" (inbox "x*" {3+}` + "\r\nabc) return (children STATUS (messages UNSEEN messages) MyRights Subscribed)",
			want: List{
				Extended: true, Select: ListSubscribed | ListRecursiveMatch | ListRemote | ListSpecialUse,
				Return: ListChildren | ListStatus | ListMyRights | ListSubscribed, Status: []string{"MESSAGES", "UNSEEN"},
				Patterns: []string{"inbox", "x*", "abc"},
			},
		},
		{
			in: `"" % RETURN (METADATA ("/shared/Comment" /private/vendor/x))`,
			want: List{
				Extended: true, Return: ListMetadata, Entries: []string{"/shared/comment", "/private/vendor/x"}, Patterns: []string{"%"},
			},
		},
		{in: `"" ()`, bad: true},
		{in: `(RECURSIVEMATCH) "" *`, bad: true},
		{in: `(RECURSIVEMATCH SPECIAL-USE) "" *`, bad: true},
		{in: `(SUBSCRIBED) "" * RETURN`, bad: true},
		{in: `"" * RETURNS ()`, bad: true},
		{in: `"" * RETURN (STATUS)`, bad: true},
		{in: `"" * RETURN (METADATA (/comment))`, bad: true},
		{in: `"" * RETURN (METADATA ())`, bad: true},
		{in: `"" &-&-x`, want: List{Patterns: []string{"&&x"}}},
		{in: `"" &`, want: List{Patterns: []string{noName}}},
		{in: `&AGE- (inbox* "&Jjo!")`, want: List{Extended: true, Ref: noName, Patterns: []string{"inbox*", noName}}},
		{in: `inbox {1+}` + "\r\n\x80", bad: true},
	} {
		p := NewParser([]byte(c.in), &lim)
		got := p.ListArguments()
		if err := p.End(); (err != nil) != c.bad {
			t.Errorf("%s: %v", c.in, err)
		} else if !c.bad && !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s:\ngot  %+v\nwant %+v", c.in, got, c.want)
		}
	}
}

func TestEntryNames(t *testing.T) {
	lim := AfterLogin(1 << 20)
	for in, ok := range map[string]bool{
		"/shared/comment": true, "/PRIVATE/Vendor/x/Y": true, `"/private/a b"`: true, "\"/private/a\x1fb\"": false, "/shared/": false, "/shared": false,
		"/shared//x": false, "/other/comment": false, `"/shared/a*"`: false, `"/shared/a%"`: false, "/shared/x/": false,
		"comment": false, `""`: false,
	} {
		p := NewParser([]byte(in), &lim)
		p.EntryName()
		if err := p.End(); (err == nil) != ok {
			t.Errorf("%s: %v", in, err)
		}
	}
}
