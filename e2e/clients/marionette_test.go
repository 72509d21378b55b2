package clients

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"strconv"
	"testing"
	"time"
)

// marionette drives a Mozilla program: https://firefox-source-docs.mozilla.org/testing/marionette/Protocol.html
type marionette struct {
	t    *testing.T
	conn net.Conn
	r    *bufio.Reader
	n    int
}

// dialMarionette waits for the program to listen and asks for the right to run scripts in it.
func dialMarionette(t *testing.T, addr string) *marionette {
	t.Helper()
	m := &marionette{t: t}
	until(t, "the program listens for Marionette", func() bool {
		conn, err := net.Dial("tcp", addr)
		m.conn = conn
		return err == nil
	})
	t.Cleanup(func() { _ = m.conn.Close() })
	m.r = bufio.NewReader(m.conn)
	m.deadline()
	m.read() // the greeting
	m.command("WebDriver:NewSession", map[string]any{})
	m.command("Marionette:SetContext", map[string]any{"value": "chrome"})
	m.command("WebDriver:SetTimeouts", map[string]any{"script": patience.Milliseconds()})
	return m
}

func (m *marionette) deadline() {
	if err := m.conn.SetDeadline(time.Now().Add(patience + 5*time.Second)); err != nil {
		m.t.Fatal(err)
	}
}

// read gives one message: its length, a colon, JSON.
func (m *marionette) read() []byte {
	m.t.Helper()
	size, err := m.r.ReadString(':')
	if err != nil {
		m.t.Fatal(err)
	}
	n, err := strconv.Atoi(size[:len(size)-1])
	if err != nil {
		m.t.Fatal(err)
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(m.r, b); err != nil {
		m.t.Fatal(err)
	}
	return b
}

func (m *marionette) command(name string, params map[string]any) json.RawMessage {
	m.t.Helper()
	m.deadline()
	m.n++
	b, err := json.Marshal([]any{0, m.n, name, params})
	if err != nil {
		m.t.Fatal(err)
	}
	if _, err := fmt.Fprintf(m.conn, "%d:%s", len(b), b); err != nil {
		m.t.Fatal(err)
	}
	var answer []json.RawMessage
	if err := json.Unmarshal(m.read(), &answer); err != nil || len(answer) != 4 {
		m.t.Fatalf("answer %s: %v", answer, err)
	}
	if string(answer[2]) != "null" {
		m.t.Fatalf("%s: %s", name, answer[2])
	}
	return answer[3]
}

// run runs a script that may await; its return value is decoded into v unless that is nil.
func (m *marionette) run(v any, script string, args ...any) {
	m.t.Helper()
	if args == nil {
		args = []any{}
	}
	b := m.command("WebDriver:ExecuteAsyncScript", map[string]any{
		"args": args, "newSandbox": true, "sandbox": "system",
		"script": "const done = arguments[arguments.length - 1];\n(async (...args) => {" + script +
			"})(...arguments).then(v => done({v}), e => done({e: String(e) + '\\n' + (e && e.stack)}));",
	})
	var answer struct {
		Value struct {
			V json.RawMessage
			E string
		}
	}
	if err := json.Unmarshal(b, &answer); err != nil {
		m.t.Fatalf("%s: %v", b, err)
	}
	if answer.Value.E != "" {
		m.t.Fatalf("script %.200q: %s", script, answer.Value.E)
	}
	if v != nil {
		if err := json.Unmarshal(answer.Value.V, v); err != nil {
			m.t.Fatalf("%s: %v", answer.Value.V, err)
		}
	}
}
