package manage

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"barid/base/fault"
)

// Line is one line of an answer on the admin socket: any number with Progress, then one with Result or Fault.
type Line struct {
	Progress *ProgressLine   `json:"progress,omitempty"`
	Result   json.RawMessage `json:"result,omitempty"`
	Fault    *fault.Fault    `json:"fault,omitempty"`
}

// ProgressLine is how far a long operation is.
type ProgressLine struct {
	What  string `json:"what"`
	Done  int64  `json:"done"`
	Total int64  `json:"total"`
}

// Remote calls operations of a running server through its admin socket.
type Remote struct {
	client *http.Client
	base   string
}

// Through calls operations over any HTTP client; base is the address before /call/.
func Through(c *http.Client, base string) *Remote { return &Remote{c, base} }

// Dial connects to the socket at path. ok is false when nobody listens there.
func Dial(path string) (r *Remote, ok bool) {
	c, err := net.DialTimeout("unix", path, 2*time.Second)
	if err != nil {
		return nil, false
	}
	_ = c.Close()
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", path)
	}
	return Through(&http.Client{Transport: &http.Transport{DialContext: dial}}, "http://barid"), true
}

// Call runs an operation in the server. See Caller.
func (r *Remote) Call(ctx context.Context, name string, in, out any, p Progress) error {
	raw, err := json.Marshal(in)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.base+"/call/"+name, bytes.NewReader(raw))
	if err != nil {
		return err
	}
	resp, err := r.client.Do(req)
	if err != nil {
		return broken(ctx, err)
	}
	defer resp.Body.Close()
	return readLines(ctx, resp.Body, out, p)
}

func readLines(ctx context.Context, body io.Reader, out any, p Progress) error {
	d := json.NewDecoder(body)
	for {
		var l Line
		if err := d.Decode(&l); err != nil {
			if errors.Is(err, io.EOF) {
				err = errors.New("the answer ended early")
			}
			return broken(ctx, err)
		}
		switch {
		case l.Fault != nil:
			return l.Fault
		case l.Progress != nil:
			if p != nil {
				p(l.Progress.What, l.Progress.Done, l.Progress.Total)
			}
		case out == nil:
			return nil
		default:
			return json.Unmarshal(l.Result, out)
		}
	}
}

// broken is the end of a call without an answer: the caller's own, or the server's fault.
func broken(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return fault.New("B1006", "the running server does not answer on its admin socket").WithFound("%v", err).
		WithExit(fault.ExitUnreachable).WithFix("barid status").Wrap(fmt.Errorf("admin socket: %w", err))
}
