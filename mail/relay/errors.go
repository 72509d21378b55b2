package relay

import (
	"strconv"
	"strings"
)

// ErrUnknown says that there is no such thing.
type ErrUnknown struct {
	Kind string // "route", "rule", "source", "relay", "preset"
	Name string
	Near string // the name that looks most alike, or ""
}

// Error gives `no route "offise"; did you mean "office"?`.
func (e ErrUnknown) Error() string {
	s := "no " + e.Kind + " " + strconv.Quote(e.Name)
	if e.Near != "" {
		s += "; did you mean " + strconv.Quote(e.Near) + "?"
	}
	return s
}

// ErrInvalid says that a value can not be taken.
type ErrInvalid struct {
	Kind  string // "route", "rule", "source", "preset"
	Name  string
	Field string // "port"
	Value string // what was given; never a secret
	Why   string
	Near  string // the nearest value that would be right, or ""
}

// Error gives `route "office": port "0": …`.
func (e ErrInvalid) Error() string {
	s := e.Kind
	if e.Name != "" {
		s += " " + strconv.Quote(e.Name)
	}
	if e.Field != "" {
		s += ": " + e.Field
		if e.Value != "" {
			s += " " + strconv.Quote(e.Value)
		}
	}
	return s + ": " + e.Why
}

// ErrInUse says that a route can not be removed because rules name it.
type ErrInUse struct {
	Name  string
	Rules []Rule
}

// Error gives `route "office" is used by the rules: all mail, from shop.example`.
func (e ErrInUse) Error() string {
	names := make([]string, 0, maxNamed)
	for i := range e.Rules {
		if i == maxNamed {
			names = append(names, strconv.Itoa(len(e.Rules)-maxNamed)+" more")
			break
		}
		names = append(names, e.Rules[i].String())
	}
	return "route " + strconv.Quote(e.Name) + " is used by the rules: " + strings.Join(names, ", ")
}

// maxNamed is how many objects an error names.
const maxNamed = 5
