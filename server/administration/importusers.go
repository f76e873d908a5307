package administration

import (
	"bufio"
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"iter"

	"muster/server/instance"
	"muster/server/mapping"
	"muster/server/provisioning"
	"muster/server/scim"
	"muster/server/scim/schema"
	"muster/server/scim/tolerance"
)

// UserImport describes an import of users in bulk.
type UserImport struct {
	// Format is "jsonl", a SCIM user on each line, or "csv", whose first row
	// names fields of users by name or title.
	Format string
	// Provisioned says that an identity provider manages the users already.
	// If not, they are manual accounts, which one can pick up.
	Provisioned bool
	// Refused is called for each line that made no user, but for those who
	// are there already.
	Refused func(RefusedLine) error
	// Progress is called after each transaction.
	Progress func(Imported)
}

// Imported counts what an import did.
type Imported struct {
	Created int `json:"created"`
	// Existing are users who were there already; they stay as they are.
	Existing int `json:"existing"`
	Refused  int `json:"refused"`
	// Linked are users whose manager came after them.
	Linked int `json:"linked"`
}

// RefusedLine is a line that made no user.
type RefusedLine struct {
	Line     int    `json:"line"`
	UserName string `json:"userName,omitempty"`
	Reason   string `json:"reason"`
}

// maxLine is how long a line may be, in bytes.
const maxLine = 1 << 20

// batch is a part of the input.
type batch struct {
	newcomers []*provisioning.Newcomer
	lines     []int // of newcomers
}

