package cycle

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"

	"muster/simulator/username"
)

// renaming is somebody whose account gets another user name.
type renaming struct {
	entry
	from, to string // as the application compares them
	name     string // as it is wanted
	// waits says that it is not done in this cycle; blocked that it cannot be.
	waits, blocked bool
}

// renames finds the order in which accounts can get other user names: one whose
// new name another gives up comes after that one. A ring of them begins with a
// detour: one gets a name of its own for a while.
type renames struct {
	byOld map[string]*renaming
	// freed are the names that somebody gives up in this cycle; gone are those
	// of accounts that are deleted, unless there are too many of them.
	freed, gone map[string]bool
}

// note keeps what an action does to the name of an account.
func (n *renames) note(e entry, a *Action) {
	if a.record.RemoteID == "" {
		return
	}
	from := username.Key(called(a.record))
	switch to := username.Key(a.wants()); {
	case a.Kind == Delete && !a.Waits && a.Earlier == "":
		n.gone[from] = true
	case a.Body != nil && from != to:
		if !a.Waits && a.Earlier == "" {
			n.freed[from] = true
		}
		n.byOld[from] = &renaming{entry: e, from: from, to: to, name: a.wants(), waits: a.Waits ||
			a.Earlier != ""}
	}
}

// wants returns the user name that an action gives to the account.
func (a *Action) wants() string {
	if name, ok := a.Body["userName"].(string); ok {
		return name
	}
	return a.UserName
}

// order puts the renamings into the buckets of a plan.
func (n *renames) order(p *plan) {
	if !p.holds() {
		maps.Copy(p.freed, n.gone)
	}
	depths := make(map[*renaming]int, len(n.byOld))
	for _, r := range n.byOld {
		n.depth(r, depths, p)
	}
	moved := make(map[string]int, len(depths))
	for r, d := range depths {
		if d > 0 {
			moved[r.key] = d
		}
	}
	if len(moved) == 0 {
		return
	}
	first := bucket{1, 0}
	var stay []entry
	for _, e := range p.buckets[first] {
		if d := moved[e.key]; d > 0 {
			b := bucket{1, d}
			p.buckets[b] = append(p.buckets[b], e)
		} else {
			stay = append(stay, e)
		}
	}
	p.buckets[first] = stay
}

// depth returns after how many others a renaming comes.
func (n *renames) depth(r *renaming, depths map[*renaming]int, p *plan) int {
	var chain []*renaming
	seen := make(map[*renaming]bool)
	next := r
	for next != nil && !seen[next] {
		if _, known := depths[next]; known {
			break
		}
		seen[next] = true
		chain = append(chain, next)
		next = n.byOld[next.to]
	}
	d := 0
	switch {
	case next == nil:
	case seen[next]: // a ring, from next on
		n.detour(next, chain, p)
	default:
		d = depths[next] + 1
	}
	for i := len(chain) - 1; i >= 0; i-- {
		depths[chain[i]] = d
		d++
	}
	return depths[r]
}

// detour has the last of a ring get a name of its own first, unless somebody of
// the ring waits for approval: then nobody can have his or her new name.
func (n *renames) detour(begin *renaming, chain []*renaming, p *plan) {
	ring := chain
	for len(ring) > 0 && ring[0] != begin {
		ring = ring[1:]
	}
	for _, r := range ring {
		if r.waits {
			return
		}
	}
	e := begin.entry
	e.detour = detourOf(begin.key, begin.from)
	b := bucket{1, -1}
	p.buckets[b] = append(p.buckets[b], e)
	p.total++
}

// detourOf returns the name that somebody gets for a while: always the same, so
// that it is known again after a cycle that was cut off.
func detourOf(key, from string) string {
	sum := sha256.Sum256([]byte(key))
	return "moving-" + hex.EncodeToString(sum[:4]) + "-" + username.Key(from)
}

// takes gives an account a name for a while, instead of what the action is:
// nothing else of it changes.
func (a *Action) takes(detour string) (err error) {
	if a.Body, err = sentBody(a.record); err != nil {
		return err
	}
	a.Body["userName"] = detour
	a.Kind, a.detour, a.source, a.Active, a.Groups = Update, detour, "", a.record.Active,
		a.record.Groups
	a.body, err = json.Marshal(a.Body)
	return err
}

// foresee finds who cannot be renamed, because the name is that of an account
// which does not give it up: then the own name is not free for others either.
func (n *renames) foresee(
	ctx context.Context, p *plan, lookup func(context.Context, string) (bool, error),
) error {
	known := make(map[*renaming]bool)
	for _, r := range n.byOld {
		if _, err := n.isBlocked(ctx, r, known, make(map[*renaming]bool), lookup); err != nil {
			return err
		}
	}
	for r, blocked := range known {
		if r.blocked = blocked; blocked {
			delete(p.freed, r.from)
		}
	}
	return nil
}

func (n *renames) isBlocked(
	ctx context.Context, r *renaming, known, open map[*renaming]bool,
	lookup func(context.Context, string) (bool, error),
) (bool, error) {
	if blocked, ok := known[r]; ok {
		return blocked, nil
	}
	if open[r] {
		return false, nil // a ring, which a detour opens unless somebody of it waits
	}
	open[r] = true
	var blocked bool
	var err error
	switch next := n.byOld[r.to]; {
	case next != nil && next.waits:
		blocked = true
	case next != nil:
		blocked, err = n.isBlocked(ctx, next, known, open, lookup)
	case !n.gone[r.to]:
		blocked, err = lookup(ctx, r.name)
	}
	known[r] = blocked
	return blocked, err
}

// cannot reports whether the name that an action wants cannot be had.
func (r *run) cannot(a *Action) bool {
	x := r.names.byOld[username.Key(called(a.record))]
	return x != nil && x.key == a.Key && x.blocked
}
