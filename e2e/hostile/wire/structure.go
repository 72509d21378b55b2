package wire

import (
	"fmt"
	"strings"
)

// CheckEnvelope tells what keeps n from being an envelope of RFC 3501 §9.
func CheckEnvelope(n Node) error {
	if n.Kind != List || len(n.List) != 10 {
		return fmt.Errorf("wire: an envelope has 10 parts, not %d", len(n.List))
	}
	for i, x := range n.List {
		if i >= 2 && i <= 7 {
			if err := checkAddresses(x); err != nil {
				return err
			}
		} else if !x.nstring() {
			return fmt.Errorf("wire: part %d of the envelope is no string", i)
		}
	}
	return nil
}

func checkAddresses(n Node) error {
	if n.IsNil() {
		return nil
	}
	if n.Kind != List || len(n.List) == 0 {
		return fmt.Errorf("wire: addresses are a list with something in it, or NIL")
	}
	for _, a := range n.List {
		if a.Kind != List || len(a.List) != 4 {
			return fmt.Errorf("wire: an address has 4 parts, not %d", len(a.List))
		}
		for _, x := range a.List {
			if !x.nstring() {
				return fmt.Errorf("wire: a part of an address is no string")
			}
		}
	}
	return nil
}

// CheckStructure tells what keeps n from being the body of BODYSTRUCTURE, or, with extended false, of BODY
// (RFC 3501 §9). It counts the parts.
func CheckStructure(n Node, extended bool) (parts int, err error) {
	if n.Kind != List || len(n.List) == 0 {
		return 0, fmt.Errorf("wire: a body is a list with something in it")
	}
	if n.List[0].Kind == List {
		return checkMultipart(n.List, extended)
	}
	return checkSingle(n.List, extended)
}

func checkMultipart(l []Node, extended bool) (parts int, err error) {
	for len(l) > 0 && l[0].Kind == List {
		n, err := CheckStructure(l[0], extended)
		if parts += n; err != nil {
			return parts, err
		}
		l = l[1:]
	}
	if len(l) == 0 || l[0].Kind != String {
		return parts, fmt.Errorf("wire: a multipart without subtype")
	}
	if l = l[1:]; !extended && len(l) > 0 {
		return parts, fmt.Errorf("wire: extension data in BODY")
	}
	if len(l) > 0 {
		if err := checkParams(l[0]); err != nil {
			return parts, err
		}
		l = l[1:]
	}
	return parts + 1, checkTail(l)
}

// checkSingle checks a part that is no multipart.
func checkSingle(l []Node, extended bool) (parts int, err error) {
	if len(l) < 7 || l[0].Kind != String || l[1].Kind != String || !l[3].nstring() || !l[4].nstring() ||
		l[5].Kind != String || !l[6].IsNumber() {
		return 0, fmt.Errorf("wire: the basic fields of a part are wrong: %.200v", l)
	}
	if err := checkParams(l[2]); err != nil {
		return 0, err
	}
	parts = 1
	kind, rest := strings.ToUpper(l[0].Text+"/"+l[1].Text), l[7:]
	switch {
	case kind == "MESSAGE/RFC822":
		if len(rest) < 3 || !rest[2].IsNumber() {
			return parts, fmt.Errorf("wire: message/rfc822 without envelope, body and lines")
		}
		if err := CheckEnvelope(rest[0]); err != nil {
			return parts, err
		}
		n, err := CheckStructure(rest[1], extended)
		if parts += n; err != nil {
			return parts, err
		}
		rest = rest[3:]
	case strings.HasPrefix(kind, "TEXT/"):
		if len(rest) < 1 || !rest[0].IsNumber() {
			return parts, fmt.Errorf("wire: text without a number of lines")
		}
		rest = rest[1:]
	}
	if !extended && len(rest) > 0 {
		return parts, fmt.Errorf("wire: extension data in BODY")
	}
	if len(rest) > 0 {
		if !rest[0].nstring() {
			return parts, fmt.Errorf("wire: MD5 is no string")
		}
		rest = rest[1:]
	}
	return parts, checkTail(rest)
}

// checkTail checks disposition, language and location.
func checkTail(l []Node) error {
	if len(l) > 0 && !l[0].IsNil() {
		d := l[0]
		if d.Kind != List || len(d.List) != 2 || d.List[0].Kind != String {
			return fmt.Errorf("wire: a wrong disposition")
		}
		if err := checkParams(d.List[1]); err != nil {
			return err
		}
	}
	if len(l) > 1 && !l[1].nstring() {
		for _, x := range l[1].List {
			if x.Kind != String {
				return fmt.Errorf("wire: a wrong language")
			}
		}
	}
	if len(l) > 2 && !l[2].nstring() {
		return fmt.Errorf("wire: a wrong location")
	}
	if len(l) > 3 {
		return fmt.Errorf("wire: %d values behind the location", len(l)-3)
	}
	return nil
}

func checkParams(n Node) error {
	if n.IsNil() {
		return nil
	}
	if n.Kind != List || len(n.List) == 0 || len(n.List)%2 != 0 {
		return fmt.Errorf("wire: parameters come in pairs")
	}
	for _, x := range n.List {
		if x.Kind != String {
			return fmt.Errorf("wire: a parameter is no string")
		}
	}
	return nil
}
