package smtp

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"
)

const allExt = ExtSize | Ext8BitMIME | ExtBinaryMIME | ExtUTF8 | ExtDSN | ExtAuth |
	ExtHold | ExtDeliverBy | ExtPriority | ExtTLS

func TestMailParams(t *testing.T) {
	for in, want := range map[string]MailParams{
		"":                                      {},
		" ":                                     {},
		" SIZE=4096":                            {Size: 4096},
		"size=0":                                {},
		"SIZE=9223372036854775807":              {Size: math.MaxInt64},
		"SIZE=9223372036854775808":              {Size: math.MaxInt64},
		"SIZE=18446744073709551616":             {Size: math.MaxInt64},
		"SIZE=99999999999999999999":             {Size: math.MaxInt64},
		"BODY=8bitmime  SMTPUTF8":               {Body: Body8BitMIME, UTF8: true},
		"BODY=BINARYMIME":                       {Body: BodyBinaryMIME},
		"RET=hdrs ENVID=QQ314159":               {Ret: RetHeaders, EnvID: "QQ314159"},
		"ENVID=a+20b+2Bc+3D":                    {EnvID: "a b+c="},
		"AUTH=<>":                               {Auth: "<>"},
		"AUTH=e+3Dmc2@example.com SIZE=10":      {Auth: "e=mc2@example.com", Size: 10},
		"HOLDFOR=3600":                          {HoldFor: time.Hour},
		"holdfor=999999999":                     {HoldFor: 999999999 * time.Second},
		"HOLDUNTIL=2026-11-22T18:00:00Z":        {HoldUntil: time.Date(2026, 11, 22, 18, 0, 0, 0, time.UTC)},
		"HOLDUNTIL=2026-11-22t21:30:00.5+03:30": {HoldUntil: time.Date(2026, 11, 22, 18, 0, 0, 5e8, time.UTC)},
		"BY=120;R":                              {By: DeliverBy{In: 2 * time.Minute, Mode: ByReturn}},
		"by=+000000001;rt":                      {By: DeliverBy{In: time.Second, Mode: ByReturn, Trace: true}},
		"BY=0;N":                                {By: DeliverBy{Mode: ByNotify}},
		"BY=-30;NT":                             {By: DeliverBy{In: -30 * time.Second, Mode: ByNotify, Trace: true}},
		"MT-PRIORITY=-9":                        {Priority: -9},
		"MT-PRIORITY=9":                         {Priority: 9},
		"MT-PRIORITY=-0":                        {},
		"RequireTLS":                            {RequireTLS: true},
	} {
		if got, err := ParseMailParams(in, allExt); got != want || err != nil {
			t.Errorf("%q: %+v, %v", in, got, err)
		}
	}
}

func TestMailParamsRefused(t *testing.T) {
	for in, unknown := range map[string]bool{
		"SIZE":                              false,
		"SIZE=":                             false,
		"SIZE=-1":                           false,
		"SIZE=1e3":                          false,
		"SIZE=100000000000000000000":        false, // 21 digits
		"SIZE=1 SIZE=1":                     false,
		"SIZE=0 SIZE=0":                     false,
		"BODY=":                             false,
		"BODY=9BIT":                         false,
		"BODY":                              false,
		"BODY=7BIT BODY=8BITMIME":           false,
		"SMTPUTF8=yes":                      false,
		"SMTPUTF8 SMTPUTF8":                 false,
		"RET=ALL":                           false,
		"ENVID=+0D+0ARCPT":                  false,
		"ENVID=a+0":                         false,
		"ENVID=a+GG":                        false,
		"ENVID=+00":                         false,
		"ENVID=" + strings.Repeat("a", 101): false,
		"AUTH=a+0D+0Ab@example.org":         false,
		"AUTH=a=b":                          false,
		"AUTH=\xff":                         false,
		"X=\x7f":                            false,
		"=1":                                false,
		"-A=1":                              false,
		"A_B=1":                             false,
		"XFOO=1":                            true,
		"HOLDFOR=":                          false,
		"HOLDFOR=0":                         false,
		"HOLDFOR=-5":                        false,
		"HOLDFOR=1h":                        false,
		"HOLDFOR=1000000000":                false, // ten digits
		"HOLDFOR=5 HOLDFOR=5":               false,
		"HOLDFOR=5 HOLDUNTIL=2026-11-22T18:00:00Z":                       false,
		"HOLDUNTIL=2026-11-22T18:00:00Z HOLDFOR=5":                       false,
		"HOLDUNTIL=tomorrow":                                             false,
		"HOLDUNTIL=2026-11-22":                                           false,
		"HOLDUNTIL=2026-11-22T18:00:00":                                  false, // in no zone
		"HOLDUNTIL=2026-02-30T18:00:00Z":                                 false,
		"HOLDUNTIL=1066-10-14T09:00:00Z":                                 false,
		"HOLDUNTIL=2026-11-22T18:00:00." + strings.Repeat("1", 50) + "Z": false,
		"BY=120":                false,
		"BY=120;":               false,
		"BY=120;X":              false,
		"BY=120;RTT":            false,
		"BY=0;R":                false,
		"BY=-1;R":               false,
		"BY=--1;N":              false,
		"BY=1234567890;N":       false,
		"BY=;N":                 false,
		"BY":                    false,
		"MT-PRIORITY=10":        false,
		"MT-PRIORITY=-10":       false,
		"MT-PRIORITY=+3":        false,
		"MT-PRIORITY=-":         false,
		"MT-PRIORITY=high":      false,
		"MT-PRIORITY":           false,
		"REQUIRETLS=yes":        false,
		"REQUIRETLS REQUIRETLS": false,
		"NOTIFY=NEVER":          true,
	} {
		_, err := ParseMailParams(in, allExt)
		var e *SyntaxError
		if !errors.As(err, &e) || e.Unknown != unknown {
			t.Errorf("%q: %v", in, err)
		}
	}
}

