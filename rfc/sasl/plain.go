package sasl

import "bytes"

// plain is PLAIN (RFC 4616 §2): [authzid] NUL authcid NUL passwd.
type plain struct {
	auth        Auth
	asked, over bool
}

// NewPlain gives a server of PLAIN.
func NewPlain(auth Auth) Server { return &plain{auth: auth} }

// Next implements Server.
func (p *plain) Next(response []byte) ([]byte, bool, error) {
	if p.over {
		return nil, false, ErrDone
	}
	if response == nil && !p.asked {
		p.asked = true
		return []byte{}, false, nil
	}
	p.over = true
	parts := bytes.Split(response, []byte{0})
	if len(parts) != 3 || len(parts[1]) == 0 || len(parts[2]) == 0 {
		return nil, false, ErrSyntax
	}
	var f [3]string
	for i := range f {
		var err error
		if f[i], err = field(parts[i]); err != nil {
			return nil, false, err
		}
	}
	if err := p.auth(f[0], f[1], f[2]); err != nil {
		return nil, false, err
	}
	return nil, true, nil
}
