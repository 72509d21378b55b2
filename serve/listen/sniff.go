package listen

import (
	"bytes"
	"errors"
)

// ErrWrongProtocol is a peer that speaks something else than what the listener is for.
var ErrWrongProtocol = errors.New("listen: peer speaks another protocol")

// The protocols Sniff knows.
const (
	speaksTLS   = "tls"
	speaksHTTP  = "http"
	speaksProxy = "proxy"
	speaksOther = "binary"
)

// Sniff names the protocol that the first octets of a connection in clear belong to, if it is one that
// no mail client speaks: "tls" (a ClientHello), "http" (a request line), "proxy" (a PROXY header),
// "binary" (octets that begin no line of text).
func Sniff(b []byte) string {
	switch {
	case len(b) >= 2 && b[0] == 0x16 && b[1] == 3: // handshake record, version 3.x: RFC 8446 §5.1
		return speaksTLS
	case bytes.HasPrefix(b, []byte("PROXY ")), bytes.HasPrefix(b, []byte("\r\n\r\n\x00\r\nQUIT\n")):
		return speaksProxy
	case isHTTP(b):
		return speaksHTTP
	case isBinary(b):
		return speaksOther
	}
	return ""
}

// isBinary tells octets that begin no line of text, or hold control characters in a line without end. A whole
// line with a control character in it is left to the session, which has an answer for it.
func isBinary(b []byte) bool {
	if len(b) > 0 && (b[0] >= 0x7f || isControl(b[0])) {
		return true
	}
	return bytes.IndexByte(b, '\n') < 0 && bytes.ContainsFunc(b, func(r rune) bool { return r < 0x80 && isControl(byte(r)) })
}

func isControl(c byte) bool { return c < ' ' && c != '\t' && c != '\r' && c != '\n' }

// isHTTP tells a request line (RFC 9112 §3): method, target, version.
func isHTTP(b []byte) bool {
	line, _, _ := bytes.Cut(b, []byte("\r\n"))
	method, rest, ok := bytes.Cut(line, []byte(" "))
	if !ok || len(method) < 3 || len(method) > 7 || !bytes.Equal(bytes.ToUpper(method), method) {
		return false
	}
	switch string(method) {
	case "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "PRI":
		return bytes.Contains(rest, []byte(" HTTP/"))
	}
	return false
}

// hint tells the operator what a wrong protocol usually means.
func hint(what string, m Mode) string {
	switch {
	case what == speaksTLS:
		return "the client is set to SSL/TLS; this port is for STARTTLS or no encryption"
	case what == speaksProxy:
		return "the load balancer's network is not in proxy_trusted"
	case m == Implicit:
		return "the client is set to STARTTLS or no encryption; this port is for SSL/TLS"
	}
	return "a scanner or a web client; nothing to do"
}
