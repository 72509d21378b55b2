package bench

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/base64"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Load is a number of messages that many connections hand over as fast as they are taken.
type Load struct {
	Addr       string
	Conns      int
	Messages   int // in all
	PerConn    int // messages of one connection; then it comes anew, from another address
	Size       int // of a message, bytes
	Recipients []string
	From       string // reverse-path; "" is sender@example.com
	Password   string // "" without AUTH; else From logs in with it, as AUTH PLAIN

	Answered func(time.Duration) // told of each message how long it took from MAIL to the 250 at its end; nil: nobody
}

// sources is how many addresses of 127.0.0.0/8 the connections come from.
const sources = 200

// Run hands the messages over.
func (l Load) Run() error {
	body := Body(l.Size)
	if l.From != "" { // whoever logs in must own the From field too
		body = bytes.Replace(body, []byte("Sender <sender@example.com>"), []byte(l.From), 1)
	}
	var next atomic.Int64
	var wg sync.WaitGroup
	errs := make(chan error, l.Conns)
	for c := range l.Conns {
		wg.Go(func() {
			for n := 0; ; n++ {
				more, err := l.connection(&next, body, c+n*l.Conns)
				if err != nil {
					errs <- err
					return
				}
				if !more {
					return
				}
			}
		})
	}
	wg.Wait()
	select {
	case err := <-errs:
		return err
	default:
		return nil
	}
}

// connection sends up to PerConn messages; more is false when all are sent.
func (l Load) connection(next *atomic.Int64, body []byte, source int) (more bool, err error) {
	d := net.Dialer{Timeout: 30 * time.Second, LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 1, byte(1+source%sources))}}
	conn, err := d.Dial("tcp", l.Addr)
	if err != nil {
		return false, err
	}
	defer conn.Close()
	s := session{conn: conn, r: bufio.NewReaderSize(conn, 4096)}
	s.expect("220")
	s.send([]byte("EHLO client.example.com\r\n"))
	s.expect("250")
	if l.Password != "" {
		s.send([]byte("AUTH PLAIN " + base64.StdEncoding.EncodeToString([]byte("\x00"+l.From+"\x00"+l.Password)) + "\r\n"))
		s.expect("235")
	}
	from := cmp.Or(l.From, "sender@example.com")
	for range l.PerConn {
		i := next.Add(1) - 1
		if i >= int64(l.Messages) {
			s.send([]byte("QUIT\r\n"))
			return false, s.err
		}
		rcpt := l.Recipients[int(i)%len(l.Recipients)]
		begin := time.Now()
		s.send(fmt.Appendf(nil, "MAIL FROM:<%s>\r\nRCPT TO:<%s>\r\nDATA\r\n", from, rcpt))
		s.expect("250")
		s.expect("250")
		s.expect("354")
		s.send(body)
		s.expect("250")
		if s.err != nil {
			return false, s.err
		}
		if l.Answered != nil {
			l.Answered(time.Since(begin))
		}
	}
	s.send([]byte("QUIT\r\n"))
	s.expect("221")
	return true, s.err
}

// session is one dialogue; after the first error it does nothing more.
type session struct {
	conn net.Conn
	r    *bufio.Reader
	err  error
}

func (s *session) send(b []byte) {
	if s.err == nil {
		_, s.err = s.conn.Write(b)
	}
}

func (s *session) expect(code string) {
	for s.err == nil {
		line, err := s.r.ReadSlice('\n')
		switch {
		case err != nil:
			s.err = err
		case !bytes.HasPrefix(line, []byte(code)):
			s.err = fmt.Errorf("wanted %s, got %q", code, line)
		case len(line) > 3 && line[3] == ' ':
			return
		}
	}
}

// Body is a message of about size bytes with its final dot.
func Body(size int) []byte {
	var b strings.Builder
	b.WriteString("From: Sender <sender@example.com>\r\nTo: Info <info@example.test>\r\nSubject: =?utf-8?B?2KrZgtix2YrYsQ==?= 42\r\n" +
		"Date: Sat, 21 Nov 2026 09:00:00 +0000\r\nMessage-ID: <bench@example.com>\r\nMIME-Version: 1.0\r\n" +
		"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n")
	for b.Len() < size-3 {
		b.WriteString("The quick brown fox jumps over the lazy dog. 0123456789 abcdefgh\r\n")
	}
	b.WriteString(".\r\n")
	return []byte(b.String())
}
