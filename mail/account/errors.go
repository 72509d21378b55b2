package account

import "strconv"

// ErrExists says that a name is taken.
type ErrExists struct {
	Kind string // "domain", "account", "alias", "address"
	Name string
	By   string // what holds it, e.g. `account "info@example.test"`, or ""
}

// Error gives `address "sales@example.test" is taken by alias "sales@example.test"`.
func (e ErrExists) Error() string {
	if e.By != "" {
		return e.Kind + " " + strconv.Quote(e.Name) + " is taken by " + e.By
	}
	return e.Kind + " " + strconv.Quote(e.Name) + " exists already"
}

// ErrUnknown says that there is no such thing.
type ErrUnknown struct {
	Kind string // "domain", "account", "alias"
	Name string
	Near string // the name that looks most alike, or ""
}

// Error gives `no account "inf@example.test"; did you mean "info@example.test"?`.
func (e ErrUnknown) Error() string {
	s := "no " + e.Kind + " " + strconv.Quote(e.Name)
	if e.Near != "" {
		s += "; did you mean " + strconv.Quote(e.Near) + "?"
	}
	return s
}

// ErrInvalid says that a value can not be taken.
type ErrInvalid struct {
	Kind  string // the object: "domain", "account", "alias", "password"
	Name  string // its name, or ""
	Field string // what is wrong in it, e.g. "separator"
	Value string // what was given; never a password
	Why   string // what is wrong with it
	Near  string // the nearest value that would be right, or ""
}

// Error gives `domain "example.test": separator "++": must be one of + - _ . = # ~ or none; did you mean "+"?`.
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
	s += ": " + e.Why
	if e.Near != "" {
		s += "; did you mean " + strconv.Quote(e.Near) + "?"
	}
	return s
}

// ErrInUse says that something can not be removed yet.
type ErrInUse struct {
	Kind, Name string
	By         []string // some of what still needs it
	More       int      // how many more there are
}

// Error gives `domain "example.test" still has addresses: info@example.test, sales@example.test and 3 more`.
func (e ErrInUse) Error() string {
	s := e.Kind + " " + strconv.Quote(e.Name) + " still has addresses: "
	for i, b := range e.By {
		if i > 0 {
			s += ", "
		}
		s += b
	}
	if e.More > 0 {
		s += " and " + strconv.Itoa(e.More) + " more"
	}
	return s
}
