package config

import (
	"fmt"
	"reflect"
	"strings"

	"barid/base/fault"

	"github.com/pelletier/go-toml/v2/unstable"
)

// place is where the file sets a key.
type place struct {
	key    string // "limits.recipients", "listener.address"
	value  string // as it is written, up to the next key
	quoted bool   // it is a text
	line   int
	column int
}

// placesOf finds every key of a file. What is behind an error is left out.
func placesOf(b []byte) []place {
	var out []place
	var p unstable.Parser
	p.Reset(b)
	table := ""
	for p.NextExpression() {
		switch e := p.Expression(); e.Kind {
		case unstable.Table, unstable.ArrayTable:
			table, _ = nameOf(e)
		case unstable.KeyValue:
			out = appendPlaces(out, &p, table, e)
		}
	}
	for i := range out {
		v := &out[i].value
		if i+1 < len(out) {
			*v = strings.TrimSuffix(*v, out[i+1].value)
		}
	}
	return out
}

// appendPlaces adds a key, or the keys of an inline table. Each has the rest of the file as its value for now.
func appendPlaces(out []place, p *unstable.Parser, table string, e *unstable.Node) []place {
	name, first := nameOf(e)
	if table != "" {
		name = table + "." + name
	}
	if v := e.Value(); v.Kind == unstable.InlineTable {
		for it := v.Children(); it.Next(); {
			out = appendPlaces(out, p, name, it.Node())
		}
		return out
	}
	at := p.Shape(first.Raw).Start
	return append(out, place{
		key: name, value: string(p.Data()[at.Offset:]), quoted: e.Value().Kind == unstable.String, line: at.Line, column: at.Column,
	})
}

// nameOf gives the name of a table or key, and its first part.
func nameOf(e *unstable.Node) (name string, first *unstable.Node) {
	for it := e.Key(); it.Next(); {
		if first == nil {
			first = it.Node()
			name = string(first.Data)
		} else {
			name += "." + string(it.Node().Data)
		}
	}
	return name, first
}

// where tells where a key was set to what was found: " in /etc/barid/barid.toml:3:1".
func (c *Config) where(key, found string) string {
	if from := c.From[key]; from == "flag" || from == "environment" {
		return " from the " + from
	}
	var best *place
	for i := range c.places {
		switch p := &c.places[i]; {
		case p.key != key:
		case strings.Contains(p.value, found):
			return c.in(p)
		case best == nil:
			best = p
		}
	}
	if best != nil {
		return c.in(best)
	}
	return ""
}

func (c *Config) in(p *place) string { return fmt.Sprintf(" in %s:%d:%d", c.File, p.line, p.column) }

// checkTimes refuses numbers where times stand: the library takes 40 for 40 nanoseconds.
func (c *Config) checkTimes(file string) error {
	for i := range c.places {
		p := &c.places[i]
		v, ok := find(reflect.ValueOf(c).Elem(), p.key)
		if ok && v.Type() == reflect.TypeFor[Duration]() && !p.quoted {
			return fault.New("B1002", "the configuration can not be understood: %v", errBadDuration).
				WithFound("%s:%d:%d\n%s", file, p.line, p.column, strings.TrimSpace(strings.SplitN(p.value, "\n", 2)[0])).WithExit(fault.ExitUsage).
				WithMeans("the whole file is not used, so that no setting is silently ignored")
		}
	}
	return nil
}
