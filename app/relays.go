package app

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"barid/base/fault"
	"barid/mail/relay"
	"barid/ops/manage"
)

// presetsName is an operator's own file of presets in the data folder; it is read whenever presets are asked for.
const presetsName = "relay-presets.json"

// relaying is what commands on routes work on.
func (s *System) relaying() manage.Relaying {
	r := manage.Relaying{Store: s.relays, Presets: s.presets, Levels: s.levels}
	if s.outbound != nil {
		r.Live, r.Remote = s.outbound.live, s.outbound.remote
	}
	return r
}

// presets gives the shipped presets with the operator's.
func (s *System) presets() (*relay.Presets, error) {
	file := filepath.Join(s.cfg.Data, presetsName)
	st, err := os.Stat(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return relay.LoadPresets(nil)
	case err == nil && st.Size() > relay.MaxPresetFile:
		return nil, fault.New("B4003", "%s is too long", file).WithFound("%d bytes; at most %d are read", st.Size(), relay.MaxPresetFile)
	case err != nil:
		return nil, fault.New("B4003", "%s can not be read", file).Wrap(err)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, fault.New("B4003", "%s can not be read", file).Wrap(err)
	}
	p, err := relay.LoadPresets(b)
	if err != nil {
		return nil, fault.New("B4003", "%s can not be used", file).WithFound("%v", err).Wrap(err).
			WithFix("mv %s %s.old    the shipped presets are used then", file, file)
	}
	return p, nil
}
