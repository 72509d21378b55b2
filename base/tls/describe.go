package tls

import (
	"crypto/tls"
	"maps"
	"slices"
)

// Describe names version and cipher suite for the Received field and the log:
// "TLS1.3 TLS_AES_128_GCM_SHA256" (RFC 8314 §4.3 asks for the suite in Received).
func Describe(state tls.ConnectionState) string {
	return version(state.Version) + " " + tls.CipherSuiteName(state.CipherSuite)
}

// version gives "TLS1.3", without the space of tls.VersionName.
func version(v uint16) string {
	switch v {
	case tls.VersionTLS13:
		return "TLS1.3"
	case tls.VersionTLS12:
		return "TLS1.2"
	}
	return tls.VersionName(v)
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