// ImportUsers creates the users that r describes. Memory does not grow with
// their number: they are written by the hundred, each hundred in one
// transaction. An import that was cut off is completed by the next.
func (s *Service) ImportUsers(
	ctx context.Context, sc provisioning.Scope, r io.Reader, o UserImport,
) (Imported, error) {
	var done Imported
	rows, err := s.importRows(sc, r, o.Format)
	if err != nil {
		return done, err
	}
	source := provisioning.Manual
	if o.Provisioned {
		source = provisioning.Provisioned
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	batches, failed := make(chan batch, 1), make(chan error, 1)
	go func() {
		defer close(batches)
		failed <- s.readBatches(ctx, sc, source, rows, batches)
	}()
	for b := range batches {
		if err := s.Users.Import(ctx, sc, b.newcomers); err != nil {
			return done, err
		}
		if err := done.count(b, o.Refused); err != nil {
			return done, err
		}
		o.Progress(done)
	}
	if err := <-failed; err != nil {
		return done, err
	}
	if done.Linked, err = s.Users.LinkPending(ctx, sc); err != nil || done.Created == 0 {
		return done, err
	}
	return done, s.Users.Analyze(ctx)
}

func (d *Imported) count(b batch, refused func(RefusedLine) error) error {
	for i, n := range b.newcomers {
		switch {
		case n.Err == nil:
			d.Created++
		case errors.Is(n.Err, provisioning.ErrExists):
			d.Existing++
		default:
			d.Refused++
			if err := refused(RefusedLine{
				Line: b.lines[i], UserName: n.Name(), Reason: n.Reason(),
			}); err != nil {
				return err
			}
		}
	}
	return nil
}

// readBatches reads rows, and does with them what needs no database.
func (s *Service) readBatches(
	ctx context.Context, sc provisioning.Scope, source provisioning.Source,
	rows iter.Seq2[int, *provisioning.Newcomer], to chan<- batch,
) error {
	var b batch
	send := func() error {
		s.Users.Describe(sc, source, b.newcomers)
		select {
		case to <- b:
		case <-ctx.Done():
			return ctx.Err()
		}
		b = batch{}
		return nil
	}
	for line, n := range rows {
		var broken *brokenInputError
		if errors.As(n.Err, &broken) {
			return errors.Join(send(),
				fmt.Errorf("line %d: %w; the lines before it are imported", line, broken.err))
		}
		b.newcomers, b.lines = append(b.newcomers, n), append(b.lines, line)
		if len(b.newcomers) == s.Users.ImportSize() {
			if err := send(); err != nil {
				return err
			}
		}
	}
	return send()
}

// brokenInputError is an error after which nothing more can be read.
type brokenInputError struct{ err error }

func (e *brokenInputError) Error() string { return e.err.Error() }

func broken(err error) *provisioning.Newcomer {
	return &provisioning.Newcomer{Err: &brokenInputError{err}}
}

// importRows yields each user with the number of the line.
func (s *Service) importRows(
	sc provisioning.Scope, r io.Reader, format string,
) (iter.Seq2[int, *provisioning.Newcomer], error) {
	switch format {
	case "jsonl":
		return s.jsonRows(sc, r), nil
	case "csv":
		return s.csvRows(sc, r)
	}
	return nil, instance.Refuse("format %q: use jsonl or csv", format)
}

func (s *Service) jsonRows(
	sc provisioning.Scope, r io.Reader,
) iter.Seq2[int, *provisioning.Newcomer] {
	return func(yield func(int, *provisioning.Newcomer) bool) {
		lines := bufio.NewScanner(r)
		lines.Buffer(make([]byte, 64<<10), maxLine)
		n := 0
		for lines.Scan() {
			n++
			text := bytes.TrimSpace(bytes.TrimPrefix(lines.Bytes(), []byte("\ufeff")))
			if len(text) == 0 {
				continue
			}
			resource, err := s.decodeUser(sc, text)
			if !yield(n, &provisioning.Newcomer{Resource: resource, Err: err}) {
				return
			}
		}
		if err := lines.Err(); err != nil {
			if errors.Is(err, bufio.ErrTooLong) {
				err = fmt.Errorf("it is longer than %d bytes; one user stands on each line",
					maxLine)
			}
			yield(n+1, broken(err))
		}
	}
}

// decodeUser reads the SCIM form of a user, as tolerantly as the server does.
// With an error comes what is known of the name.
func (s *Service) decodeUser(sc provisioning.Scope, text []byte) (schema.Resource, error) {
	rt := s.Users.UserType(sc.Instance)
	raw, err := scim.DecodeObject(text)
	if err != nil {
		return nil, err
	}
	name := schema.Resource{"userName": raw["userName"]}
	if raw, err = tolerance.Resource(rt, raw, tolerance.New(false)); err != nil {
		return name, err
	}
	r, err := rt.Resource(raw)
	if err != nil {
		return name, err
	}
	return r, nil
}

func (s *Service) csvRows(
	sc provisioning.Scope, r io.Reader,
) (iter.Seq2[int, *provisioning.Newcomer], error) {
	in := csv.NewReader(bufio.NewReader(r))
	head, err := in.Read()
	if errors.Is(err, io.EOF) {
		return nil, instance.Refuse("the file is empty; its first line names the fields, such as " +
			"userName,firstName,lastName,email")
	}
	if err != nil {
		return nil, err
	}
	fields := make([]mapping.Field, len(head))
	for i, name := range head {
		if i == 0 {
			name = string(bytes.TrimPrefix([]byte(name), []byte("\ufeff")))
		}
		if fields[i] = Field(sc, name); !known(sc, fields[i]) {
			return nil, instance.Refuse("the column %q is no field of users; `muster-server "+
				"mapping list --instance %s` shows them", name, sc.Instance.Slug)
		}
	}
	return func(yield func(int, *provisioning.Newcomer) bool) {
		for {
			cells, err := in.Read()
			line, _ := in.FieldPos(0)
			var short *csv.ParseError
			switch {
			case errors.Is(err, io.EOF):
				return
			case errors.As(err, &short) && errors.Is(short.Err, csv.ErrFieldCount):
				err = instance.Refuse("it has %d cells, and the first line has %d", len(cells),
					len(head))
			case err != nil:
				yield(line, broken(err))
				return
			}
			n := &provisioning.Newcomer{Err: err}
			if err == nil {
				values := make(mapping.Fields, len(cells))
				for i, cell := range cells {
					if cell != "" {
						values[fields[i]] = cell
					}
				}
				n.Resource, n.Err = s.Users.FieldsResource(sc.Instance, values)
			}
			if !yield(line, n) {
				return
			}
		}
	}, nil
}
