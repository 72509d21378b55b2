package oauth

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// endpoint is a token server whose answer the test sets.
type endpoint struct {
	*httptest.Server
	asked  atomic.Int32
	mu     sync.Mutex
	status int
	body   string
	forms  []url.Values
}

func serve(t *testing.T, body string) *endpoint {
	t.Helper()
	e := &endpoint{status: http.StatusOK, body: body}
	e.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e.asked.Add(1)
		_ = r.ParseForm()
		e.mu.Lock()
		defer e.mu.Unlock()
		e.forms = append(e.forms, r.PostForm)
		if e.status/100 == 3 {
			w.Header().Set("Location", "/elsewhere")
		}
		w.WriteHeader(e.status)
		_, _ = w.Write([]byte(e.body))
	}))
	t.Cleanup(e.Close)
	return e
}

func (e *endpoint) set(status int, body string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.status, e.body = status, body
}

// clock is a time that a test moves.
type clock struct{ now time.Time }

func (c *clock) time() time.Time { return c.now }

func source(e *endpoint, o Options) (*Source, *clock) {
	c := &clock{time.Unix(1_800_000_000, 0)}
	o.Now = c.time
	return New(Config{TokenURL: e.URL, ClientID: "client", ClientSecret: "hush", Scope: "a b", RefreshToken: "r1"}, o), c
}

const good = `{"access_token":"t1","token_type":"Bearer","expires_in":3600}`

func TestATokenIsKeptUntilShortlyBeforeItsEnd(t *testing.T) {
	e := serve(t, good)
	s, c := source(e, Options{})
	for range 3 {
		if got, err := s.Token(t.Context()); got != "t1" || err != nil {
			t.Fatal(got, err)
		}
	}
	if f := e.forms[0]; f.Get("grant_type") != "refresh_token" || f.Get("refresh_token") != "r1" || f.Get("client_id") != "client" ||
		f.Get("client_secret") != "hush" || f.Get("scope") != "a b" {
		t.Errorf("asked with %v", f)
	}
	c.now = c.now.Add(time.Hour - margin - time.Second)
	_, _ = s.Token(t.Context())
	if n := e.asked.Load(); n != 1 {
		t.Errorf("asked %d times", n)
	}
	e.set(http.StatusOK, strings.Replace(good, "t1", "t2", 1))
	c.now = c.now.Add(2 * time.Second)
	if got, _ := s.Token(t.Context()); got != "t2" {
		t.Errorf("%q after the end of the first", got)
	}
}

func TestLivesOfTokens(t *testing.T) {
	for body, life := range map[string]time.Duration{
		`"expires_in":60`:                   54 * time.Second,
		`"expires_in":300`:                  270 * time.Second,
		`"expires_in":1e300`:                longestLife - margin,
		`"expires_in":0`:                    9 * time.Minute,
		`"expires_in":-5`:                   9 * time.Minute,
		`"x":1`:                             9 * time.Minute,
		`"expires_in":3600,"token_type":""`: 0,
	} {
		e := serve(t, `{"access_token":"t","token_type":"bearer",`+body+`}`)
		s, c := source(e, Options{})
		_, err := s.Token(t.Context())
		if (err != nil) != (life == 0) {
			t.Errorf("%s: %v", body, err)
			continue
		}
		if life == 0 {
			continue
		}
		c.now = c.now.Add(life - time.Second)
		_, _ = s.Token(t.Context())
		before := e.asked.Load()
		c.now = c.now.Add(2 * time.Second)
		_, _ = s.Token(t.Context())
		if before != 1 || e.asked.Load() != 2 {
			t.Errorf("%s: asked %d and then %d times", body, before, e.asked.Load())
		}
	}
}

func TestManyAskAndOneQuestionIsPut(t *testing.T) {
	e := serve(t, good)
	s, _ := source(e, Options{})
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			if got, err := s.Token(t.Context()); got != "t1" || err != nil {
				t.Error(got, err)
			}
		})
	}
	all.Wait()
	if n := e.asked.Load(); n != 1 {
		t.Errorf("asked %d times", n)
	}
}

