package sendmail

import (
	"strings"
)

// Mode is what the command is to do.
type Mode uint8

// The modes.
const (
	Send    Mode = iota // -bm: read a message and hand it in
	Session             // -bs: speak SMTP on standard input and output
	Verify              // -bv: tell whether mail for the recipients would be taken
	List                // -bp: as mailq
	Aliases             // -bi, -I: as newaliases
	Flush               // -q: try what waits
)

// Options are what the arguments say.
type Options struct {
	Mode       Mode
	Extract    bool     // -t: recipients stand in the header section
	IgnoreDots bool     // -i: a line of one dot does not end the message
	Verbose    bool     // -v: show the dialogue
	From       *string  // -f, -r; nil: whoever runs the command
	FullName   string   // -F
	Notify     string   // -N: "never" or of "success,failure,delay"; upper case
	Ret        string   // -R: "FULL" or "HDRS"
	EnvID      string   // -V
	Only       string   // -qI: id of the entry to try
	Site       string   // -qR: part of the destinations to try
	Args       []string // recipients
}

// Flags that take a value (with an argument of its own if nothing is attached), and those that do not. What is
// not named in apply is taken for the sake of old scripts and means nothing here.
const (
	withValue = "ABCDFLNORVXbdefhoprM"
	without   = "GUEcimntvxIJ"
)

// Parse reads the arguments of sendmail, without its name. Flags may stand behind recipients; "--" ends them.
func Parse(args []string) (Options, error) {
	var o Options
	for i := 0; i < len(args); i++ {
		a := args[i]
		switch {
		case a == "--":
			o.Args = append(o.Args, args[i+1:]...)
			return o, o.check()
		case len(a) < 2 || a[0] != '-':
			o.Args = append(o.Args, a)
			continue
		}
		used, err := o.word(a[1:], args[i+1:])
		if err != nil {
			return o, err
		}
		i += used
	}
	return o, o.check()
}

// word reads the flags of one argument: "it", "fuser", "oi". It tells how many of the next ones it used.
func (o *Options) word(w string, next []string) (int, error) {
	for len(w) > 0 {
		f := w[0]
		w = w[1:]
		switch {
		case f == 'q': // its value is optional, and attached
			return 0, o.queue(w)
		case strings.IndexByte(without, f) >= 0:
			o.flag(f)
		case strings.IndexByte(withValue, f) < 0:
			return 0, exit(Usage, nil, "there is no flag -%c", f)
		case w != "":
			return 0, o.value(f, w)
		case len(next) == 0:
			return 0, exit(Usage, nil, "-%c wants a value", f)
		default:
			return 1, o.value(f, next[0])
		}
	}
	return 0, nil
}

func (o *Options) flag(f byte) {
	switch f {
	case 't':
		o.Extract = true
	case 'i':
		o.IgnoreDots = true
	case 'v':
		o.Verbose = true
	case 'I':
		o.Mode = Aliases
	}
}

func (o *Options) value(f byte, v string) error {
	switch f {
	case 'b':
		return o.mode(v)
	case 'f', 'r':
		o.From = &v
	case 'F':
		o.FullName = v
	case 'N':
		o.Notify = strings.ToUpper(strings.ReplaceAll(v, " ", ""))
	case 'R':
		o.Ret = strings.ToUpper(v)
	case 'V':
		o.EnvID = v
	case 'o':
		if strings.HasPrefix(v, "i") {
			o.IgnoreDots = true
		}
	case 'O':
		name, set, _ := strings.Cut(v, "=")
		if strings.EqualFold(name, "IgnoreDots") && !strings.HasPrefix(strings.ToLower(set), "f") {
			o.IgnoreDots = true
		}
	}
	return nil
}

func (o *Options) mode(v string) error {
	m, ok := map[string]Mode{"m": Send, "s": Session, "v": Verify, "p": List, "i": Aliases}[v]
	if !ok {
		return exit(Unavailable, nil, "-b%s is not done by this command; the server is run by barid serve", v)
	}
	o.Mode = m
	return nil
}

func (o *Options) queue(v string) error {
	o.Mode = Flush
	switch {
	case v == "" || v == "f":
	case v[0] == 'I':
		o.Only = v[1:]
	case v[0] == 'R':
		o.Site = v[1:]
	case v[0] >= '0' && v[0] <= '9':
		return exit(Unavailable, nil, "-q%s: the server tries what waits by itself; it is run by barid serve", v)
	default:
		return exit(Usage, nil, "-q%s is not known", v)
	}
	return nil
}

// check refuses values that the server would refuse too, in words about the flag.
func (o *Options) check() error {
	if o.Ret != "" && o.Ret != "FULL" && o.Ret != "HDRS" {
		return exit(Usage, nil, "-R is full or hdrs, not %q", o.Ret)
	}
	if o.Notify == "" || o.Notify == "NEVER" {
		return nil
	}
	for _, w := range strings.Split(o.Notify, ",") {
		if w != "SUCCESS" && w != "FAILURE" && w != "DELAY" {
			return exit(Usage, nil, "-N is never, or some of success,failure,delay, not %q", o.Notify)
		}
	}
	return nil
}
