package remote

import (
	"strings"
	"testing"
	"time"

	"barid/rfc/mime"
)

func TestHostileMessagesAreConvertedInTime(t *testing.T) {
	for name, text := range map[string]string{
		"addresses":  "To: " + strings.Repeat("é <a@b.test>,", 70_000) + "\r\n\r\né",
		"parameters": "Content-Type: text/plain" + strings.Repeat("; é=é", 100_000) + "\r\n\r\né",
		"parts":      "Content-Type: multipart/mixed; boundary=b\r\n\r\n" + strings.Repeat("--b\r\n\r\né\r\n", 100_000),
		"fields":     strings.Repeat("X: é\r\n", 100_000) + "\r\né",
		"deep":       deep(90, strings.Repeat("é\r\n", 500_000)),
		"signed":     strings.Repeat("Content-Type: multipart/signed; boundary=b\r\n\r\n--b\r\n", 90) + strings.Repeat("é\r\n", 500_000),
		"preamble":   "Content-Type: multipart/mixed; boundary=b\r\n\r\n" + strings.Repeat("é\n\r\x00", 500_000) + "\r\n--b\r\n\r\n",
		"received":   strings.Repeat("Received: é for é; é\r\n", 40_000) + "\r\né",
	} {
		begin := time.Now()
		m := mime.Scan([]byte(text), mime.DefaultLimits())
		c := &converter{src: strings.NewReader(text), want: conversion{sevenBit: true, header: true}, msg: m, twin: noTwin}
		var n counter
		err := c.run(&n)
		t.Log(name, time.Since(begin), n, err)
		if int(n) > 12*len(text)+4096 {
			t.Errorf("%s: %d octets became %d", name, len(text), n)
		}
	}
}
