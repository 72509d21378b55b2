package sasl

// login is LOGIN: the server asks for the name, then for the password, in words that old clients look for.
type login struct {
	auth Auth
	step int // 0 nothing asked, 1 name asked, 2 password asked, 3 over
	user string
}

// NewLogin gives a server of LOGIN. An initial response is the name.
func NewLogin(auth Auth) Server { return &login{auth: auth} }

// Next implements Server.
func (l *login) Next(response []byte) ([]byte, bool, error) {
	if l.step >= 3 {
		return nil, false, ErrDone
	}
	if l.step == 0 {
		l.step = 1
		if response == nil {
			return []byte("Username:"), false, nil
		}
	}
	value, err := field(response)
	if err == nil && value == "" {
		err = ErrSyntax
	}
	if err != nil {
		l.step = 3
		return nil, false, err
	}
	if l.step == 1 {
		l.step, l.user = 2, value
		return []byte("Password:"), false, nil
	}
	l.step = 3
	if err := l.auth("", l.user, value); err != nil {
		return nil, false, err
	}
	return nil, true, nil
}
