package smtp

import (
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"barid/mail"
	"barid/serve/listen"
)

// TestTranscripts plays the dialogues in testdata. A file is a sentence; its lines are
//
//	# a remark, with the sections it is about
//	set: role=submission tls=starttls max_recipients=3 ...   the server; before the first C or S
//	C: NOOP            the client says so, with CRLF; lines that follow each other go out in one segment
//	C: "a\nb"          in quotes: exactly these octets
//	S: 250 *           the server's next line, * for anything
//	closed             the server closes the connection, and says nothing before
//	starttls           the client's handshake
//	hangup             the client closes its direction
//	stored: 1          so many messages were taken so far (asked when the server has answered)
//	body: "a\r\n"      of the last one
//	with: ESMTPS       protocol of the last one, as Received will say it
func TestTranscripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no transcripts", err)
	}
	for _, name := range files {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			t.Parallel()
			b, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			play(t, name, strings.Split(string(b), "\n"))
		})
	}
}

// actor plays one transcript.
type actor struct {
	t     *testing.T
	set   Settings
	cfg   listen.Config
	w     *world
	p     *peer
	queue strings.Builder // lines of the client that were not sent yet
}

func play(t *testing.T, name string, lines []string) {
	a := &actor{t: t}
	for i, line := range lines {
		verb, rest, _ := strings.Cut(line, ":")
		rest = strings.TrimPrefix(rest, " ")
		if line == "" || line[0] == '#' {
			continue
		}
		if problem := a.act(verb, rest); problem != "" {
			a.t.Fatalf("%s:%d: %s: %s\nlog:\n%s", name, i+1, line, problem, a.logged())
		}
	}
	if a.queue.Len() > 0 {
		t.Fatalf("%s ends with the client's words", name)
	}
}

func (a *actor) logged() string {
	if a.w == nil {
		return ""
	}
	return a.w.log.String()
}

func (a *actor) act(verb, rest string) (problem string) {
	if verb == "set" {
		for _, word := range strings.Fields(rest) {
			if problem := a.setting(word); problem != "" {
				return problem
			}
		}
		return ""
	}
	a.connect()
	if verb != "C" && a.queue.Len() > 0 {
		a.p.send(a.queue.String())
		a.queue.Reset()
	}
	switch verb {
	case "C":
		return a.say(rest)
	case "S":
		if line := a.p.line(); !matches(rest, line) {
			return "got " + strconv.Quote(line)
		}
	case "closed":
		if line := a.p.line(); line != "closed" {
			return "got " + strconv.Quote(line)
		}
	case "starttls":
		a.p.startTLS(a.w.client)
	case "hangup":
		return a.hangup()
	default:
		return a.compare(verb, rest)
	}
	return ""
}

func (a *actor) hangup() string {
	if a.p.writing != nil {
		<-a.p.writing
	}
	half, ok := a.p.nc.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		return "can not hang up"
	}
	return ""
}

// compare looks at what was taken.
func (a *actor) compare(verb, want string) string {
	all := a.w.in.stored()
	if verb == "stored" {
		if got := strconv.Itoa(len(all)); got != want {
			return "got " + got
		}
		return ""
	}
	if len(all) == 0 {
		return "nothing was stored"
	}
	last := all[len(all)-1]
	var got string
	switch verb {
	case "body":
		got = strconv.Quote(last.body)
	case "with":
		got = last.client.Protocol(last.params.UTF8)
	case "envelope":
		got = strings.TrimSpace(last.from + " " + strings.Join(last.to, " "))
	default:
		return "unknown line"
	}
	if got != want {
		return "got " + got
	}
	return ""
}

func (a *actor) say(words string) string {
	if strings.HasPrefix(words, `"`) {
		octets, err := strconv.Unquote(words)
		if err != nil {
			return err.Error()
		}
		a.queue.WriteString(octets)
		return ""
	}
	a.queue.WriteString(words + "\r\n")
	return ""
}

func (a *actor) connect() {
	if a.w == nil {
		a.w = newWorld(a.t, a.set, a.cfg)
		a.p = a.w.dial(a.cfg.Mode)
	}
}

// setting is one word of "set:".
func (a *actor) setting(word string) string {
	key, value, _ := strings.Cut(word, "=")
	number, _ := strconv.Atoi(value)
	numbers := map[string]*int{
		"max_recipients": &a.set.MaxRecipients, "max_transactions": &a.set.MaxTransactions, "max_errors": &a.set.MaxErrors,
		"max_idle": &a.set.MaxIdleCommands, "max_bad_recipients": &a.set.MaxBadRecipients, "max_logins": &a.set.MaxAuthFailures,
		"max_chunks": &a.set.MaxChunks,
	}
	if p := numbers[key]; p != nil {
		*p = number
		return ""
	}
	duration, _ := time.ParseDuration(value)
	switch key {
	case "role":
		roles := map[string]mail.Role{"mx": mail.RoleMX, "submission": mail.RoleSubmission, "lmtp": mail.RoleLMTP}
		role, ok := roles[value]
		if !ok {
			return "unknown role"
		}
		a.set.Role = role
	case "tls":
		modes := map[string]listen.Mode{"starttls": listen.StartTLS, "implicit": listen.Implicit}
		a.cfg.Mode = modes[value]
	case "size":
		a.set.MaxMessage = int64(number)
	case "drain":
		a.set.MaxDrain = int64(number)
	case "early":
		a.set.EarlyWait = duration
	case "command_timeout":
		a.set.CommandTimeout = duration
	case "data_timeout":
		a.set.DataTimeout = duration
	case "plain_login":
		a.set.PlainLogin = true
	case "queue":
		a.set.Queue = true
	case "hold":
		a.set.MaxHold = duration
	case "networks":
		a.set.Networks = []netip.Prefix{netip.MustParsePrefix(value)}
	case "help":
		a.set.HelpURL = value
	default:
		return "unknown setting"
	}
	return ""
}
