package hostile

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"barid/e2e/hostile/wire"
	"barid/e2e/server"
)

// verdict is what a guess was answered.
type verdict int

const (
	tested  verdict = iota // the password was tested, and is wrong
	braked                 // it was not tested
	allowed                // it is right
)

// door is a way to say a password.
type door struct {
	name  string
	guess func(b *bed, from, user, password string) (verdict, string, error)
}

// doors are all there are. Each guess has a connection of its own, so that limits of a session play no part.
var doors = []door{{"SMTP AUTH", smtpGuess}, {"IMAP LOGIN", imapGuess}, {"POP3 PASS", pop3Guess}}

func smtpGuess(b *bed, from, user, password string) (verdict, string, error) {
	c, err := wire.SMTP(b.Addr["submissions"], from, true)
	if err != nil {
		return 0, "", err
	}
	defer c.Close()
	r, err := c.Ask(wire.Plain(user, password))
	return judge(r.String(), "235 2.7.0 ", "535 5.7.8 ", "454 4.7.0 "), r.String(), err
}

func imapGuess(b *bed, from, user, password string) (verdict, string, error) {
	c, err := wire.DialIMAP(b.Addr["imaps"], from)
	if err != nil {
		return 0, "", err
	}
	defer c.Close()
	r, err := c.Do("LOGIN " + wire.Literal(user) + " " + wire.Literal(password))
	return judge(r.Tagged, "OK ", "NO [AUTHENTICATIONFAILED] ", "NO [UNAVAILABLE] "), r.Tagged, err
}

func pop3Guess(b *bed, from, user, password string) (verdict, string, error) {
	c, err := wire.DialTLS(b.Addr["pop3s"], from)
	if err != nil {
		return 0, "", err
	}
	defer c.Close()
	if _, err := c.Line(); err != nil {
		return 0, "", err
	}
	if line, ok, err := c.Says("USER " + user); err != nil || !ok {
		return -1, line, err
	}
	line, _, err := c.Says("PASS " + password)
	return judge(line, "+OK ", "-ERR [AUTH] ", "-ERR [SYS/TEMP] "), line, err
}

// judge gives the verdict that an answer means; -1: none.
func judge(answer, right, wrong, later string) verdict {
	for i, prefix := range []string{wrong, later, right} {
		if strings.HasPrefix(answer, prefix) {
			return verdict(i)
		}
	}
	return -1
}

// TestGuessingIsBraked is row 37: of sixty wrong passwords from one address at most ten are tested within a
// minute, by each door; the right one does not help the guesser then; the owner gets in from elsewhere.
func TestGuessingIsBraked(t *testing.T) {
	for i, d := range doors {
		t.Run(d.name, func(t *testing.T) {
			b := begin(t, server.Options{})
			guesser, home, away := fmt.Sprintf("127.0.2%d.1", i), fmt.Sprintf("127.0.3%d.1", i), fmt.Sprintf("127.0.4%d.1", i)
			if v, text, err := d.guess(b, home, info, server.Password); v != allowed {
				t.Fatalf("the owner: %q %v", text, err)
			}
			start, count := time.Now(), map[verdict]int{}
			texts := map[string]bool{}
			for n := range 60 {
				user := []string{info, demo, "nobody@example.test", "x' OR '1'='1", "*)(uid=*", info + "\x01"}[n%6]
				if d.name == "POP3 PASS" && n%6 > 2 {
					user = "nobody@example.test" // a blank would end the name
				}
				v, text, err := d.guess(b, guesser, user, fmt.Sprintf("wrong-%d", n))
				if err != nil || v < 0 || v == allowed {
					t.Fatalf("guess %d of %q: %q %v", n, user, text, err)
				}
				count[v]++
				if v == tested {
					texts[text[strings.IndexByte(text, ' '):]] = true
				}
			}
			took := time.Since(start)
			t.Logf("60 guesses in %v: %d tested, %d braked", took.Round(time.Millisecond), count[tested], count[braked])
			if most := 10 * (1 + int(took/time.Minute)); count[tested] > most || count[tested] == 0 {
				t.Errorf("%d of 60 guesses were tested in %v", count[tested], took)
			}
			if len(texts) != 1 {
				t.Errorf("known and unknown users get other texts: %v", texts)
			}
			if v, text, _ := d.guess(b, guesser, info, server.Password); v != braked {
				t.Errorf("the guesser with the right password: %q", text)
			}
			for _, from := range []string{home, away} {
				for _, owner := range []string{info, demo} {
					if v, text, err := d.guess(b, from, owner, server.Password); v != allowed {
						t.Errorf("%s from %s: %q %v", owner, from, text, err)
					}
				}
			}
			for _, other := range doors {
				if v, text, _ := other.guess(b, guesser, demo, "another wrong one"); v != braked {
					t.Errorf("the guesser goes on by %s: %q", other.name, text)
				}
			}
			b.alive(t)
		})
	}
}

