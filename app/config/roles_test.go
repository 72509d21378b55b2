package config

import (
	"strings"
	"testing"

	"barid/base/fault"
)

func protocols(c *Config) string {
	var out []string
	for _, l := range c.Listeners {
		out = append(out, l.Protocol)
	}
	return strings.Join(out, " ")
}

func TestRolesChooseTheUsualListeners(t *testing.T) {
	for roles, want := range map[string]string{
		"mx":                            "smtp admin",
		"submission":                    "submission submissions admin",
		"access":                        "imap imaps pop3 pop3s admin",
		"outbound":                      "admin",
		"submission,outbound":           "submission submissions admin",
		"mx,submission,access,outbound": "smtp submission submissions imap imaps pop3 pop3s admin",
	} {
		c, err := Load("", nil, []string{"roles=" + roles})
		if err != nil {
			t.Error(roles, err)
			continue
		}
		if got := protocols(c); got != want {
			t.Errorf("%s: %s", roles, got)
		}
		if c.Outbound.Enabled != strings.Contains(roles, "outbound") {
			t.Errorf("%s: outbound is %v", roles, c.Outbound.Enabled)
		}
	}
	c, err := Load("", nil, nil)
	if err != nil || !c.Outbound.Enabled || len(c.Listeners) != len(UsualListeners()) || !c.HasRole(RoleAccess) {
		t.Errorf("without roles: %+v, %v", c, err)
	}
}

func TestRolesAndListenersAgree(t *testing.T) {
	listener := func(p string) string { return "[[listener]]\nprotocol = \"" + p + "\"\naddress = \"127.0.0.1:1\"\n" }
	for name, c := range map[string]struct {
		text string
		want []string // nil: it is right
	}{
		"own listeners":              {"roles = [\"mx\", \"outbound\"]\n" + listener("lmtp") + listener("admin"), nil},
		"outbound is said twice":     {"roles = [\"outbound\"]\n[outbound]\nenabled = true\n", nil},
		"no role is every one":       {"roles = []\n" + listener("imap"), nil},
		"a word":                     {"roles = [\"submision\"]\n", []string{`did you mean "submission"?`}},
		"twice":                      {"roles = [\"mx\", \"mx\"]\n", []string{"named once"}},
		"a listener of another role": {"roles = [\"mx\"]\n" + listener("smtp") + listener("imap"), []string{"listener.protocol", `"imap"`, `add "access" to roles`}},
		"a role without a listener":  {"roles = [\"mx\", \"access\"]\n" + listener("smtp"), []string{`roles "access"`, "imap or imaps or pop3 or pop3s"}},
		"outbound off, and a role":   {"roles = [\"mx\", \"outbound\"]\n[outbound]\nenabled = false\n", []string{`outbound.enabled "false"`}},
		"outbound on, and no role":   {"roles = [\"mx\"]\n[outbound]\nenabled = true\n", []string{`outbound.enabled "true"`}},
	} {
		_, err := Load(write(t, c.text), nil, nil)
		if c.want == nil {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		var b strings.Builder
		fault.Of(err).Print(&b)
		for _, w := range append(c.want, "B1003") {
			if err == nil || !strings.Contains(b.String(), w) {
				t.Errorf("%s: no %q in %s", name, w, b.String())
			}
		}
	}
}
