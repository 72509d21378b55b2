package manage

import (
	"embed"
	"slices"
	"strconv"
	"strings"
	"text/template"

	"barid/base/fault"
)

// frameworks holds one template a file: the lines that make a framework send through this server.
//
//go:embed frameworks/*.tmpl
var frameworks embed.FS

// Frameworks names those that there are settings for.
func Frameworks() []string {
	files, err := frameworks.ReadDir("frameworks")
	if err != nil {
		return nil // it is embedded
	}
	var names []string
	for _, f := range files {
		names = append(names, strings.TrimSuffix(f.Name(), ".tmpl"))
	}
	return names
}

// MailSettings is what a program needs to send, and to read, with a login of ours.
type MailSettings struct {
	Server   string            `json:"server"`
	User     string            `json:"user"`
	Password string            `json:"password"` // a placeholder where the secret is not known any more
	From     string            `json:"from"`
	Doors    []MailDoor        `json:"doors"`              // the best first
	Snippets map[string]string `json:"snippets,omitempty"` // by framework
}

// MailDoor is one way to the server.
type MailDoor struct {
	Use  string `json:"use"` // "send", "imap" or "pop3"
	Port int    `json:"port"`
	TLS  string `json:"tls"` // "STARTTLS" or "TLS"
}

// keptSecret stands where a password was, once it is not known any more.
const keptSecret = "THE-SECRET-SHOWN-WHEN-IT-WAS-MADE"

// snippet fills in the template of a framework.
func (s MailSettings) snippet(name string) (string, error) {
	if !slices.Contains(Frameworks(), name) {
		return "", fault.New("B4003", "there are no settings for %q", name).WithExit(fault.ExitUsage).
			WithFix("one of: %s", strings.Join(Frameworks(), ", "))
	}
	i := slices.IndexFunc(s.Doors, func(d MailDoor) bool { return d.Use == "send" })
	if i < 0 {
		return "", fault.New("B4003", "there is no door to send through").
			WithMeans("this password may not send, or the server has no submission listener").
			WithFix("barid app-password set ACCOUNT NAME --may smtp").WithFix("add a [[listener]] with protocol = \"submission\"")
	}
	d := s.Doors[i]
	url := "smtps://"
	if d.TLS == startTLS {
		url = "smtp://"
	}
	t, err := template.New(name+".tmpl").Funcs(template.FuncMap{"code": quoteCode, "shell": quoteShell, "dotenv": quoteDotenv}).
		ParseFS(frameworks, "frameworks/"+name+".tmpl")
	if err != nil {
		return "", err
	}
	var b strings.Builder
	err = t.Execute(&b, map[string]any{
		"Host": s.Server, "Port": d.Port, "STARTTLS": d.TLS == startTLS, "User": s.User, "Password": s.Password, "From": s.From,
		"URL": url + s.Server + ":" + strconv.Itoa(d.Port), "Credentials": s.User + ":" + s.Password,
	})
	return b.String(), err
}

const startTLS = "STARTTLS"

// quoteCode is a text in single quotes as Python, Ruby, PHP and JavaScript read it.
func quoteCode(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'"
}

func quoteShell(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

func quoteDotenv(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, `$`, `\$`).Replace(s) + `"`
}
