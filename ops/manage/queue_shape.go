package manage

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"barid/base/fault"
	"barid/mail/spool"
)

// LineShape is the input of queue.limit: how much a line is sent at most. nil stays as it is, 0 is no limit.
type LineShape struct {
	Line        string `json:"line"` // "example.org" or "route:NAME"
	PerHour     *int64 `json:"per_hour,omitempty"`
	PerDay      *int64 `json:"per_day,omitempty"` // octets
	Connections *int64 `json:"connections,omitempty"`
	Recipients  *int64 `json:"recipients,omitempty"` // of one transaction
	DryRun      bool   `json:"dry_run,omitempty"`
}

// ShapeInfo is a line that is bounded; 0 is no limit.
type ShapeInfo struct {
	Line        string `json:"line"`
	Name        string `json:"name"` // as people write it
	PerHour     int64  `json:"per_hour,omitempty"`
	PerDay      int64  `json:"per_day,omitempty"`
	Connections int64  `json:"connections,omitempty"`
	Recipients  int64  `json:"recipients,omitempty"`
	DryRun      bool   `json:"dry_run,omitempty"`
}

func shapeInfo(s spool.Shape) ShapeInfo {
	return ShapeInfo{Line: s.Queue, Name: lineTitle(s.Queue), PerHour: s.Messages, PerDay: s.Bytes, Connections: s.Connections, Recipients: s.Rcpts}
}

// shapes lists the lines that are bounded, a route's two as one.
func (m *Manager) shapes(ctx context.Context) ([]ShapeInfo, error) {
	all, err := m.Queue.Shapes(ctx)
	out := make([]ShapeInfo, 0, len(all))
	for _, s := range all {
		if title := lineTitle(s.Queue); title == s.Queue || !strings.HasPrefix(title, "route:") {
			out = append(out, shapeInfo(s))
		}
	}
	slices.SortFunc(out, func(a, b ShapeInfo) int { return cmp.Compare(a.Line, b.Line) })
	return out, err
}

// shapeLine changes what bounds a line.
func (m *Manager) shapeLine(ctx context.Context, in LineShape) (ShapeInfo, error) {
	line, err := lineName(in.Line)
	if err != nil {
		return ShapeInfo{}, err
	}
	all, err := m.Queue.Shapes(ctx)
	if err != nil {
		return ShapeInfo{}, err
	}
	s := spool.Shape{Queue: line}
	if i := slices.IndexFunc(all, func(s spool.Shape) bool { return s.Queue == line }); i >= 0 {
		s = all[i]
	}
	if err := in.apply(&s); err != nil {
		return ShapeInfo{}, err
	}
	info := shapeInfo(s)
	if info.DryRun = in.DryRun; in.DryRun {
		return info, nil
	}
	for _, line := range linesOf(line) {
		s.Queue = line
		if err := m.Queue.ShapeLine(ctx, s); err != nil {
			return info, queueFault(err)
		}
	}
	return info, nil
}

func (in *LineShape) apply(s *spool.Shape) error {
	for _, f := range []struct {
		name     string
		to, from *int64
	}{
		{"messages an hour", &s.Messages, in.PerHour},
		{"octets a day", &s.Bytes, in.PerDay},
		{"connections", &s.Connections, in.Connections},
		{"recipients", &s.Rcpts, in.Recipients},
	} {
		if f.from == nil {
			continue
		}
		if *f.from < 0 || *f.from > maxShape {
			return fault.New("B4003", "%d %s is no limit", *f.from, f.name).WithExit(fault.ExitUsage).WithFix("a number from 0, which is no limit, to %d", int64(maxShape))
		}
		*f.to = *f.from
	}
	return nil
}

// maxShape is the highest limit of a line.
const maxShape = 1 << 50
