package bench

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"
)

// IMAP is a client that reads fast and looks at nothing but the ends of commands.
type IMAP struct {
	conn net.Conn
	r    *bufio.Reader
	Read int64  // octets read by the last command
	Last string // the tagged answer of the last command
}

// imapWait is how long one command may take.
const imapWait = 5 * time.Minute

// DialIMAP connects and logs in.
func DialIMAP(addr, user, password string) (*IMAP, error) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	c := &IMAP{conn: conn, r: bufio.NewReaderSize(conn, 64<<10)}
	if _, err := c.r.ReadString('\n'); err != nil {
		return nil, err
	}
	return c, c.Do(fmt.Sprintf("LOGIN %s %s", user, password))
}

// Close ends the connection without a word.
func (c *IMAP) Close() { _ = c.conn.Close() }

// Do runs a command; an answer that is not OK is an error.
func (c *IMAP) Do(command string) error {
	if _, err := c.conn.Write([]byte("z " + command + "\r\n")); err != nil {
		return err
	}
	return c.Done()
}

// Done reads to the tagged answer. Literals are skipped.
func (c *IMAP) Done() error {
	c.Read = 0
	if err := c.conn.SetDeadline(time.Now().Add(imapWait)); err != nil {
		return err
	}
	for {
		line, err := c.line()
		if err != nil {
			return err
		}
		if bytes.HasPrefix(line, []byte("z ")) {
			c.Last = string(line)
			if !bytes.HasPrefix(line, []byte("z OK")) {
				return fmt.Errorf("imap said %q", line)
			}
			return nil
		}
	}
}

// line reads a line with its literals, and gives its last piece.
func (c *IMAP) line() ([]byte, error) {
	for {
		line, err := c.r.ReadSlice('\n')
		c.Read += int64(len(line))
		if err == bufio.ErrBufferFull { // a long line without literals: its middle is of no interest
			continue
		}
		if err != nil {
			return nil, err
		}
		n := literal(line)
		if n == 0 {
			return line, nil
		}
		skipped, err := io.CopyN(io.Discard, c.r, n)
		c.Read += skipped
		if err != nil {
			return nil, err
		}
	}
}

// literal gives the size of the literal that a line ends with, 0 if there is none.
func literal(line []byte) int64 {
	if !bytes.HasSuffix(line, []byte("}\r\n")) {
		return 0
	}
	i := bytes.LastIndexByte(line, '{')
	if i < 0 {
		return 0
	}
	n, err := strconv.ParseInt(string(line[i+1:len(line)-3]), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// Append puts messages into a mailbox, one command each, a window of them under way.
func (c *IMAP) Append(mailbox string, n, window int, message func(i int) []byte) error {
	sent := 0
	for done := 0; done < n; done++ {
		for sent < n && sent-done < window {
			m := message(sent)
			w := net.Buffers{fmt.Appendf(nil, "z APPEND %s {%d+}\r\n", mailbox, len(m)), m, []byte("\r\n")}
			if _, err := w.WriteTo(c.conn); err != nil {
				return err
			}
			sent++
		}
		if err := c.Done(); err != nil {
			return err
		}
	}
	return nil
}

// MultiAppend puts messages into a mailbox, so many with each command (RFC 3502).
func (c *IMAP) MultiAppend(mailbox string, n, each int, message func(i int) []byte) error {
	for i := 0; i < n; {
		w := net.Buffers{[]byte("z APPEND " + mailbox)}
		for end := min(n, i+each); i < end; i++ {
			m := message(i)
			w = append(w, fmt.Appendf(nil, " {%d+}\r\n", len(m)), m)
		}
		w = append(w, []byte("\r\n"))
		if _, err := w.WriteTo(c.conn); err != nil {
			return err
		}
		if err := c.Done(); err != nil {
			return err
		}
	}
	return nil
}

// Pipeline says all commands at once and reads their answers.
func (c *IMAP) Pipeline(commands []string) error {
	var b strings.Builder
	for _, command := range commands {
		b.WriteString("z " + command + "\r\n")
	}
	if _, err := io.WriteString(c.conn, b.String()); err != nil {
		return err
	}
	for range commands {
		if err := c.Done(); err != nil {
			return err
		}
	}
	return nil
}

// Letter is the i-th message of a mailbox, of about size bytes.
func Letter(i, size int) []byte {
	head := fmt.Sprintf("Return-Path: <sender%d@example.test>\r\nReceived: from mx.example.test by mail.example.test; Wed, 17 Jul 2024 02:23:25 +0000\r\n"+
		"Date: Wed, %d Jul 2024 02:%02d:25 +0000\r\nFrom: Sender %d <sender%d@example.test>\r\nTo: Info <info@example.test>\r\nSubject: Message number %d about things\r\n"+
		"Message-ID: <m%d@example.test>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nUnique word w%dx here.\r\n",
		i%100, 1+i%28, i%60, i%100, i%100, i, i, i)
	const line = "A line of text as it stands in mail, seventy or so characters long.\r\n"
	return append([]byte(head), strings.Repeat(line, max(0, size-len(head))/len(line)+1)...)
}
