package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"

	"muster/server/history"
	"muster/server/instance"
	"muster/server/mapping"
)

type instanceRow struct {
	ID          string `db:"id"`
	Slug        string `db:"slug"`
	Name        string `db:"name"`
	Edition     string `db:"edition"`
	Environment string `db:"environment"`
	Fields      []byte `db:"fields"`
	Mapping     []byte `db:"mapping"`
	Workflow    []byte `db:"workflow"`
	Publishing  []byte `db:"publishing"`
	Created     int64  `db:"created"`
	Revision    int64  `db:"revision"`
}

// These name their columns: a later version may add some while this one runs.
const (
	selectInstance = `SELECT
		id, slug, name, edition, environment, fields, mapping, workflow, created,
	revision, publishing FROM instances WHERE id = ?`

	selectInstanceLocked = `SELECT
		id, slug, name, edition, environment, fields, mapping, workflow, created,
	revision, publishing FROM instances WHERE id = ? FOR UPDATE`

	selectInstanceBySlug = `SELECT
		id, slug, name, edition, environment, fields, mapping, workflow, created,
	revision, publishing FROM instances WHERE slug = ?`

	selectInstances = `SELECT
		id, slug, name, edition, environment, fields, mapping, workflow, created,
	revision, publishing FROM instances ORDER BY slug`
)

func (r *instanceRow) instance() (*instance.Instance, error) {
	i := &instance.Instance{
		ID: r.ID, Slug: r.Slug, Name: r.Name, Edition: instance.Edition(r.Edition),
		Environment: instance.Environment(r.Environment), Created: fromMillis(r.Created),
		Revision: r.Revision,
	}
	if err := json.Unmarshal(r.Fields, &i.Fields); err != nil {
		return nil, fmt.Errorf("instance %s: fields: %w", r.Slug, err)
	}
	if err := json.Unmarshal(r.Mapping, &i.Mapping); err != nil {
		return nil, fmt.Errorf("instance %s: mapping: %w", r.Slug, err)
	}
	if err := json.Unmarshal(r.Workflow, &i.Workflow); err != nil {
		return nil, fmt.Errorf("instance %s: workflow: %w", r.Slug, err)
	}
	if err := json.Unmarshal(r.Publishing, &i.Publishing); err != nil {
		return nil, fmt.Errorf("instance %s: publishing: %w", r.Slug, err)
	}
	return i, nil
}

// missing makes instance.ErrNotFound of an empty answer.
func missing(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return instance.ErrNotFound
	}
	return err
}

// CreateInstance writes a new instance.
func (s *Store) CreateInstance(ctx context.Context, i *instance.Instance, e *history.Entry) error {
	err := s.change(ctx, i.ID, func(t *tx) error {
		_, err := t.Exec(ctx,
			`INSERT INTO instances (id, slug, name, edition, environment, created)
				VALUES (?, ?, ?, ?, ?, ?)`,
			i.ID, i.Slug, i.Name, string(i.Edition), string(i.Environment), millis(i.Created))
		if err != nil {
			return err
		}
		return t.append(e)
	})
	if err != nil && s.taken(err) == "instances_slug" {
		return instance.ErrExists
	}
	return err
}

// Instances returns all instances in the order of their slugs.
func (s *Store) Instances(ctx context.Context) ([]*instance.Instance, error) {
	var rows []instanceRow
	if err := s.db.List(ctx, &rows, selectInstances); err != nil {
		return nil, err
	}
	list := make([]*instance.Instance, len(rows))
	for i := range rows {
		var err error
		if list[i], err = rows[i].instance(); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// Instance returns the instance with an id.
func (s *Store) Instance(ctx context.Context, id string) (*instance.Instance, error) {
	var r instanceRow
	if err := s.db.Get(ctx, &r, selectInstance, id); err != nil {
		return nil, missing(err)
	}
	return r.instance()
}

// InstanceBySlug returns the instance of that name.
func (s *Store) InstanceBySlug(ctx context.Context, slug string) (*instance.Instance, error) {
	var r instanceRow
	if err := s.db.Get(ctx, &r, selectInstanceBySlug, slug); err != nil {
		return nil, missing(err)
	}
	return r.instance()
}

// AddField adds a custom field to an instance.
func (s *Store) AddField(
	ctx context.Context, was *instance.Instance, exact bool, f instance.Field, e *history.Entry,
) error {
	return s.change(ctx, was.ID, func(t *tx) error {
		now, err := t.setupNow(ctx, was.ID)
		if err != nil {
			return err
		}
		if exact && !reflect.DeepEqual(now.Fields, was.Fields) {
			return instance.ErrStale
		}
		if instance.HasField(now.Fields, f.Name) {
			return instance.ErrExists
		}
		text, err := json.Marshal(append(now.Fields, f))
		if err != nil {
			return err
		}
		if _, err := t.Exec(ctx,
			"UPDATE instances SET fields = ?, revision = revision + 1 WHERE id = ?", string(text),
			was.ID); err != nil {
			return err
		}
		return t.append(e)
	})
}

// setupNow returns an instance as it is set up now, and keeps others from changing
// that until the transaction ends.
func (t *tx) setupNow(ctx context.Context, instanceID string) (*instance.Instance, error) {
	var r instanceRow
	if err := t.Get(ctx, &r, selectInstanceLocked, instanceID); err != nil {
		return nil, missing(err)
	}
	return r.instance()
}

// SaveMapping replaces the rows of an instance's mapping.
func (s *Store) SaveMapping(
	ctx context.Context, was *instance.Instance, rows []mapping.Row, e *history.Entry,
) error {
	if rows == nil {
		rows = []mapping.Row{}
	}
	text, err := json.Marshal(rows)
	if err != nil {
		return err
	}
	return s.change(ctx, was.ID, func(t *tx) error {
		now, err := t.setupNow(ctx, was.ID)
		if err != nil {
			return err
		}
		if !slices.Equal(now.Mapping, was.Mapping) {
			return instance.ErrStale
		}
		if _, err := t.Exec(ctx,
			"UPDATE instances SET mapping = ?, revision = revision + 1 WHERE id = ?", string(text),
			was.ID); err != nil {
			return err
		}
		return t.append(e)
	})
}
