package embedded

import (
	"context"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// Restore makes a data folder dst out of the backup in src. dst must be empty or missing, and every
// byte is checked. A restore that was broken off leaves a folder that Open refuses. The new folder is
// a store of its own: it is not backed up into the old one's backups.
func Restore(ctx context.Context, src, dst string, progress func(done, total int64)) error {
	return restore(ctx, vfs.Default, src, dst, progress)
}

func restore(ctx context.Context, fs vfs.FS, src, dst string, progress func(done, total int64)) error {
	m, err := readManifest(fs, src)
	if err != nil {
		return err
	}
	names, err := fs.List(dst)
	if err != nil && !isNotExist(err) {
		return storageError("list "+dst, err)
	}
	if len(names) > 0 {
		return fmt.Errorf("%s is not empty; a backup is restored only into an empty folder: %w", dst, ErrBackup)
	}
	r := &restorer{ctx: ctx, fs: fs, src: src, dst: dst, progress: progress}
	for _, f := range m.Files {
		r.total += f.Size
	}
	for _, sub := range []string{"rows", "bodies"} {
		if err := makeDir(fs, fs.PathJoin(dst, sub)); err != nil {
			return storageError("make folder", err)
		}
	}
	for _, f := range m.Files {
		if err := r.file(f); err != nil {
			return fmt.Errorf("restore %s: %w", f.Path, err)
		}
	}
	for _, sub := range []string{"rows", "bodies"} {
		if err := syncDir(fs, fs.PathJoin(dst, sub)); err != nil {
			return storageError("sync folder", err)
		}
	}
	_, err = writeFormat(fs, dst) // last: without it nobody opens the folder
	return err
}

type restorer struct {
	ctx         context.Context
	fs          vfs.FS
	src, dst    string
	progress    func(done, total int64)
	done, total int64
}

func (r *restorer) file(f backupFile) error {
	in, err := r.fs.Open(r.fs.PathJoin(r.src, "files", f.Stored), vfs.SequentialReadsOption)
	if err != nil {
		return errors.Join(err, ErrBackup)
	}
	defer in.Close()
	out, err := r.fs.Create(r.fs.PathJoin(r.dst, f.Path), vfs.WriteCategoryUnspecified)
	if err != nil {
		return storageError("create", err)
	}
	err = r.chunks(f, in, out)
	return errors.Join(err, out.Sync(), out.Close())
}

func (r *restorer) chunks(f backupFile, in, out vfs.File) error {
	buf := make([]byte, min(chunkLen, f.Size))
	for i, off := 0, int64(0); off < f.Size; i, off = i+1, off+chunkLen {
		if err := r.ctx.Err(); err != nil {
			return err
		}
		p := buf[:min(chunkLen, f.Size-off)]
		if n, err := in.ReadAt(p, off); n < len(p) {
			return fmt.Errorf("cut short at %d: %w", off+int64(n), errors.Join(err, ErrBackup))
		}
		if chunkSum(p) != f.Chunks[i] {
			return fmt.Errorf("damaged at %d: %w", off, ErrBackup)
		}
		if _, err := out.Write(p); err != nil {
			return storageError("write", err)
		}
		if r.done += int64(len(p)); r.progress != nil {
			r.progress(r.done, r.total)
		}
	}
	return nil
}
