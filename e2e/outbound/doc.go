// Package outbound carries mail from the real barid to real servers of other domains, over a DNS world on loopback.
//
// Life: outside. Promise: what a login was told is true: the message arrives byte for byte, or its sender gets a
// report. Limits: small loads. Failure: the test fails with both servers' logs.
package outbound
