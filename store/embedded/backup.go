package embedded

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// BackupInfo tells what a backup holds and what it cost.
type BackupInfo struct {
	Created     time.Time `json:"created"`
	Files       int       `json:"files"`
	Bytes       int64     `json:"bytes"`        // in the backup
	CopiedFiles int       `json:"copied_files"` // by this run
	CopiedBytes int64     `json:"copied_bytes"`
}

// Backup writes a consistent copy of the store to the folder dst while work goes on. A later run into the
// same folder copies only what is new: table files never change and segments only grow. The folder always
// holds one whole backup: the old one until the new manifest is written, then the new one. progress, if
// not nil, is told of bytes copied and bytes to copy.
func (s *Store) Backup(ctx context.Context, dst string, progress func(done, total int64)) (BackupInfo, error) {
	ctx, done, err := s.task(ctx)
	if err != nil {
		return BackupInfo{}, err
	}
	defer done()
	fs := s.o.FS
	if _, err := fs.Stat(fs.PathJoin(dst, "FORMAT")); err == nil {
		return BackupInfo{}, fmt.Errorf("%s is a data folder; choose another one: %w", dst, ErrBackup)
	}
	if err := makeDir(fs, fs.PathJoin(dst, "files")); err != nil {
		return BackupInfo{}, storageError("make backup folder", err)
	}
	lock, err := lockFolder(fs, dst)
	if err != nil {
		return BackupInfo{}, err
	}
	defer lock.Close()
	old, err := readManifest(fs, dst)
	if err != nil && !isNotExist(err) {
		return BackupInfo{}, err
	}
	if old.Store != "" && old.Store != fmt.Sprintf("%x", s.id) {
		return BackupInfo{}, fmt.Errorf("%s is the backup of another store; choose an empty folder: %w", dst, ErrBackup)
	}
	defer s.segs.hold()() // nothing that the rows of this backup name is deleted before it is copied
	sources, err := s.backupSources()
	if err != nil {
		return BackupInfo{}, err
	}
	defer s.dropCheckpoint()
	b := &backup{ctx: ctx, fs: fs, dst: dst, old: old, progress: progress}
	return b.run(sources, fmt.Sprintf("%x", s.id))
}

// source is one file to back up.
type source struct {
	path      string // in the data folder: "bodies/seg-00000001", "rows/000012.sst"
	from      string // where to read it
	size      int64
	grows     bool // a segment: what was copied once stays valid
	immutable bool // a table: same name and size is the same file
}

func (s *Store) checkpointDir() string { return s.o.FS.PathJoin(s.dir, "checkpoint") }

func (s *Store) dropCheckpoint() {
	if err := s.o.FS.RemoveAll(s.checkpointDir()); err != nil && !isNotExist(err) {
		s.o.Logger.Warn("store: remove checkpoint", "err", err)
	}
}

// backupSources makes a checkpoint of the rows by hard links, and then notes how long the segments are:
// a body is durable before a row names it, so the segments hold all that the checkpoint names.
func (s *Store) backupSources() ([]source, error) {
	r, err := s.use()
	if err != nil {
		return nil, err
	}
	defer r.users.Done()
	s.dropCheckpoint()
	if err := r.db.Checkpoint(s.checkpointDir(), pebble.WithFlushedWAL()); err != nil {
		return nil, storageError("checkpoint", err)
	}
	if r.guard.fenced() {
		return nil, storageError("checkpoint", r.guard.cause)
	}
	var out []source
	for id, g := range s.segs.held() {
		out = append(out, source{path: "bodies/" + segmentName(id), from: s.segs.path(id), size: g.synced.Load(), grows: true})
	}
	names, err := s.o.FS.List(s.checkpointDir())
	if err != nil {
		return nil, storageError("list checkpoint", err)
	}
	for _, name := range names {
		from := s.o.FS.PathJoin(s.checkpointDir(), name)
		st, err := s.o.FS.Stat(from)
		if err != nil {
			return nil, storageError("stat checkpoint", err)
		}
		if st.IsDir() {
			continue
		}
		out = append(out, source{path: "rows/" + name, from: from, size: st.Size(), immutable: isTable(name)})
	}
	slices.SortFunc(out, func(a, b source) int { return strings.Compare(a.path, b.path) })
	return out, nil
}

// held gives every segment that was there since hold, also one that came and was rewritten meanwhile: rows that are
// older than that name it.
func (t *segments) held() map[uint32]*segment {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := maps.Clone(t.table)
	for _, g := range t.doomed {
		out[g.id] = g
	}
	return out
}

