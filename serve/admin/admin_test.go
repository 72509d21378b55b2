package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"barid/base/fault"
	"barid/base/kv"
	"barid/ops/manage"

	"github.com/prometheus/client_golang/prometheus"
)

func fine(context.Context) error { return nil }

func get(t *testing.T, h http.Handler, method, host, path string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(method, "http://"+host+path, nil)
	r.Host = host
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestOnlyNumbersAndLocalhostAreAnswered(t *testing.T) {
	h := Watch(fine, prometheus.NewRegistry())
	for host, want := range map[string]int{
		"127.0.0.1": 200, "127.0.0.1:8026": 200, "[::1]:8026": 200, "[::1]": 200, "192.0.2.1:80": 200,
		"localhost": 200, "localhost:8026": 200,
		"evil.example": 403, "evil.example:8026": 403, "localhost.evil.example": 403, "127.0.0.1.evil.example:8026": 403,
		"": 403, ":8026": 403, "localhost:8026:x": 403,
	} {
		r := httptest.NewRequest("GET", "/livez", nil)
		r.Host = host
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("Host %q: %d, want %d", host, w.Code, want)
		}
	}
}

func TestHealth(t *testing.T) {
	unavailable := func(context.Context) error {
		return fault.New("B3001", "the store can not do this now").WithFound("/secret/path").Wrap(kv.ErrUnavailable)
	}
	for _, tt := range []struct {
		name  string
		ready Health
		path  string
		want  int
	}{
		{"ready", fine, "/readyz", 200},
		{"healthy", fine, "/healthz", 200},
		{"store unavailable", unavailable, "/readyz", 503},
		{"store unavailable", unavailable, "/healthz", 503},
		{"alive though the store is unavailable", unavailable, "/livez", 200},
		{"nothing else is there", fine, "/call/account.list", 404},
		{"nothing else is there", fine, "/", 404},
	} {
		w := get(t, Watch(tt.ready, prometheus.NewRegistry()), "GET", "localhost", tt.path)
		if w.Code != tt.want {
			t.Errorf("%s: GET %s: %d, want %d", tt.name, tt.path, w.Code, tt.want)
		}
		if tt.want == 503 && (w.Header().Get("Retry-After") == "" || strings.Contains(w.Body.String(), "secret")) {
			t.Errorf("%s: %v %q", tt.name, w.Header(), w.Body)
		}
	}
	if w := get(t, Watch(fine, prometheus.NewRegistry()), "POST", "localhost", "/livez"); w.Code != 405 {
		t.Errorf("POST: %d, want 405", w.Code)
	}
}

func TestMetrics(t *testing.T) {
	reg := prometheus.NewRegistry()
	c := prometheus.NewCounter(prometheus.CounterOpts{Name: "barid_test_things_total", Help: "Things."})
	reg.MustRegister(c)
	c.Inc()
	w := get(t, Watch(fine, reg), "GET", "localhost", "/metrics")
	if w.Code != 200 || !strings.Contains(w.Body.String(), "barid_test_things_total 1") {
		t.Errorf("%d %q", w.Code, w.Body)
	}
}

func call(t *testing.T, h http.Handler, method, name string, body io.Reader) (int, manage.Line) {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(method, "/call/"+name, body))
	var l manage.Line
	if w.Code == 200 {
		if err := json.Unmarshal(bytes.TrimSpace(w.Body.Bytes()), &l); err != nil {
			t.Fatalf("%s %s: %q: %v", method, name, w.Body, err)
		}
	}
	return w.Code, l
}

func TestWhatTheSocketRefuses(t *testing.T) {
	h := Operate(&manage.Manager{}, slog.New(slog.DiscardHandler))
	for _, tt := range []struct {
		name, body string
		code       string
	}{
		{"no.such", "", "B1004"},
		{"domain.add", "{", "B1004"},
		{"domain.add", `{"domian":"example.test"}`, "B1004"},
		{"domain.add", `{"domain":"` + strings.Repeat("a", manage.MaxRequest) + `"}`, "B1004"},
	} {
		status, l := call(t, h, "POST", tt.name, strings.NewReader(tt.body))
		if status != 200 || l.Fault == nil || l.Fault.Code != tt.code {
			t.Errorf("%s %.40q: %d %+v, want fault %s", tt.name, tt.body, status, l.Fault, tt.code)
		}
	}
	if status, _ := call(t, h, "GET", "domain.list", nil); status != 405 {
		t.Errorf("GET: %d, want 405", status)
	}
}

// What the socket logs of an operation is its name: the input may hold a password.
func TestTheLogHasNoInput(t *testing.T) {
	var log bytes.Buffer
	h := Operate(&manage.Manager{}, slog.New(slog.NewTextHandler(&log, nil)))
	_, _ = call(t, h, "POST", "no.such", strings.NewReader(`{"password":"open sesame"}`))
	if s := log.String(); !strings.Contains(s, "no.such") || strings.Contains(s, "sesame") {
		t.Errorf("log: %q", s)
	}
}

func TestSocketIsForTheOwnerOnly(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "admin.sock")
	if err := os.WriteFile(path, []byte("left by a killed server"), 0o666); err != nil {
		t.Fatal(err)
	}
	l, err := ListenSocket(path)
	if err != nil {
		t.Fatal(err)
	}
	fi, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if fi.Mode().Perm() != 0o600 || fi.Mode().Type() != os.ModeSocket {
		t.Errorf("mode %v, want a socket with 0600", fi.Mode())
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- Serve(ctx, l, Watch(fine, prometheus.NewRegistry()), time.Second) }()
	c, err := net.Dial("unix", path)
	if err != nil {
		t.Fatalf("nobody answers at %s: %v", path, err)
	}
	_ = c.Close()
	stop()
	if err := <-ended; err != nil {
		t.Errorf("Serve: %v", err)
	}
	if inside, err := os.ReadDir(dir); err != nil || len(inside) != 0 {
		t.Errorf("left behind: %v, %v", inside, err)
	}
}

func TestSocketThatCanNotBeMade(t *testing.T) {
	if _, err := ListenSocket(filepath.Join(t.TempDir(), "missing", "admin.sock")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no folder: %v", err)
	}
	dir := filepath.Join(t.TempDir(), strings.Repeat("long", 30))
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := ListenSocket(filepath.Join(dir, "admin.sock")); err == nil {
		t.Error("a path longer than sockets may have was taken")
	}
	if inside, err := os.ReadDir(dir); err != nil || len(inside) != 0 {
		t.Errorf("left behind: %v, %v", inside, err)
	}
}
