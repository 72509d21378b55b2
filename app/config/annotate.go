package config

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

// Annotated writes the defaults as a barid.toml in which every key is explained and commented out.
func Annotated() string {
	var b strings.Builder
	b.WriteString("# barid.toml: every key with its default. Take the # away where you want another value.\n")
	section := ""
	for _, k := range Describe() {
		head, name, deeper := strings.Cut(k.Name, ".")
		if deeper && head != section {
			section = head
			fmt.Fprintf(&b, "\n[%s]\n", head)
		}
		if !deeper {
			name = head
		}
		fmt.Fprintf(&b, "# %s\n", k.Doc)
		b.WriteString(example(name, k.Default))
	}
	return b.String()
}

func example(name string, v any) string {
	switch v := v.(type) {
	case []Listener:
		return "# [[listener]]\n# protocol = \"smtp\"\n# address = \"[::]:25\"\n"
	case []Certificate:
		return "# [[certificate]]\n# cert = \"cert.pem\"\n# key = \"key.pem\"\n"
	case []IMAPHide:
		return "# [[imap_hide]]\n# capability = \"QRESYNC\"\n# client = \"Some Mail\"\n"
	case []string:
		return "# " + name + " = []\n"
	default:
		return "# " + name + " = " + Literal(v) + "\n"
	}
}

// Literal writes a value as TOML does.
func Literal(v any) string {
	if d, ok := v.(Duration); ok {
		v = d.String()
	}
	if k := reflect.ValueOf(v).Kind(); k == reflect.Slice && reflect.ValueOf(v).Len() == 0 {
		return "[]"
	}
	b, err := toml.Marshal(map[string]any{"v": v})
	if err != nil {
		return fmt.Sprint(v)
	}
	return strings.TrimSpace(strings.TrimPrefix(string(b), "v = "))
}
