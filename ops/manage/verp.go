package manage

import "barid/base/fault"

// The words for whether mail gets reverse-paths that name the recipient (VERP). VERPDefault leaves it to the next
// wider record.
const (
	VERPOn      = "on"
	VERPOff     = "off"
	VERPDefault = "default"
)

// verpOf gives what a record keeps for a word.
func verpOf(word string) (*bool, error) {
	switch word {
	case VERPOn:
		return new(true), nil
	case VERPOff:
		return new(false), nil
	case VERPDefault:
		return nil, nil
	}
	return nil, fault.New("B4003", "%q is no way to send reverse-paths", word).WithExit(fault.ExitUsage).
		WithFix("one of: %s, %s, %s", VERPOn, VERPOff, VERPDefault)
}

// verpWord is the other way round; "" for what is not set.
func verpWord(v *bool) string {
	switch {
	case v == nil:
		return ""
	case *v:
		return VERPOn
	}
	return VERPOff
}

// setVERP changes what a record keeps, if something is asked for.
func setVERP(kept **bool, word *string) error {
	if word == nil {
		return nil
	}
	v, err := verpOf(*word)
	if err == nil {
		*kept = v
	}
	return err
}