// TestGuessingFromANetworkIsBraked is row 39 in the small: many addresses of one network, many names. The network
// has a limit of its own, and the operator is told.
func TestGuessingFromANetworkIsBraked(t *testing.T) {
	b := begin(t, server.Options{Settings: "[log]\nlevel = \"warn\"\n"})
	count := map[verdict]int{}
	for n := range 80 {
		v, text, err := smtpGuess(b, fmt.Sprintf("127.0.50.%d", n%16+1), fmt.Sprintf("user%d@example.test", n), "Spring2026")
		if err != nil || v < 0 || v == allowed {
			t.Fatalf("guess %d: %q %v", n, text, err)
		}
		count[v]++
	}
	if count[tested] > 60 || count[braked] < 20 {
		t.Errorf("of 80 guesses from one network %d were tested", count[tested])
	}
	if !strings.Contains(b.Log(), "passwords are being guessed") {
		t.Errorf("nobody was told:\n%s", b.Log())
	}
	if v, text, err := smtpGuess(b, "127.0.51.1", info, server.Password); v != allowed {
		t.Errorf("the owner, from another network: %q %v", text, err)
	}
	b.alive(t)
}

// TestUsersCanNotBeToldByTheAnswer is row 38: the same text, and about the same time.
func TestUsersCanNotBeToldByTheAnswer(t *testing.T) {
	b := begin(t, server.Options{})
	for _, d := range doors {
		t.Run(d.name, func(t *testing.T) {
			var times [2][]time.Duration
			var texts [2]string
			for n := range 9 {
				for i, user := range []string{info, "nobody" + fmt.Sprint(n) + "@example.test"} {
					from := net.IPv4(127, byte(10+n), byte(slices.IndexFunc(doors, func(x door) bool { return x.name == d.name })), byte(1+i)).String()
					start := time.Now()
					v, text, err := d.guess(b, from, user, fmt.Sprintf("wrong-%s-%d", d.name, n))
					if err != nil || v != tested {
						t.Fatalf("%s: %q %v", user, text, err)
					}
					times[i] = append(times[i], time.Since(start))
					texts[i] = text
				}
			}
			slices.Sort(times[0])
			slices.Sort(times[1])
			known, unknown := times[0][0], times[1][0] // those that a busy machine disturbed least
			t.Logf("shortest: %v for a known user, %v for an unknown one (%+.0f%%)", known, unknown, 100*(float64(unknown)/float64(known)-1))
			if texts[0] != texts[1] {
				t.Errorf("%q for a known user, %q for an unknown one", texts[0], texts[1])
			}
			if unknown < known/4 || known < unknown/4 {
				t.Errorf("only one of them is tested: %v and %v", known, unknown)
			}
		})
	}
	b.alive(t)
}

// TestBrokenLoginsDoNotDisturbOthers is row 45: bad base64 and broken exchanges in one session while others log in.
func TestBrokenLoginsDoNotDisturbOthers(t *testing.T) {
	b := begin(t, server.Options{})
	broken := []string{"!!!!", "=", "AAA", "AAAA====", strings.Repeat("A", 5000), "AA\x00A", "*", "", "AGEAYg", "////"}
	done := make(chan error, 1)
	go func() {
		for n := range 40 {
			for i, d := range doors {
				if v, text, err := d.guess(b, fmt.Sprintf("127.0.6%d.1", i), []string{info, demo}[n%2], server.Password); v != allowed {
					if d.name == "POP3 PASS" && strings.Contains(text, "[IN-USE]") {
						continue
					}
					done <- fmt.Errorf("%s: %q %w", d.name, text, err)
					return
				}
			}
		}
		done <- nil
	}()
	for n := range 60 {
		response := broken[n%len(broken)]
		c, err := wire.SMTP(b.Addr["submissions"], "127.0.60.9", true)
		if err != nil {
			t.Fatal(err)
		}
		_ = c.Put("AUTH PLAIN " + response + "\r\nAUTH PLAIN\r\n" + response + "\r\nAUTH LOGIN\r\n" + response + "\r\n" + response + "\r\nQUIT\r\n")
		if said, ended := c.Rest(); !ended || strings.Contains(said, "235 ") {
			t.Errorf("SMTP with %.20q: ended %v, %q", response, ended, said)
		}
		i, err := wire.DialIMAP(b.Addr["imaps"], "127.0.61.9")
		if err != nil {
			t.Fatal(err)
		}
		_ = i.Put("a AUTHENTICATE PLAIN " + response + "\r\nb AUTHENTICATE PLAIN\r\n" + response + "\r\nc LOGOUT\r\nd LOGOUT\r\n")
		if said, ended := i.Rest(); !ended || strings.Contains(said, "a OK") || strings.Contains(said, "b OK") {
			t.Errorf("IMAP with %.20q: ended %v, %q", response, ended, said)
		}
		p, err := wire.DialTLS(b.Addr["pop3s"], "127.0.62.9")
		if err != nil {
			t.Fatal(err)
		}
		_ = p.Put("AUTH PLAIN " + response + "\r\nAUTH PLAIN\r\n" + response + "\r\nQUIT\r\nQUIT\r\n")
		if said, ended := p.Rest(); !ended || strings.Count(said, "+OK") > 2 {
			t.Errorf("POP3 with %.20q: ended %v, %q", response, ended, said)
		}
	}
	if err := <-done; err != nil {
		t.Errorf("a login from elsewhere, meanwhile: %v", err)
	}
	b.alive(t)
}
