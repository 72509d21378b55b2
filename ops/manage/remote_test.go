package manage

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"barid/base/fault"
)

// TestACallThatIsBrokenOff: it is not the server's fault.
func TestACallThatIsBrokenOff(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	begun := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).Flush()
		close(begun)
		<-r.Context().Done()
	}))
	defer s.Close()
	go func() {
		<-begun
		cancel()
	}()
	if err := Through(s.Client(), s.URL).Call(ctx, "queue.list", nil, nil, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

func TestAServerThatGoesAway(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer s.Close()
	err := Through(s.Client(), s.URL).Call(t.Context(), "queue.list", nil, nil, nil)
	if f := fault.Of(err); f.Code != "B1006" || f.Exit != fault.ExitUnreachable {
		t.Errorf("%v", err)
	}
}
