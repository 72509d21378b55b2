package interop

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"sort"
	"strings"
	"testing"

	"barid/e2e/peer"
	"barid/e2e/server"
)

// needTime leaves a test out with -short.
func needTime(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("tests with real peers are left out with -short")
	}
}

// start starts a server with the usual accounts.
func start(t *testing.T) *server.Server {
	t.Helper()
	needTime(t)
	return server.Start(t, server.Options{})
}

// reader gives the messages of an account's INBOX, as CRLF text, by one foreign program.
type reader struct {
	name string
	read func(t *testing.T, s *server.Server, user string, n int) [][]byte
	does func(raw []byte) []byte // what the program makes of a message all by itself, nil if it leaves it out
}

var readers = []reader{
	{"mbsync", readMbsync, asMbsync},
	{"fetchmail by POP3S", func(t *testing.T, s *server.Server, user string, _ int) [][]byte {
		return readFetchmail(t, s, user, "pop3s", "keep")
	}, asFetchmail},
	{"curl imaps", readCurlIMAP, asIs},
	{"curl pop3s", readCurlPOP3, asIs},
}

// asMbsync leaves out what has no empty line behind its header section: mbsync says "incomplete header" and goes on.
func asMbsync(raw []byte) []byte {
	if !bytes.Contains(raw, []byte("\r\n\r\n")) {
		return nil
	}
	return raw
}

func asIs(raw []byte) []byte { return raw }

// asFetchmail is what fetchmail makes of a header section: a line that looks like the separator of an mbox file
// goes, with its continuations, and a section without an end gets its empty line.
func asFetchmail(raw []byte) []byte {
	head, body, ended := bytes.Cut(raw, []byte("\r\n\r\n"))
	head = mboxLine.ReplaceAll(append(head[:len(head):len(head)], "\r\n"...), nil)
	if !ended {
		head = bytes.TrimSuffix(head, []byte("\r\n"))
	}
	return append(append(head, "\r\n"...), body...)
}

var mboxLine = regexp.MustCompile(`(?m)^From [^\n]*\n([ \t][^\n]*\n)*`)

// tuid is the one field that mbsync adds to what it copies.
var tuid = regexp.MustCompile(`(?m)^X-TUID: [A-Za-z0-9+/]{12}\r?\n`)

func readMbsync(t *testing.T, s *server.Server, user string, _ int) [][]byte {
	dir := t.TempDir()
	rc := peer.MbsyncConfig(t, s.Addr["imaps"], user, s.Dir, dir, "Patterns INBOX\nCreate Near\nSync Pull\n")
	peer.Must(t, peer.Command{Name: "mbsync", Args: []string{"-q", "-c", rc, "all"}})
	var out [][]byte
	for _, b := range readFiles(t, filepath.Join(dir, "mail/INBOX/*/*")) {
		if at := tuid.FindIndex(b); at != nil {
			b = append(b[:at[0]:at[0]], b[at[1]:]...)
		}
		out = append(out, bytes.ReplaceAll(b, []byte("\n"), []byte("\r\n"))) // a maildir has the line ends of the system
	}
	return out
}

// readFetchmail runs fetchmail over POP3: "pop3s" is TLS from the start, "pop3" is STLS. Every message becomes a
// file as it came; fetchmail's own Received field is off (invisible), its rewriting too.
func readFetchmail(t *testing.T, s *server.Server, user, protocol, keep string) [][]byte {
	return readFetchmailAs(t, s, user, server.Password, protocol, keep)
}

func readFetchmailAs(t *testing.T, s *server.Server, user, password, protocol, keep string) [][]byte {
	dir := t.TempDir()
	mda := peer.Write(t, filepath.Join(dir, "mda"), "#!/bin/sh\nexec cat >"+dir+"/$$.eml\n", 0o700)
	ssl := "ssl"
	if protocol == "pop3" {
		ssl = `sslproto "TLS1.2+"`
	}
	rc := peer.Write(t, filepath.Join(dir, "rc"), fmt.Sprintf("set invisible\npoll 127.0.0.1 service %s protocol POP3 bad-header accept\n"+
		"  user %q password %q %s sslcertck sslcertfile %s/cert.pem sslcommonname localhost\n"+
		"  fetchall %s no rewrite pass8bits no stripcr mda %q\n",
		peer.Port(s.Addr[protocol]), user, password, ssl, s.Dir, keep, mda), 0o600)
	peer.Must(t, peer.Command{
		Name: "fetchmail", Args: []string{"-f", rc, "--pidfile", dir + "/pid", "-i", dir + "/ids"},
		Env: []string{"HOME=" + dir, "FETCHMAILHOME=" + dir},
	})
	return readFiles(t, filepath.Join(dir, "*.eml"))
}

func readCurlIMAP(t *testing.T, s *server.Server, user string, n int) [][]byte {
	return readCurl(t, s, user, fmt.Sprintf("imaps://%s/INBOX;MAILINDEX=[1-%d]", s.Addr["imaps"], n))
}

func readCurlPOP3(t *testing.T, s *server.Server, user string, n int) [][]byte {
	return readCurl(t, s, user, fmt.Sprintf("pop3s://%s/[1-%d]", s.Addr["pop3s"], n))
}

func readCurl(t *testing.T, s *server.Server, user, url string) [][]byte {
	dir := t.TempDir()
	curl(t, s, user, "--output", dir+"/#1.eml", url)
	return readFiles(t, dir+"/*.eml")
}

// curl runs curl as a user, with the server's certificate as the only one it believes.
func curl(t testing.TB, s *server.Server, user string, args ...string) string {
	t.Helper()
	args = append([]string{"--silent", "--show-error", "--cacert", s.Dir + "/cert.pem", "--user", user + ":" + server.Password}, args...)
	return peer.Must(t, peer.Command{Name: "curl", Args: args}).Out
}

func readFiles(t testing.TB, pattern string) [][]byte {
	t.Helper()
	names, err := filepath.Glob(pattern)
	if err != nil {
		t.Fatal(err)
	}
	sort.Strings(names)
	var out [][]byte
	for _, n := range names {
		if strings.HasPrefix(filepath.Base(n), ".") {
			continue
		}
		b, err := os.ReadFile(n)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, b)
	}
	return out
}
