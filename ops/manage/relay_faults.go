package manage

import (
	"errors"

	"barid/base/fault"
	"barid/mail/relay"
)

// relayFault gives the errors of mail/relay the form that people read; nil for others.
func relayFault(err error) *fault.Fault {
	var (
		unknown relay.ErrUnknown
		invalid relay.ErrInvalid
		inUse   relay.ErrInUse
	)
	list := map[string]string{"rule": "barid relay rule list", "source": "barid relay source list", "preset": "barid relay presets"}
	switch {
	case errors.As(err, &unknown):
		f := fault.New("B4002", "there is no %s %q", unknown.Kind, unknown.Name).Wrap(err)
		f.Found = "looked among the routes, rules, sources and presets"
		if unknown.Near != "" {
			f.WithFix("did you mean %q?", unknown.Near)
		}
		if fix := list[unknown.Kind]; fix != "" {
			return f.WithFix("%s", fix)
		}
		return f.WithFix("barid relay list")
	case errors.As(err, &invalid):
		f := fault.New("B4003", "%v", invalid)
		if invalid.Value != "" {
			f.WithFound("%s %q", invalid.Field, invalid.Value)
		}
		if invalid.Near != "" {
			f.WithFix("did you mean %q?", invalid.Near)
		}
		return f
	case errors.As(err, &inUse):
		return fault.New("B4004", "route %q is still needed", inUse.Name).WithFound("%v", inUse).Wrap(err).
			WithMeans("mail of these rules would have no way").
			WithFix("barid relay rule add … --route ANOTHER    for each of them").WithFix("barid relay rm %s --with-rules    removes them too", inUse.Name)
	}
	return nil
}