func TestParamsOfExtensionsThatAreOff(t *testing.T) {
	for in, ext := range map[string]Ext{
		"SIZE=1": ExtSize, "BODY=7BIT": Ext8BitMIME, "SMTPUTF8": ExtUTF8, "RET=FULL": ExtDSN, "ENVID=1": ExtDSN, "AUTH=<>": ExtAuth,
		"HOLDFOR=1": ExtHold, "HOLDUNTIL=2026-11-22T18:00:00Z": ExtHold, "BY=1;N": ExtDeliverBy, "MT-PRIORITY=1": ExtPriority, "REQUIRETLS": ExtTLS,
	} {
		var e *SyntaxError
		if _, err := ParseMailParams(in, allExt&^ext); !errors.As(err, &e) || !e.Unknown {
			t.Errorf("%q without its extension: %v", in, err)
		}
	}
	if _, err := ParseMailParams("BODY=BINARYMIME", allExt&^ExtBinaryMIME); err == nil {
		t.Error("BINARYMIME without its extension was taken")
	}
	var e *SyntaxError
	if _, err := ParseRcptParams("NOTIFY=NEVER", allExt&^ExtDSN); !errors.As(err, &e) || !e.Unknown {
		t.Errorf("NOTIFY without DSN: %v", err)
	}
}

func TestRcptParams(t *testing.T) {
	for in, want := range map[string]RcptParams{
		"":                               {},
		"NOTIFY=NEVER":                   {Notify: NotifyNever},
		"notify=success,Delay,FAILURE":   {Notify: NotifySuccess | NotifyDelay | NotifyFailure},
		"ORCPT=RFC822;info@example.org":  {ORcpt: "rfc822;info@example.org"},
		"ORCPT=rfc822;a+2Bb@example.org": {ORcpt: "rfc822;a+b@example.org"},
		`ORCPT=utf-8;\x{641}\x{631}@example.org NOTIFY=DELAY`: {ORcpt: "utf-8;فر@example.org", Notify: NotifyDelay},
		"ORCPT=utf-8;فروش@example.org":                        {ORcpt: "utf-8;فروش@example.org"},
		"ORCPT=rfc822;+D9+81+D8+B1@example.org":               {ORcpt: "utf-8;فر@example.org"}, // Postfix 3.7
	} {
		if got, err := ParseRcptParams(in, allExt); got != want || err != nil {
			t.Errorf("%q: %+v, %v", in, got, err)
		}
	}
	for in, unknown := range map[string]bool{
		"NOTIFY=":                                  false,
		"NOTIFY=NEVER,DELAY":                       false,
		"NOTIFY=DELAY,DELAY":                       false,
		"NOTIFY=DELAY,":                            false,
		"NOTIFY=DELAY NOTIFY=FAILURE":              false,
		"ORCPT=info@example.org":                   false,
		"ORCPT=rfc822;":                            false,
		"ORCPT=;info@example.org":                  false,
		"ORCPT=rfc822;a+0Ab":                       false,
		"ORCPT=rfc822;a ORCPT=rfc822;b":            false,
		`ORCPT=utf-8;\x{A}`:                        false,
		`ORCPT=utf-8;\x{0A}`:                       false,
		`ORCPT=utf-8;\x{D800}`:                     false,
		`ORCPT=utf-8;\x{2028}`:                     false,
		"ORCPT=utf-8;\xff":                         false,
		"ORCPT=rfc822;+D9@example.org":             false,
		"ORCPT=rfc822;+C2+85@example.org":          false,
		"ORCPT=x;+D9+81@example.org":               false,
		"ORCPT=rfc822;" + strings.Repeat("a", 500): false,
		"SIZE=1": true,
	} {
		_, err := ParseRcptParams(in, allExt)
		var e *SyntaxError
		if !errors.As(err, &e) || e.Unknown != unknown {
			t.Errorf("%q: %v", in, err)
		}
	}
}