// backup is one run.
type backup struct {
	ctx      context.Context
	fs       vfs.FS
	dst      string
	old      manifest
	progress func(done, total int64)

	info  BackupInfo
	total int64
}

// job is one file and where copying has to start; -1 if it is there already.
type job struct {
	source
	file  backupFile
	start int64
}

func (b *backup) run(sources []source, store string) (BackupInfo, error) {
	b.info.Created = time.Now().UTC().Truncate(time.Second)
	m := manifest{Format: manifestFormat, Store: store, Run: b.old.Run + 1, Created: b.info.Created}
	jobs := make([]job, len(sources))
	for i, src := range sources {
		jobs[i] = b.plan(src, m.Run)
		if jobs[i].start >= 0 {
			b.total += src.size - jobs[i].start
		}
	}
	for i := range jobs {
		if err := b.copy(&jobs[i]); err != nil {
			return b.info, err
		}
		m.Files = append(m.Files, jobs[i].file)
		b.info.Files++
		b.info.Bytes += jobs[i].size
	}
	if err := syncDir(b.fs, b.fs.PathJoin(b.dst, "files")); err != nil {
		return b.info, storageError("sync backup", err)
	}
	if err := writeManifest(b.fs, b.dst, m); err != nil {
		return b.info, storageError("write backup manifest", err)
	}
	b.sweep(m)
	return b.info, nil
}

// plan decides what of an earlier run can stay.
func (b *backup) plan(src source, run int) job {
	j := job{source: src, file: backupFile{Path: src.path, Size: src.size}}
	base := strings.ReplaceAll(src.path, "/", "-")
	have := b.old.find(src.path)
	usable := have != nil && b.present(have)
	switch {
	case usable && src.immutable && have.Size == src.size:
		j.file, j.start = *have, -1
	case usable && src.grows && have.Size == src.size:
		j.file, j.start = *have, -1
	case usable && src.grows && have.Size < src.size:
		whole := have.Size / chunkLen
		j.file.Stored = have.Stored
		j.file.Chunks = slices.Clone(have.Chunks[:whole])
		j.start = whole * chunkLen
	default: // under a new name, so that the old backup stays whole until this one is
		j.file.Stored = fmt.Sprintf("%06d-%s", run, base)
	}
	return j
}

func (b *backup) present(f *backupFile) bool {
	st, err := b.fs.Stat(b.fs.PathJoin(b.dst, "files", f.Stored))
	return err == nil && st.Size() >= f.Size
}

func (b *backup) copy(j *job) error {
	if j.start < 0 {
		return nil
	}
	in, err := b.fs.Open(j.from, vfs.SequentialReadsOption)
	if err != nil {
		return storageError("read for backup", err)
	}
	defer in.Close()
	out, err := b.fs.OpenReadWrite(b.fs.PathJoin(b.dst, "files", j.file.Stored), vfs.WriteCategoryUnspecified)
	if err != nil {
		return storageError("write backup", err)
	}
	err = b.copyChunks(j, in, out)
	if err = errors.Join(err, out.Sync(), out.Close()); err != nil {
		return storageError("back up "+j.path, err)
	}
	b.info.CopiedFiles++
	return nil
}

func (b *backup) copyChunks(j *job, in, out vfs.File) error {
	buf := make([]byte, min(chunkLen, j.size-j.start))
	for off := j.start; off < j.size; off += chunkLen {
		if err := b.ctx.Err(); err != nil {
			return err
		}
		p := buf[:min(chunkLen, j.size-off)]
		if n, err := in.ReadAt(p, off); n < len(p) {
			return fmt.Errorf("ends at %d instead of %d: %w", off+int64(n), j.size, errors.Join(err, ErrBackup))
		}
		j.file.Chunks = append(j.file.Chunks, chunkSum(p))
		if _, err := out.WriteAt(p, off); err != nil {
			return err
		}
		if b.info.CopiedBytes += int64(len(p)); b.progress != nil {
			b.progress(b.info.CopiedBytes, b.total)
		}
	}
	return nil
}

// sweep removes the files of earlier runs that the new manifest does not name. What can not be removed
// is only litter.
func (b *backup) sweep(m manifest) {
	keep := map[string]bool{}
	for _, f := range m.Files {
		keep[f.Stored] = true
	}
	dir := b.fs.PathJoin(b.dst, "files")
	names, _ := b.fs.List(dir)
	for _, name := range names {
		if !keep[name] {
			_ = b.fs.Remove(b.fs.PathJoin(dir, name))
		}
	}
}
