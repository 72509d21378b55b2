// Package admin is the door for whoever runs the server: health, metrics, and the operations of ops/manage.
//
// What: two HTTP servers. The admin socket (a unix socket in the data folder, mode 0600) takes operations; who
// may open the folder may administer. The admin listener (TCP, loopback by default) answers health questions
// and Prometheus only, and can change nothing.
// Life: beside a message's life. Promise: no operation is reachable over TCP.
// Limits: requests of manage.MaxRequest bytes, header and idle times below. Failure: JSON with a fault, never HTML.
package admin

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"barid/base/fault"
	"barid/ops/manage"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

const (
	headerWait = 5 * time.Second
	idleWait   = time.Minute
)

// Health answers whether the server can do its work; nil means yes.
type Health func(ctx context.Context) error

// Watch is the handler of the admin listener: GET /livez, /readyz, /healthz, /metrics.
func Watch(ready Health, reg prometheus.Gatherer) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok\n") })
	answer := func(w http.ResponseWriter, r *http.Request) {
		if err := ready(r.Context()); err != nil {
			w.Header().Set("Retry-After", "5")
			http.Error(w, "not ready: "+fault.Of(err).What, http.StatusServiceUnavailable)
			return
		}
		_, _ = io.WriteString(w, "ok\n")
	}
	mux.HandleFunc("GET /readyz", answer)
	mux.HandleFunc("GET /healthz", answer)
	mux.Handle("GET /metrics", promhttp.HandlerFor(reg, promhttp.HandlerOpts{}))
	return onlyLocalNames(mux)
}

// onlyLocalNames refuses requests whose Host is a name, which is how a web page would reach a loopback server
// through a DNS name of its own (rebinding).
func onlyLocalNames(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := r.Host
		if h, _, err := net.SplitHostPort(r.Host); err == nil {
			host = h
		}
		if host != "localhost" && net.ParseIP(strings.Trim(host, "[]")) == nil {
			http.Error(w, "this listener is addressed by number or as localhost", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// Operate is the handler of the admin socket: POST /call/NAME.
func Operate(m *manage.Manager, log *slog.Logger) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /call/{name}", func(w http.ResponseWriter, r *http.Request) {
		in, err := io.ReadAll(http.MaxBytesReader(w, r.Body, manage.MaxRequest))
		if err != nil {
			writeLine(w, manage.Line{Fault: fault.New("B1004", "the input is too long").WithExit(fault.ExitUsage)})
			return
		}
		name := r.PathValue("name")
		out, err := m.Do(r.Context(), name, in, func(what string, done, total int64) {
			writeLine(w, manage.Line{Progress: &manage.ProgressLine{What: what, Done: done, Total: total}})
		})
		log.Info("operation", "name", name, "ok", err == nil)
		writeLine(w, result(out, err))
	})
	return mux
}

func result(out any, err error) manage.Line {
	if err != nil {
		f := fault.Of(err)
		if f.Found == "" && f.Cause != nil {
			f.Found = f.Cause.Error()
		}
		return manage.Line{Fault: f}
	}
	b, err := json.Marshal(out)
	if err != nil {
		return manage.Line{Fault: fault.Of(err)}
	}
	return manage.Line{Result: b}
}

func writeLine(w http.ResponseWriter, l manage.Line) {
	b, err := json.Marshal(l)
	if err != nil {
		return // a Line always encodes
	}
	_, _ = w.Write(append(b, '\n')) // a client that went away is not our trouble
	if f, ok := w.(http.Flusher); ok {
		f.Flush()
	}
}

// ListenSocket opens the admin socket at path for the owner only: it is made in a folder that nobody else may
// enter and moved to its place with its mode, so that there is no moment at which others could connect. A
// socket that a killed server left is replaced: the caller holds the lock of the data folder, so nobody can be
// listening on it.
func ListenSocket(path string) (net.Listener, error) { return ListenSocketFor(path, 0o600) }

// ListenSocketFor is ListenSocket for those whom mode lets write to the socket.
func ListenSocketFor(path string, mode os.FileMode) (net.Listener, error) {
	closed, err := os.MkdirTemp(filepath.Dir(path), ".s")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(closed)
	made := filepath.Join(closed, "s")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: made, Net: "unix"})
	if err != nil {
		return nil, err
	}
	l.SetUnlinkOnClose(false) // it would look in the wrong place
	if err = os.Chmod(made, mode); err == nil {
		err = os.Rename(made, path)
	}
	if err != nil {
		_ = l.Close()
		return nil, err
	}
	return &socket{l, path}, nil
}

// socket takes its file away when it is closed.
type socket struct {
	net.Listener
	path string
}

// Close ends the listener and removes the file.
func (s *socket) Close() error {
	return errors.Join(os.Remove(s.path), s.Listener.Close())
}

// Serve answers on l until ctx ends, then lets running requests finish for at most grace.
func Serve(ctx context.Context, l net.Listener, h http.Handler, grace time.Duration) error {
	s := &http.Server{Handler: h, ReadHeaderTimeout: headerWait, IdleTimeout: idleWait, MaxHeaderBytes: 16 << 10}
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	if err := s.Shutdown(stop); err != nil {
		_ = s.Close()
	}
	<-done
	return nil
}
