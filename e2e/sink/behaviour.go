package sink

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// knob is a word, or a word with a value; values with blanks are quoted as in Go.
var knob = regexp.MustCompile(`^([a-z]+)(?:=("(?:[^"\\]|\\.)*"|\S+))?(?:\s+|$)`)

// ParseBehaviour reads a behaviour from text, as scenarios write it: a stage, then the fields in lower case.
//
//	mail reply="451 4.3.0 busy" times=1
//	greeting pad=10485760
//	end close times=1
//
// A stage alone is its usual behaviour.
func ParseBehaviour(text string) (Stage, Behaviour, error) {
	var b Behaviour
	word, rest, _ := strings.Cut(strings.TrimSpace(text), " ")
	stage := Stage(word)
	if !known(stage) {
		return "", b, fmt.Errorf("sink: there is no stage %q", word)
	}
	for rest = strings.TrimSpace(rest); rest != ""; {
		m := knob.FindStringSubmatch(rest)
		if m == nil {
			return "", b, fmt.Errorf("sink: %q can not be read", rest)
		}
		if err := b.set(m[1], m[2]); err != nil {
			return "", b, fmt.Errorf("sink: %q: %w", m[0], err)
		}
		rest = rest[len(m[0]):]
	}
	return stage, b, nil
}

func known(s Stage) bool {
	switch s {
	case Greeting, EHLO, HELO, StartTLS, Handshake, Auth, Mail, Rcpt, Data, Body, End, Rset, Quit:
		return true
	}
	return false
}

// set sets one field.
func (b *Behaviour) set(name, value string) (err error) {
	if flag := map[string]*bool{"close": &b.Close, "reset": &b.Reset, "hang": &b.Hang, "leave": &b.Leave, "endless": &b.Endless}[name]; flag != nil {
		*flag = true
		return nil
	}
	if number := map[string]*int{"pad": &b.Pad, "after": &b.After, "times": &b.Times, "skip": &b.Skip}[name]; number != nil {
		*number, err = strconv.Atoi(value)
		return err
	}
	if span := map[string]*time.Duration{"delay": &b.Delay, "drip": &b.Drip}[name]; span != nil {
		*span, err = time.ParseDuration(value)
		return err
	}
	if text := map[string]*string{"reply": &b.Reply, "raw": &b.Raw, "inject": &b.Inject}[name]; text != nil {
		*text, err = strconv.Unquote(value)
		return err
	}
	return fmt.Errorf("there is no such field")
}
