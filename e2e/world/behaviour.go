package world

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// Behaviour is how a name answers. The zero value is an honest server.
type Behaviour struct {
	Delay     time.Duration // before the answer
	Silent    bool          // no answer at all
	SilentUDP bool          // none by UDP; by TCP as usual
	RCode     int           // answer with this code and no records, e.g. dns.RcodeServerFailure
	Truncate  bool          // by UDP only TC and no records
	Lie       string        // "id": wrong id; "question": another name; "first": a forgery with a false address, then the truth; "case": the name in lower case; "garbage": right id, unreadable rest
	Pad       int           // so many octets of TXT records beside the answer, by TCP
	Bare      bool          // only the first alias, not what it leads to
	Lame      bool          // a referral instead of an answer
	NoEDNS    bool          // FORMERR to a question with EDNS
	AD        bool          // the AD bit
	EDE       *dns.EDNS0_EDE
	Reset     bool // by TCP: close without an answer
}

// Set makes a name behave. name is absolute; a type may follow it: "mx.example.test/AAAA".
func (w *World) Set(name string, b Behaviour) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.behaviour[parseQuestion(name)] = b
}

// Knob makes a name behave as text says it: "silent", "lie=id delay=2s"; "" makes it honest.
func (w *World) Knob(name, text string) error {
	var b Behaviour
	for _, k := range strings.Fields(text) {
		if err := b.parse(k); err != nil {
			return err
		}
	}
	w.Set(name, b)
	return nil
}

// SetAll makes every name behave that does not behave in a way of its own: an outage, until SetAll(Behaviour{}).
func (w *World) SetAll(b Behaviour) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.all = b
}

// Hold makes questions for a name wait until the function it returns is called.
func (w *World) Hold(name string) (release func()) {
	q, gate := parseQuestion(name), make(chan struct{})
	w.mu.Lock()
	defer w.mu.Unlock()
	w.held[q] = gate
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.held[q] == gate {
			delete(w.held, q)
			close(gate)
		}
	}
}

// Asked tells how often a name ("mx.example.test", or "mx.example.test/A" for one type) was asked for.
func (w *World) Asked(name string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.asked[parseQuestion(name)]
}

// Await returns when a name has been asked for at least n times, or the world has ended.
func (w *World) Await(name string, n int) {
	q := parseQuestion(name)
	w.mu.Lock()
	defer w.mu.Unlock()
	for w.asked[q] < n && !w.ended {
		w.arrival.Wait()
	}
}

func parseQuestion(s string) question {
	name, typ, _ := strings.Cut(s, "/")
	return question{canonical(name), dns.StringToType[typ]}
}

// parseKnobs reads a ";!" line.
func parseKnobs(line, origin string) (question, Behaviour, error) {
	f := strings.Fields(line)
	if len(f) < 2 {
		return question{}, Behaviour{}, errors.New("a \";!\" line is a name and what it does")
	}
	name, typ, typed := strings.Cut(f[0], "/")
	switch {
	case name == "@":
		name = origin
	case !dns.IsFqdn(name):
		name = dns.Fqdn(name) + strings.TrimPrefix(origin, ".")
	}
	if typed {
		name += "/" + typ
	}
	var b Behaviour
	for _, k := range f[1:] {
		if err := b.parse(k); err != nil {
			return question{}, b, err
		}
	}
	return parseQuestion(name), b, nil
}

func (b *Behaviour) parse(knob string) (err error) {
	key, val, _ := strings.Cut(knob, "=")
	if flag := b.flag(key); flag != nil {
		*flag = true
		return nil
	}
	switch key {
	case "delay":
		b.Delay, err = time.ParseDuration(val)
	case "rcode":
		code, ok := dns.StringToRcode[val]
		if b.RCode = code; !ok {
			err = fmt.Errorf("no such rcode: %s", val)
		}
	case "lie":
		b.Lie = val
	case "pad":
		b.Pad, err = strconv.Atoi(val)
	case "ede":
		code, text, _ := strings.Cut(val, ":")
		n, perr := strconv.ParseUint(code, 10, 16)
		b.EDE, err = &dns.EDNS0_EDE{InfoCode: uint16(n), ExtraText: strings.ReplaceAll(text, "_", " ")}, perr
	default:
		err = fmt.Errorf("no such knob: %s", knob)
	}
	return err
}

func (b *Behaviour) flag(key string) *bool {
	switch key {
	case "silent":
		return &b.Silent
	case "silentudp":
		return &b.SilentUDP
	case "truncate":
		return &b.Truncate
	case "bare":
		return &b.Bare
	case "lame":
		return &b.Lame
	case "noedns":
		return &b.NoEDNS
	case "ad":
		return &b.AD
	case "reset":
		return &b.Reset
	}
	return nil
}
