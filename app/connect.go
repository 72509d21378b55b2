package app

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"

	"barid/app/config"
	"barid/base/fault"
	"barid/base/log"
	"barid/ops/manage"
)

// socketName is the admin socket in the data folder.
const socketName = "admin.sock"

// lockWait is how long a command or a starting server waits for a data folder that another process has open,
// lockStep how long between two looks at who that is.
const (
	lockWait = 5 * time.Second
	lockStep = 200 * time.Millisecond
)

// Connect gives a way to operate the installation of cfg: through the admin socket when its server runs, else
// by opening the data folder. done gives it back and must be called. A folder that another command has open for
// a moment, or a server that is just starting, is waited for (lockWait).
func Connect(ctx context.Context, cfg *config.Config) (c manage.Caller, done func() error, err error) {
	deadline := time.Now().Add(lockWait)
	for {
		if remote, err := Dial(cfg); err == nil {
			return remote, func() error { return nil }, nil
		}
		if err := checkFolder(cfg.Data); err != nil {
			return nil, nil, err
		}
		s, err := open(ctx, cfg, log.New(os.Stderr, "warn", cfg.Log.Format), opening{lockWait: lockStep})
		if err == nil {
			return s.Manager(), s.Close, nil
		}
		if fault.Of(err).Code != "B3004" || !time.Now().Before(deadline) {
			return nil, nil, err
		}
	}
}

// checkFolder refuses a data folder that is not there or may not be entered; Open would make one.
func checkFolder(data string) error {
	_, err := os.Stat(data + "/.") // needs the right to enter, unlike a look at data itself
	switch {
	case errors.Is(err, os.ErrPermission):
		return fault.New("B3005", "the data folder %s may not be entered", data).Wrap(err).
			WithMeans("who may enter the folder may administer the server, and nobody else").
			WithFix("run the command as the user that runs barid serve, or with sudo")
	case err != nil:
		return fault.New("B3005", "there is no data folder %s", data).Wrap(err).
			WithFix("barid setup you@example.org").WithFix("barid … --config FILE or --data FOLDER")
	}
	return nil
}

// Dial gives the running server of cfg, or B1006 when none answers.
func Dial(cfg *config.Config) (manage.Caller, error) {
	remote, ok := manage.Dial(filepath.Join(cfg.Data, socketName))
	if !ok {
		return nil, fault.New("B1006", "no server is running on the data folder %s", cfg.Data).
			WithExit(fault.ExitUnreachable).WithFix("barid serve")
	}
	return remote, nil
}
