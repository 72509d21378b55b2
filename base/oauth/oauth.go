// Package oauth gets access tokens with a refresh token.
//
// Life: beside a message's life; flow/deliver/remote asks for a token when a relay wants one. Promises: a token is
// got once and kept until shortly before it ends, however many ask; a refresh token that the server exchanges for
// another is told to Options.Rotated before the access token is given out; secrets are in no error.
// Limits: maxAnswer octets of an answer, Options.Wait for it; no redirect is followed; a failure is remembered for
// failureFor, so that a server that says no is not asked by every message.
// Failure: *Error for an answer that is one, else what the network said.
// Standards: RFC 6749 §5, §6; RFC 6750 §2.1.
package oauth

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

const (
	maxAnswer   = 64 << 10         // octets of a server's answer
	maxWords    = 300              // octets of a server's words that are kept
	failureFor  = 30 * time.Second // how long a failure is remembered
	usualLife   = 10 * time.Minute // of a token whose server does not tell (RFC 6749 §5.1 only recommends it)
	longestLife = 24 * time.Hour   // whatever a server says
	margin      = time.Minute      // a token is renewed this long before its end, or after nine tenths of its life
	newFor      = time.Minute      // a token that is refused at this age is not refused for being old
)

// Config is a grant.
type Config struct {
	TokenURL     string // https, or http on loopback
	ClientID     string
	ClientSecret string // "": a public client
	Scope        string // "": that of the grant
	RefreshToken string
}

// Options shape a Source. The zero value of each field is usable.
type Options struct {
	Client *http.Client // nil: http.DefaultTransport's; its redirects and time-out do not count
	Wait   time.Duration
	Now    func() time.Time
	// Rotated is told when the server gave another refresh token, which must be kept: the old one ends
	// (RFC 6749 §6). Its error makes the refresh fail.
	Rotated func(ctx context.Context, old, fresh string) error
}

// Source gives tokens of one grant. It is for many goroutines.
type Source struct {
	c    Config
	o    Options
	http http.Client
	turn chan struct{} // holds one when nobody refreshes

	mu     sync.Mutex
	token  string
	got    time.Time
	until  time.Time
	failed error
	again  time.Time // when a failure is forgotten
}

// New gives a source. It asks nobody yet.
func New(c Config, o Options) *Source {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Wait == 0 {
		o.Wait = 30 * time.Second
	}
	s := &Source{c: c, o: o, turn: make(chan struct{}, 1)}
	if o.Client != nil {
		s.http.Transport = o.Client.Transport
	}
	s.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	s.turn <- struct{}{}
	return s
}

// Serves tells whether the source works with a grant, as it is by now.
func (s *Source) Serves(c Config) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.c == c
}

// Token gives an access token that is good for a while yet.
func (s *Source) Token(ctx context.Context) (string, error) {
	if t, err, ok := s.known(); ok {
		return t, err
	}
	select {
	case <-s.turn:
	case <-ctx.Done():
		return "", ctx.Err()
	}
	defer func() { s.turn <- struct{}{} }()
	if t, err, ok := s.known(); ok { // somebody else got it meanwhile
		return t, err
	}
	a, err := s.refresh(ctx)
	if err != nil {
		s.noteFailure(ctx, err)
		return "", err
	}
	s.noteToken(&a)
	return a.AccessToken, nil
}

// Refused says that a server did not take a token. It is got anew, unless it is so new that this would not help.
func (s *Source) Refused(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if token == s.token && s.o.Now().Sub(s.got) >= newFor {
		s.token = ""
	}
}

// known gives what needs no question.
func (s *Source) known() (string, error, bool) {
	now := s.o.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.token != "" && now.Before(s.until):
		return s.token, nil, true
	case s.failed != nil && now.Before(s.again):
		return "", s.failed, true
	}
	return "", nil, false
}

