// Package audit writes the change history for a SIEM: each row as a JSON line in
// the fields of OCSF's class Account Change, after its commit, at least once. How
// far it has come is kept in the database, so that any number of servers may write
// to one sink, and a server that was killed is gone on for.
package audit

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"muster/server/history"
)

// Store is where rows and positions are kept.
type Store interface {
	// Behind returns the instances whose history has rows that were not written
	// to a sink.
	Behind(ctx context.Context, sink string) ([]history.Behind, error)
	// HistoryAfter calls yield with the rows of a chain behind a place.
	HistoryAfter(
		ctx context.Context, instanceID string, after int64, yield func(history.Sealed) error,
	) error
	// ClaimAudit returns up to which place the rows of an instance were written
	// to a sink, and keeps others from those behind it until a time; ok is false
	// if another server has them. SettleAudit ends that with a new place.
	ClaimAudit(
		ctx context.Context, sink, instanceID string, now, until time.Time,
	) (seq int64, ok bool, err error)
	SettleAudit(ctx context.Context, sink, instanceID string, seq int64, until time.Time) error
}

// Sink takes lines.
type Sink interface {
	// Write hands lines over, each without its end. It returns nil only when they
	// are where they belong, as far as that can be known.
	Write(ctx context.Context, lines [][]byte) error
	// Name tells the sink from others in the database. It holds no secret.
	Name() string
	Close() error
}

// Log writes the history of all instances to a sink.
type Log struct {
	Store Store
	Sink  Sink
	// Version is that of the program.
	Version string
	// Claim is how long a server has rows to itself: those of one that was killed
	// are gone on for by another after that. Zero stands for half a minute.
	Claim time.Duration
	Log   *slog.Logger
}

const (
	// part is how many rows are written before the place is kept.
	part      = 500
	claimTime = 30 * time.Second
)

// Run writes what there is, and then what is written from then on, until ctx ends.
func (l *Log) Run(ctx context.Context, every time.Duration) {
	failing := false
	for {
		err := l.Catch(ctx)
		if err != nil && ctx.Err() == nil && !failing {
			l.Log.WarnContext(ctx, "the audit log cannot be written; it is tried again",
				"sink", l.Sink.Name(), "error", err)
		}
		if err == nil && failing {
			l.Log.InfoContext(ctx, "the audit log is written again", "sink", l.Sink.Name())
		}
		failing = err != nil
		select {
		case <-ctx.Done():
			return
		case <-time.After(every):
		}
	}
}

// Catch writes all rows that were not written yet, but those that another server
// has.
func (l *Log) Catch(ctx context.Context) error {
	instances, err := l.Store.Behind(ctx, l.Sink.Name())
	if err != nil {
		return err
	}
	for _, i := range instances {
		for more := true; more; {
			if more, err = l.next(ctx, i); err != nil {
				return fmt.Errorf("instance %s: %w", i.Instance, err)
			}
		}
	}
	return nil
}

// errEnough ends the reading of rows.
var errEnough = errors.New("enough rows")

// next writes one part of the rows of an instance. It reports whether there may be
// more.
func (l *Log) next(ctx context.Context, i history.Behind) (more bool, err error) {
	now := time.Now()
	until := now.Add(cmp.Or(l.Claim, claimTime))
	seq, ok, err := l.Store.ClaimAudit(ctx, l.Sink.Name(), i.InstanceID, now, until)
	if err != nil || !ok {
		return false, err
	}
	var lines [][]byte
	last := seq
	err = l.Store.HistoryAfter(ctx, i.InstanceID, seq, func(row history.Sealed) error {
		line, err := Line(row, i.Instance, l.Version)
		if err != nil {
			return err
		}
		lines, last = append(lines, line), row.Seq
		if len(lines) == part {
			return errEnough
		}
		return nil
	})
	if errors.Is(err, errEnough) {
		more, err = true, nil
	}
	if err == nil && len(lines) > 0 {
		err = l.Sink.Write(ctx, lines)
	}
	if err != nil {
		last, more = seq, false
	}
	// Whether or not it went well, others may go on.
	settled := l.Store.SettleAudit(context.WithoutCancel(ctx), l.Sink.Name(), i.InstanceID, last,
		until)
	return more && settled == nil, errors.Join(err, settled)
}