func TestNotifyString(t *testing.T) {
	if s := (NotifySuccess | NotifyDelay).String(); s != "SUCCESS,DELAY" {
		t.Error(s)
	}
}

// Whatever comes, the parsers return, and what they take holds no control character.
func FuzzParams(f *testing.F) {
	f.Add("SIZE=1 BODY=8BITMIME SMTPUTF8 RET=FULL ENVID=a+20b AUTH=<>")
	f.Add(`NOTIFY=SUCCESS,DELAY ORCPT=utf-8;\x{641}`)
	f.Fuzz(func(t *testing.T, in string) {
		m, err := ParseMailParams(in, allExt)
		if err == nil && (hasControl(m.EnvID) || hasControl(m.Auth) || m.Size < 0) {
			t.Fatalf("%q: %+v", in, m)
		}
		r, err := ParseRcptParams(in, allExt)
		if err == nil && hasControl(r.ORcpt) {
			t.Fatalf("%q: %+v", in, r)
		}
	})
}

func hasControl(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f })
}

func TestXtextRoundTrip(t *testing.T) {
	var all []byte
	for c := byte(' '); c < 0x7f; c++ {
		all = append(all, c)
	}
	wire := string(AppendXtext(nil, string(all)))
	if got, err := decodeXtext("X", wire); got != string(all) || err != nil || !isValue(wire) {
		t.Errorf("%q: %q, %v", wire, got, err)
	}
}

func TestParseBDAT(t *testing.T) {
	for in, want := range map[string]int64{"0": 0, "86 LAST": 86, "86 last": 86, "000000000000000012": 12, "9223372036854775807": math.MaxInt64} {
		n, last, err := ParseBDAT(in)
		if n != want || err != nil || last != strings.Contains(strings.ToUpper(in), "LAST") {
			t.Errorf("%q: %d, %v, %v", in, n, last, err)
		}
	}
	for _, in := range []string{
		"", " ", "LAST", "-1", "+1", "1x", "0x10", "1 ", "1 LAST LAST", "1  LAST", "1 FIRST", "9223372036854775808",
		"18446744073709551616", "00000000000000000001", "1,000", "١",
	} {
		if n, _, err := ParseBDAT(in); err == nil {
			t.Errorf("%q was taken as %d", in, n)
		}
	}
}

func TestParseCommand(t *testing.T) {
	for in, want := range map[string][2]string{
		"NOOP": {"NOOP", ""}, "noop  ": {"NOOP", ""}, "mail FROM:<>": {"MAIL", "FROM:<>"}, "MAIL  FROM:<> ": {"MAIL", " FROM:<>"},
		"": {"", ""}, " NOOP": {"", "NOOP"}, "VERYLONGVERB x": {"", "x"}, "STARTTLS": {"STARTTLS", ""}, "ı": {"ı", ""},
	} {
		c := ParseCommand([]byte(in))
		if string(c.Verb()) != want[0] || string(c.Args) != want[1] {
			t.Errorf("%q: %q %q", in, c.Verb(), c.Args)
		}
	}
	if rest, ok := CutPath("from:  <a@b>", "FROM:"); rest != "<a@b>" || !ok {
		t.Error(rest, ok)
	}
	if _, ok := CutPath("FRO", "FROM:"); ok {
		t.Error("FRO was taken")
	}
}
