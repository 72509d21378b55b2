package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"barid/base/fault"
)

func write(t *testing.T, text string) string {
	t.Helper()
	p := filepath.Join(t.TempDir(), "barid.toml")
	if err := os.WriteFile(p, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestFileThenEnvironmentThenFlags(t *testing.T) {
	p := write(t, "hostname = \"mail.example.org\"\ndata = \"state\"\n[limits]\nrecipients = 200\n")
	c, err := Load(p, []string{"BARID_LIMITS_RECIPIENTS=300", "BARID_CONFIG=x", "PATH=/bin"}, []string{"limits.data_timeout=7s"})
	if err != nil {
		t.Fatal(err)
	}
	if c.Hostname != "mail.example.org" || c.Limits.Recipients != 300 || time.Duration(c.Limits.DataWait) != 7*time.Second {
		t.Errorf("got %+v", c)
	}
	if c.Data != filepath.Join(filepath.Dir(p), "state") {
		t.Errorf("data folder %q does not count from the file", c.Data)
	}
	if c.From["hostname"] != "file" || c.From["limits.recipients"] != "environment" || c.From["limits.data_timeout"] != "flag" {
		t.Errorf("origins: %v", c.From)
	}
	if len(c.Listeners) != len(UsualListeners()) {
		t.Errorf("no usual listeners: %v", c.Listeners)
	}
}

// Wrong configurations, with the words a person must find in the answer.
func TestWrongConfigurationSaysWhereAndWhatInstead(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       []string
	}{
		{"unknown key", "hostnme = \"x\"\n", []string{"B1002", `unknown key "hostnme"`, ":1:1", `did you mean "hostname"?`}},
		{"unknown key in a table", "[limits]\nrecipient = 5\n", []string{"B1002", `"limits.recipient"`, ":2:1", "limits.recipients"}},
		{"syntax", "hostname = \n", []string{"B1002", ":1:"}},
		{"wrong type", "hostname = 5\n", []string{"B1002", ":1:"}},
		{"bad time", "[limits]\ndata_timeout = \"soon\"\n", []string{"B1002", `"30s"`}},
		{"bad host name", "\n hostname = \"a b\"\n", []string{"B1003", "hostname", "barid.toml:2:2"}},
		{"bad protocol", "[[listener]]\nprotocol = \"imapp\"\naddress = \"127.0.0.1:1\"\n", []string{"B1003", "imapp", `did you mean "imap"?`}},
		{"bad address", "[[listener]]\nprotocol = \"imap\"\naddress = \"nowhere\"\n", []string{"B1003", "listener.address", "barid.toml:3:1"}},
		{"bad address of two", "[[listener]]\nprotocol = \"imap\"\naddress = \"[::]:1\"\n[[listener]]\nprotocol = \"imap\"\naddress = \"x\"\n", []string{"listener.address", "barid.toml:6:1"}},
		{"no port", "[outbound]\nport = 70000\n", []string{"B1003", "outbound.port", "1 to 65535", "barid.toml:2:1"}},
		{"port 0", "outbound.port = 0\n", []string{"B1003", "outbound.port", "barid.toml:1:1"}},
		{"no wait", "[outbound]\nfirst_retry = \"0s\"\n", []string{"B1003", "outbound.first_retry", "at least 1s"}},
		{"a longest wait that is not", "[outbound]\nmax_retry = \"1m\"\n", []string{"B1003", "outbound.max_retry", "first_retry (2m0s)"}},
		{"given up before it is tried again", "outbound = {expire = \"1m\"}\n", []string{"B1003", "outbound.expire", "barid.toml:1:13"}},
		{"a time without a unit", "[outbound]\nexpire = 40\n", []string{"B1002", `"30s"`, "barid.toml:2:1", "expire = 40"}},
		{"the same in a line", "outbound = { expire = 40 }\n", []string{"B1002", `"30s"`, "barid.toml:1:14"}},
		{"DNS without time", "resolver_timeout = \"0s\"\n", []string{"B1003", "resolver_timeout"}},
		{"bad network", "proxy_trusted = [\"10.0.0.300/8\"]\n", []string{"B1003", "proxy_trusted"}},
		{"bad network of LMTP", "lmtp_clients = [\"localhost\"]\n", []string{"B1003", "lmtp_clients"}},
		{"nothing to hide", "[[imap_hide]]\nclient = \"Mail\"\n", []string{"B1003", "imap_hide.capability"}},
		{"no login", "imap_admins = [\"postmaster\"]\n", []string{"B1003", "imap_admins"}},
		{"bad resolver", "resolver = [\"dns.example:53\"]\n", []string{"B1003", "resolver"}},
		{"no such time", "[storage]\nevent_days = -1\n", []string{"B1003", "storage.event_days", "1 to 3650"}},
		{"IMAP commands of few messages", "[limits]\nimap_messages_per_command = 999\n", []string{"B1003", "at least 1000"}},
		{"IMAP saves few messages", "[limits]\nimap_saved_messages = -1\n", []string{"B1003", "at least 1000"}},
		{"two limits of IMAP", "[limits]\nimap_messages_per_command = 1000\nimap_saved_messages = 1000\n", []string{"B1003", "imap_saved_messages", "one of the two"}},
		{"too few recipients", "[limits]\nrecipients = 5\n", []string{"B1003", "at least 100"}},
		{"bad word", "[log]\nlevel = \"loud\"\n", []string{"B1003", "debug, info, warn, error"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Load(write(t, c.text), nil, nil)
			if err == nil {
				t.Fatal("taken")
			}
			var b strings.Builder
			fault.Of(err).Print(&b)
			for _, w := range c.want {
				if !strings.Contains(b.String(), w) {
					t.Errorf("no %q in:\n%s", w, b.String())
				}
			}
		})
	}
}

func TestWrongVariableAndFlag(t *testing.T) {
	for _, c := range []struct {
		env, set, want string
	}{
		{"BARID_HOSTNMAE=x", "", "did you mean BARID_HOSTNAME?"},
		{"BARID_LIMITS_RECIPIENTS=many", "", "a whole number is needed"},
		{"", "limits.recipents=5", "limits.recipients"},
		{"", "hostname", "KEY=VALUE"},
		{"", "listener=smtp", "PROTOCOL=ADDRESS:PORT"},
		{"", "outbound.port=0", `"0" from the flag`},
		{"BARID_OUTBOUND_PORT=70000", "", `"70000" from the environment`},
	} {
		var env, sets []string
		if c.env != "" {
			env = []string{c.env}
		}
		if c.set != "" {
			sets = []string{c.set}
		}
		_, err := Load("", env, sets)
		if err == nil {
			t.Fatalf("%+v: taken", c)
		}
		var b strings.Builder
		fault.Of(err).Print(&b)
		if !strings.Contains(b.String(), c.want) {
			t.Errorf("%+v: no such words in\n%s", c, b.String())
		}
	}
}

func TestAnnotatedDefaultsAreValidWhenUncommented(t *testing.T) {
	var b strings.Builder
	for _, l := range strings.Split(Annotated(), "\n") {
		if s, ok := strings.CutPrefix(l, "# "); ok && (strings.Contains(s, " = ") || strings.HasPrefix(s, "[[")) &&
			!strings.Contains(s, ".pem") && s != "[[certificate]]" {
			l = s
		} else if ok {
			continue
		}
		b.WriteString(l + "\n")
	}
	c, err := Load(write(t, b.String()), nil, nil)
	if err != nil {
		t.Fatalf("%v\n%s", err, b.String())
	}
	d := Default()
	if c.Limits != d.Limits || c.Storage != d.Storage || c.Log != d.Log || c.Policy != d.Policy {
		t.Errorf("the annotated defaults say something else than Default:\n%+v\n%+v", c, d)
	}
}

func TestEveryKeyIsExplained(t *testing.T) {
	for _, k := range Describe() {
		if len(k.Doc) < 10 {
			t.Errorf("%s has no doc text", k.Name)
		}
	}
}

func TestGreetWait(t *testing.T) {
	c, err := Load(write(t, ""), nil, nil)
	if err != nil || c.Limits.GreetWait != 0 {
		t.Errorf("default %v, %v; want no wait", c.Limits.GreetWait, err)
	}
	c, err = Load(write(t, "[limits]\ngreet_wait = \"2s\"\n"), nil, nil)
	if err != nil || time.Duration(c.Limits.GreetWait) != 2*time.Second {
		t.Errorf("got %v, %v", c.Limits.GreetWait, err)
	}
	if _, err = Load(write(t, "[limits]\ngreet_wait = \"10m\"\n"), nil, nil); err == nil || fault.Of(err).Code != "B1003" {
		t.Errorf("10m: %v; honest peers would be gone", err)
	}
}

func TestHostnameIsWrittenInALabels(t *testing.T) {
	c, err := Load(write(t, "hostname = \"برید.إختبار\"\n"), nil, nil)
	if err != nil || !strings.HasPrefix(c.Hostname, "xn--") {
		t.Errorf("got %q, %v", c.Hostname, err)
	}
}

// A value of the wrong kind is answered in the words of the file, not of the program.
func TestWrongKindOfValue(t *testing.T) {
	for text, want := range map[string]string{
		"[limits]\nrecipients = \"many\"\n": "a whole number",
		"hostname = 7\n":                    "a text in quotes",
		"plain_login = \"yes\"\n":           "true or false",
		"resolver = 53\n":                   "a list",
		"[limits]\ngreet_wait = \"long\"\n": "a time such as",
	} {
		_, err := Load(write(t, text), nil, nil)
		if err == nil {
			t.Errorf("%q was taken", text)
			continue
		}
		f := fault.Of(err)
		if !strings.Contains(f.What, want) || strings.Contains(f.What+f.Found, "struct") || !strings.Contains(f.Found, ":") {
			t.Errorf("%q: %s\n%s", text, f.What, f.Found)
		}
	}
}
