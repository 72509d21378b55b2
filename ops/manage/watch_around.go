package manage

import (
	"time"

	"barid/flow/deliver/remote"
)

// Around is what the process knows beyond its stores. Any of the functions may be nil: not known.
type Around struct {
	Certificates func() []CertificateState
	Disk         func() (DiskState, error)
	Hosts        func() []remote.HostHealth // other servers that can not be reached, or refused everybody, lately
	CutOff       func() bool                // several were tried since the start, and none could be reached
}

// CertificateState is one certificate of the configuration.
type CertificateState struct {
	File    string    `json:"file"`
	Names   []string  `json:"names,omitempty"`
	Expires time.Time `json:"expires,omitzero"`
	Trouble string    `json:"trouble,omitempty"` // why it can not be used
}

// DiskState is the file system of the data folder.
type DiskState struct {
	Path    string `json:"path"`
	Free    int64  `json:"free_bytes"`
	Total   int64  `json:"total_bytes"`
	Reserve int64  `json:"reserve_bytes"` // below this new mail is deferred
}

// HostState is another server in trouble.
type HostState struct {
	Host  string    `json:"host"`
	Fails int       `json:"fails"` // in a row
	Since time.Time `json:"since"`
	Until time.Time `json:"until"` // it is tried last until then
	Why   string    `json:"why"`
}