func (s *Source) noteFailure(ctx context.Context, err error) {
	if ctx.Err() != nil {
		return // the caller gave up, nobody failed
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.token, s.failed, s.again = "", err, s.o.Now().Add(failureFor)
}

func (s *Source) noteToken(a *answer) {
	life := time.Duration(min(a.ExpiresIn, longestLife.Seconds()) * float64(time.Second))
	if life <= 0 {
		life = usualLife
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.token, s.failed, s.got = a.AccessToken, nil, s.o.Now()
	s.until = s.got.Add(max(life-margin, life*9/10))
}

// answer is what a token server says (RFC 6749 §5.1, §5.2).
type answer struct {
	AccessToken  string  `json:"access_token"`
	TokenType    string  `json:"token_type"`
	ExpiresIn    float64 `json:"expires_in"`
	RefreshToken string  `json:"refresh_token"`
	Code         string  `json:"error"`
	Description  string  `json:"error_description"`
}

// Error is a token server's refusal.
type Error struct {
	Status      int    // of HTTP
	Code        string // "invalid_grant"; "" if the answer was not one of RFC 6749
	Description string // the server's words, printable, at most maxWords octets
}

// Error gives "the token server refused: invalid_grant: Token has been revoked.".
func (e *Error) Error() string {
	s := "the token server refused"
	if e.Code == "" {
		s += fmt.Sprintf(": HTTP status %d", e.Status)
	} else {
		s += ": " + e.Code
	}
	if e.Description != "" {
		s += ": " + e.Description
	}
	return s
}

// refresh asks for a token.
func (s *Source) refresh(ctx context.Context) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, s.o.Wait)
	defer cancel()
	a, err := s.ask(ctx)
	if err != nil {
		return a, err
	}
	s.mu.Lock()
	old := s.c.RefreshToken
	s.mu.Unlock()
	if a.RefreshToken == "" || a.RefreshToken == old {
		return a, nil
	}
	if s.o.Rotated != nil {
		if err := s.o.Rotated(ctx, old, a.RefreshToken); err != nil {
			return a, fmt.Errorf("the new refresh token could not be kept: %w", err)
		}
	}
	s.mu.Lock()
	s.c.RefreshToken = a.RefreshToken
	s.mu.Unlock()
	return a, nil
}

func (s *Source) ask(ctx context.Context) (a answer, err error) {
	s.mu.Lock()
	form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {s.c.RefreshToken}, "client_id": {s.c.ClientID}}
	if s.c.ClientSecret != "" {
		form.Set("client_secret", s.c.ClientSecret)
	}
	if s.c.Scope != "" {
		form.Set("scope", s.c.Scope)
	}
	s.mu.Unlock()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.c.TokenURL, strings.NewReader(form.Encode()))
	if err != nil {
		return a, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	resp, err := s.http.Do(req)
	if err != nil {
		return a, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	switch {
	case err != nil:
		return a, err
	case len(b) > maxAnswer:
		return a, errors.New("the token server's answer is too long")
	}
	return read(resp.StatusCode, b)
}

// read takes an answer apart.
func read(status int, b []byte) (a answer, err error) {
	err = json.NewDecoder(bytes.NewReader(b)).Decode(&a)
	switch {
	case status != http.StatusOK || a.Code != "":
		return a, &Error{Status: status, Code: printable(a.Code), Description: printable(a.Description)}
	case err != nil:
		return a, errors.New("the token server's answer is not JSON")
	case !strings.EqualFold(a.TokenType, "bearer"):
		return a, errors.New("the token server gave a token of another kind than bearer")
	case !isToken(a.AccessToken) || a.RefreshToken != "" && !isToken(a.RefreshToken):
		return a, errors.New("the token server gave something that can not be a token")
	}
	return a, nil
}

// isToken tells whether s is made of visible ASCII (RFC 6749 §A.12, §A.17): it goes into dialogues as it is.
func isToken(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return s != ""
}

// printable keeps a server's words short and harmless.
func printable(s string) string {
	s = strings.ToValidUTF8(s, "")
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
	if len(s) > maxWords {
		s = strings.ToValidUTF8(s[:maxWords], "")
	}
	return strings.TrimSpace(s)
}
