package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"

	"barid/base/fault"

	"github.com/pelletier/go-toml/v2"
)

var errBadDuration = errors.New(`a time such as "30s", "5m" or "2h" is needed`)

// Load reads file (none if ""), then BARID_* variables from environ, then sets ("limits.recipients=50"), each
// overriding the one before, and checks the result.
func Load(file string, environ, sets []string) (*Config, error) {
	c := Default()
	if file != "" {
		if err := c.readFile(file); err != nil {
			return nil, err
		}
	}
	if err := c.readEnvironment(environ); err != nil {
		return nil, err
	}
	for _, s := range sets {
		key, value, ok := strings.Cut(s, "=")
		if !ok {
			return nil, fault.New("B1003", "%q is not KEY=VALUE", s).WithExit(fault.ExitUsage).
				WithFix("--set limits.recipients=50")
		}
		if err := c.set(key, value, "flag"); err != nil {
			return nil, err
		}
	}
	return c, c.check()
}

func (c *Config) readFile(file string) error {
	b, err := os.ReadFile(file)
	if err != nil {
		return fault.New("B1001", "the configuration %s can not be read", file).Wrap(err).
			WithFix("barid setup you@example.org").WithFix("barid serve --config /path/to/barid.toml")
	}
	abs, err := filepath.Abs(file)
	if err != nil {
		return err
	}
	c.File = abs
	d := toml.NewDecoder(strings.NewReader(string(b)))
	d.DisallowUnknownFields()
	if err := d.Decode(c); err != nil {
		return tomlFault(file, err)
	}
	c.places = placesOf(b)
	if err := c.checkTimes(file); err != nil {
		return err
	}
	c.markKeys(b)
	if !filepath.IsAbs(c.Data) {
		c.Data = filepath.Join(filepath.Dir(abs), c.Data)
	}
	for i := range c.Certificates {
		c.Certificates[i].Cert = besides(abs, c.Certificates[i].Cert)
		c.Certificates[i].Key = besides(abs, c.Certificates[i].Key)
	}
	return nil
}

func besides(file, path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(filepath.Dir(file), path)
}

// markKeys notes which keys the file sets, so that --print-config can say where a value came from.
func (c *Config) markKeys(b []byte) {
	var m map[string]any
	if toml.Unmarshal(b, &m) != nil {
		return
	}
	for k, v := range m {
		if sub, ok := v.(map[string]any); ok {
			for k2 := range sub {
				c.From[k+"."+k2] = "file"
			}
			continue
		}
		c.From[k] = "file"
	}
}

func tomlFault(file string, err error) error {
	var strict *toml.StrictMissingError
	if errors.As(err, &strict) && len(strict.Errors) > 0 {
		e := strict.Errors[0]
		key := strings.Join(e.Key(), ".")
		row, col := e.Position()
		return unknownKey(key).WithFound("%s:%d:%d\n%s", file, row, col, e.String()).
			WithMeans("the whole file is not used, so that no setting is silently ignored").
			WithFix("barid config default    shows every key")
	}
	var syntax *toml.DecodeError
	if errors.As(err, &syntax) {
		row, col := syntax.Position()
		raw := strings.TrimPrefix(syntax.Error(), "toml: ")
		what := inWords(raw)
		return fault.New("B1002", "the configuration can not be understood: %s", what).
			WithFound("%s:%d:%d\n%s", file, row, col, strings.ReplaceAll(syntax.String(), raw, what)).WithExit(fault.ExitUsage).
			WithMeans("the whole file is not used, so that no setting is silently ignored").
			WithFix("barid config explain    shows what each key takes")
	}
	return fault.New("B1002", "the configuration can not be understood").WithFound("%s: %v", file, err).WithExit(fault.ExitUsage)
}

// inWords says what a value of the wrong kind should be; the library names our types, which nobody knows.
func inWords(raw string) string {
	_, kind, ok := strings.Cut(raw, " of type ")
	if !ok || !strings.Contains(raw, "struct field") {
		return raw
	}
	switch {
	case kind == "string":
		return "a text in quotes is needed"
	case kind == "bool":
		return "true or false is needed"
	case strings.HasPrefix(kind, "int"):
		return "a whole number without quotes is needed"
	case strings.HasPrefix(kind, "[]"):
		return "a list is needed"
	}
	return "another kind of value is needed"
}

// readEnvironment applies BARID_HOSTNAME=…, BARID_LIMITS_RECIPIENTS=…; a BARID_ variable that fits no key is
// an error like an unknown key in the file.
func (c *Config) readEnvironment(environ []string) error {
	for _, kv := range environ {
		name, value, _ := strings.Cut(kv, "=")
		rest, ok := strings.CutPrefix(name, "BARID_")
		if !ok || notSettings[rest] {
			continue
		}
		key := keyOfVariable(rest)
		if key == "" {
			return unknownVariable(name)
		}
		if err := c.set(key, value, "environment"); err != nil {
			return err
		}
	}
	return nil
}

// notSettings are BARID_ variables of the command and of the tests, which are not configuration.
var notSettings = map[string]bool{"CONFIG": true, "SEEDS": true, "PASSWORD": true, "SOCKET": true, "E2E": true}

func variable(key string) string {
	return "BARID_" + strings.ToUpper(strings.ReplaceAll(key, ".", "_"))
}

func keyOfVariable(rest string) string {
	for _, k := range Keys() {
		if variable(k) == "BARID_"+rest {
			return k
		}
	}
	return ""
}

// set gives one key a value that was written as text. Lists are separated by commas; listeners are
// "smtp=127.0.0.1:2525,imap=127.0.0.1:1143".
func (c *Config) set(key, value, from string) error {
	v, ok := find(reflect.ValueOf(c).Elem(), key)
	if !ok {
		return unknownKey(key).WithFound("from the %s", from)
	}
	if err := setValue(v, value); err != nil {
		return fault.New("B1003", "%s can not be %q", key, value).WithFound("%v (from the %s)", err, from).WithExit(fault.ExitUsage)
	}
	c.From[key] = from
	return nil
}

func setValue(v reflect.Value, s string) error {
	if u, ok := v.Addr().Interface().(interface{ UnmarshalText([]byte) error }); ok {
		return u.UnmarshalText([]byte(s))
	}
	switch p := v.Addr().Interface().(type) {
	case *string:
		*p = s
	case *bool:
		b, err := strconv.ParseBool(s)
		if err != nil {
			return errors.New("true or false is needed")
		}
		*p = b
	case *int, *int64:
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			return errors.New("a whole number is needed")
		}
		v.SetInt(n)
	case *[]string:
		*p = splitList(s)
	case *[]Listener:
		*p = nil
		for _, item := range splitList(s) {
			proto, addr, ok := strings.Cut(item, "=")
			if !ok {
				return errors.New("PROTOCOL=ADDRESS:PORT is needed")
			}
			*p = append(*p, Listener{proto, addr})
		}
	case *[]Certificate:
		*p = nil
		for _, item := range splitList(s) {
			cert, key, ok := strings.Cut(item, ":")
			if !ok {
				return errors.New("CERT-FILE:KEY-FILE is needed")
			}
			*p = append(*p, Certificate{cert, key})
		}
	default:
		return fmt.Errorf("a %s can not be set this way", v.Type())
	}
	return nil
}

func splitList(s string) []string {
	var out []string
	for _, x := range strings.Split(s, ",") {
		if x = strings.TrimSpace(x); x != "" {
			out = append(out, x)
		}
	}
	return out
}