func TestRefusalsAreToldAndRemembered(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		body   string
		want   string
	}{
		"revoked":        {400, `{"error":"invalid_grant","error_description":"Token\r\nrevoked"}`, "the token server refused: invalid_grant: Token  revoked"},
		"no JSON":        {503, "<html>busy", "the token server refused: HTTP status 503"},
		"redirect":       {307, "", "the token server refused: HTTP status 307"},
		"empty":          {200, "", "the token server's answer is not JSON"},
		"other kind":     {200, `{"access_token":"t","token_type":"mac"}`, "the token server gave a token of another kind than bearer"},
		"no token":       {200, `{"token_type":"bearer"}`, "the token server gave something that can not be a token"},
		"odd token":      {200, `{"access_token":"a\u0001b","token_type":"bearer"}`, "the token server gave something that can not be a token"},
		"endless":        {200, strings.Repeat(" ", maxAnswer+1), "the token server's answer is too long"},
		"error in a 200": {200, `{"error":"invalid_client"}`, "the token server refused: invalid_client"},
	} {
		t.Run(name, func(t *testing.T) {
			e := serve(t, c.body)
			e.set(c.status, c.body)
			s, clock := source(e, Options{})
			for range 3 {
				if _, err := s.Token(t.Context()); err == nil || err.Error() != c.want {
					t.Fatalf("%v, want %s", err, c.want)
				}
			}
			if n := e.asked.Load(); n != 1 {
				t.Errorf("asked %d times", n)
			}
			e.set(200, good)
			clock.now = clock.now.Add(failureFor)
			if got, err := s.Token(t.Context()); got != "t1" || err != nil {
				t.Error(got, err)
			}
		})
	}
}

func TestARefreshTokenMayBeExchanged(t *testing.T) {
	e := serve(t, `{"access_token":"t1","token_type":"bearer","expires_in":3600,"refresh_token":"r2"}`)
	var kept []string
	fail := errors.New("the disk is full")
	s, c := source(e, Options{Rotated: func(_ context.Context, old, fresh string) error {
		kept = append(kept, old+">"+fresh)
		return fail
	}})
	if _, err := s.Token(t.Context()); !errors.Is(err, fail) {
		t.Error(err)
	}
	fail = nil
	c.now = c.now.Add(failureFor)
	if _, err := s.Token(t.Context()); err != nil {
		t.Error(err)
	}
	c.now = c.now.Add(time.Hour)
	_, _ = s.Token(t.Context())
	if got := strings.Join(kept, " "); got != "r1>r2 r1>r2" {
		t.Error(got)
	}
	if got := e.forms[2].Get("refresh_token"); got != "r2" {
		t.Errorf("asked with %q", got)
	}
	if !s.Serves(Config{e.URL, "client", "hush", "a b", "r2"}) || s.Serves(Config{e.URL, "client", "hush", "a b", "r1"}) {
		t.Error("it does not know its own grant")
	}
}

func TestARefusedTokenIsGotAnew(t *testing.T) {
	e := serve(t, good)
	s, c := source(e, Options{})
	_, _ = s.Token(t.Context())
	s.Refused("t1") // too new: asking again would not help
	_, _ = s.Token(t.Context())
	c.now = c.now.Add(newFor)
	s.Refused("t0")
	_, _ = s.Token(t.Context())
	if n := e.asked.Load(); n != 1 {
		t.Errorf("asked %d times", n)
	}
	s.Refused("t1")
	_, _ = s.Token(t.Context())
	if n := e.asked.Load(); n != 2 {
		t.Errorf("asked %d times", n)
	}
}

func TestNoSecretIsInAnError(t *testing.T) {
	e := serve(t, "")
	url := e.URL
	e.Close()
	s := New(Config{TokenURL: url, ClientID: "client", ClientSecret: "hush", RefreshToken: "r1secret"}, Options{})
	_, err := s.Token(t.Context())
	if err == nil || strings.Contains(err.Error(), "hush") || strings.Contains(err.Error(), "r1secret") {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s, _ = source(e, Options{})
	if _, err := s.Token(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if _, _, known := s.known(); known {
		t.Error("a caller that gave up is remembered as a failure")
	}
}
