package administration

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"time"

	"muster/server/history"
	"muster/server/instance"
	"muster/server/provisioning"
)

// HistoryQuery chooses rows of the change history, in texts. Empty ones
// choose all.
type HistoryQuery struct {
	User, Group, Key, Request, Outcome, Action, Text string
	// ID is that of one row, and Target that of what it is about.
	ID, Target string
	// From and To are a date or a time of RFC 3339; From is in it, To is not.
	From, To string
	// Window is among how many of the newest rows a page of [Service.HistoryPage] looks, so
	// that none takes long; 0 is no limit. since is where that begins.
	Window int
	since  string
	// Limit is how many of the newest rows are chosen; 0 means all. Before is
	// the id of the row before which they are.
	Limit  int
	Before string
}

// query reads the texts.
func (h HistoryQuery) query(instanceID string) (q history.Query, err error) {
	q = history.Query{
		InstanceID: instanceID, User: h.User, Group: h.Group, KeyID: h.Key, RequestID: h.Request,
		Action: history.Action(h.Action), ID: h.ID, TargetID: h.Target,
		Text: h.Text, Limit: h.Limit, Before: h.Before, Since: h.since,
	}
	if q.Outcome, err = history.ParseOutcome(h.Outcome); err != nil {
		return q, instance.Refuse("%v", err)
	}
	if q.From, err = moment("from", h.From); err != nil {
		return q, err
	}
	q.To, err = moment("to", h.To)
	return q, err
}

// moment reads a date or a time; zero for an empty text.
func moment(name, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, nil
	}
	t, err := time.ParseInLocation(time.DateOnly, text, time.Local)
	if err != nil {
		return t, instance.Refuse("%s %q: give a date such as 2026-01-31, or a time such as "+
			"2026-01-31T09:00:00Z", name, text)
	}
	return t, nil
}

// History calls yield with the rows that are chosen, the oldest first.
func (s *Service) History(
	ctx context.Context, sc provisioning.Scope, h HistoryQuery, yield func(*history.Entry) error,
) error {
	q, err := h.query(sc.Instance.ID)
	if err != nil {
		return err
	}
	return s.Users.History(ctx, q, yield)
}

// FollowHistory is like [Service.History], and goes on with the rows that are
// written from then on, until ctx ends.
func (s *Service) FollowHistory(
	ctx context.Context, sc provisioning.Scope, h HistoryQuery, yield func(*history.Entry) error,
) error {
	q, err := h.query(sc.Instance.ID)
	if err != nil {
		return err
	}
	return s.Users.FollowHistory(ctx, q, yield)
}

// StreamHistory gives the rows behind a place of the chain that are chosen, and those
// that are written from then on, to a stream, until ctx ends.
func (s *Service) StreamHistory(
	ctx context.Context, sc provisioning.Scope, h HistoryQuery, after int64,
	to provisioning.Stream,
) error {
	q, err := h.query(sc.Instance.ID)
	if err != nil {
		return err
	}
	return s.Users.StreamHistory(ctx, q, after, to)
}

// Export writes the rows that are chosen as a stream: as "jsonl", or as "csv",
// in which each changed field is a line of its own. begin is called before
// the first byte, once it is clear that there will be an answer.
func (s *Service) Export(
	ctx context.Context, sc provisioning.Scope, h HistoryQuery, format string, w io.Writer,
	begin func(),
) error {
	if format != "csv" && format != "jsonl" {
		return instance.Refuse("format %q: use csv or jsonl", format)
	}
	if _, err := h.query(sc.Instance.ID); err != nil {
		return err
	}
	begin()
	if format == "csv" {
		return s.exportCSV(ctx, sc, h, w)
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return s.History(ctx, sc, h, func(row *history.Entry) error { return e.Encode(row) })
}

func (s *Service) exportCSV(
	ctx context.Context, sc provisioning.Scope, h HistoryQuery, to io.Writer,
) error {
	w := csv.NewWriter(to)
	if err := w.Write([]string{
		"time", "outcome", "action", "target", "name", "field", "old", "new", "actor", "key",
		"request", "client", "address", "detail", "id",
	}); err != nil {
		return err
	}
	err := s.History(ctx, sc, h, func(e *history.Entry) error {
		changes := e.Changes
		if len(changes) == 0 {
			changes = []history.Change{{}}
		}
		for _, change := range changes {
			row := []string{
				e.Time.Format(time.RFC3339Nano), string(e.Outcome), string(e.Action), e.Target.Type,
				e.Target.Name, change.Label(), change.Old, change.New,
				e.Actor.Name, e.Actor.KeyID, e.Actor.RequestID, e.Actor.Client, e.Actor.Address,
				e.Detail, e.ID,
			}
			for i, cell := range row {
				row[i] = harmless(cell)
			}
			if err := w.Write(row); err != nil {
				return err
			}
		}
		return nil
	})
	w.Flush()
	return errors.Join(err, w.Error())
}

// harmless keeps a spreadsheet from taking a cell for a formula: what a
// provider sends may begin like one.
func harmless(cell string) string {
	if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
		return "'" + cell
	}
	return cell
}

// HistoryPage returns a page of rows, the newest first, and the id before which the
// next page is; empty if there is none. With a window a page may be empty, and still have
// a next one.
func (s *Service) HistoryPage(
	ctx context.Context, sc provisioning.Scope, h HistoryQuery,
) (rows []*history.Entry, before string, err error) {
	limit := h.Limit
	if h.Window > 0 {
		if h.since, err = s.Users.HistoryWindow(ctx, sc, h.Before, h.Window); err != nil {
			return nil, "", err
		}
	}
	h.Limit++ // one more tells whether there is a page before
	err = s.History(ctx, sc, h, func(e *history.Entry) error {
		rows = append(rows, e)
		return nil
	})
	if len(rows) > limit {
		rows = rows[1:]
		before = rows[0].ID
	} else if err == nil {
		before = h.since
	}
	slices.Reverse(rows)
	return rows, before, err
}

// Verification is what came of checking the hash chain of a history.
type Verification struct {
	Instance string `json:"instance"`
	Rows     int    `json:"rows"`
	// Unsealed rows are not in the chain yet.
	Unsealed int      `json:"unsealed"`
	Problems []string `json:"problems"`
}

// Verify checks that no row of the history was altered, removed or reordered.
func (s *Service) Verify(ctx context.Context, sc provisioning.Scope) (Verification, error) {
	v, err := s.Users.VerifyHistory(ctx, sc, nil)
	if err != nil {
		return Verification{}, err
	}
	return describeVerification(sc, v), nil
}

func describeVerification(sc provisioning.Scope, v *history.Verifier) Verification {
	return Verification{
		sc.Instance.Slug, v.Rows, v.Unsealed, append([]string{}, v.Problems...),
	}
}
