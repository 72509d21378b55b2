package app

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"barid/base/fault"
	"barid/mail"
	"barid/ops/manage"
	"barid/store/embedded"
)

// engine gives ops/manage what the embedded store can do.
type engine struct{ s *embedded.Store }

// Stats gives sizes and counts.
func (e engine) Stats(context.Context) (any, error) { return e.s.Stats() }

// GC gives back the space of bodies that nobody links.
func (e engine) GC(ctx context.Context) (any, error) { return e.s.GC(ctx) }

// Verify reads everything.
func (e engine) Verify(ctx context.Context, p manage.Progress) (any, int, error) {
	r, err := e.s.Verify(ctx, func(done, total int64) { p("verify", done, total) })
	problems := r.RowDamage + r.DamagedCount
	if problems == 0 && !r.Sound() {
		problems = 1 // bytes of a segment that nobody links are damaged
	}
	return r, problems, err
}

// Backup copies everything into dst.
func (e engine) Backup(ctx context.Context, dst string, p manage.Progress) (any, error) {
	info, err := e.s.Backup(ctx, dst, func(done, total int64) { p("backup", done, total) })
	if err != nil {
		return nil, fault.New("B3006", "the backup into %s was not completed", dst).WithFound("%v", err).Wrap(err)
	}
	return info, nil
}

// Restore makes a data folder out of a backup.
func Restore(ctx context.Context, src, dst string, p manage.Progress) error {
	err := embedded.Restore(ctx, src, dst, func(done, total int64) { p("restore", done, total) })
	if err != nil {
		return fault.New("B3006", "%s was not restored into %s", src, dst).WithFound("%v", err).Wrap(err).
			WithMeans("the backup was not changed").WithFix("barid restore BACKUP EMPTY-FOLDER")
	}
	return nil
}

// Salvaged is what Salvage saved.
type Salvaged struct {
	Messages int   `json:"messages"`
	Bytes    int64 `json:"bytes"`
	Damaged  int   `json:"damaged"`
}

// Salvage writes every body that can still be read in the segments of data into one file below target, in a
// folder for each account that the body's note names.
func Salvage(ctx context.Context, data, target string, p manage.Progress) (Salvaged, error) {
	var out Salvaged
	if err := os.MkdirAll(target, 0o700); err != nil {
		return out, fault.New("B1010", "the folder %s can not be made", target).Wrap(err)
	}
	found, err := embedded.Salvage(ctx, data, func(note []byte, r io.Reader) error {
		n, err := saveOne(target, out.Messages+1, note, r)
		if err != nil {
			return err
		}
		out.Messages++
		out.Bytes += n
		p("messages", int64(out.Messages), 0)
		return nil
	})
	out.Damaged = found.Broken
	if err != nil {
		return out, fault.New("B3005", "%s can not be read to its end", data).WithFound("%v", err).Wrap(err)
	}
	return out, nil
}

func saveOne(target string, number int, note []byte, r io.Reader) (int64, error) {
	folder := "unknown"
	if n, err := mail.DecodeNote(note); err == nil && len(n.Accounts) > 0 {
		folder = "account-" + n.Accounts[0].String()
	}
	dir := filepath.Join(target, folder)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return 0, err
	}
	f, err := os.OpenFile(filepath.Join(dir, fmt.Sprintf("%08d.eml", number)), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return 0, err
	}
	n, err := io.Copy(f, r)
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	return n, err
}
