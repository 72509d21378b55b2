package app

import (
	"context"
	"os"
	"path/filepath"

	"barid/app/config"
	"barid/base/fault"
	"barid/base/log"
	"barid/ops/manage"
)

// socketName is the admin socket in the data folder.
const socketName = "admin.sock"

// Connect gives a way to operate the installation of cfg: through the admin socket when its server runs, else
// by opening the data folder. done gives it back and must be called.
func Connect(ctx context.Context, cfg *config.Config) (c manage.Caller, done func() error, err error) {
	if remote, ok := manage.Dial(filepath.Join(cfg.Data, socketName)); ok {
		return remote, func() error { return nil }, nil
	}
	if _, err := os.Stat(cfg.Data); err != nil {
		return nil, nil, fault.New("B3005", "there is no data folder %s", cfg.Data).Wrap(err).
			WithFix("barid setup you@example.org").WithFix("barid … --config FILE or --data FOLDER")
	}
	s, err := Open(ctx, cfg, log.New(os.Stderr, "warn", cfg.Log.Format))
	if err != nil {
		return nil, nil, err
	}
	return s.Manager(), s.Close, nil
}
