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
	waits    bool
}

// renames finds the order in which accounts can get other user names: one whose
// new name another gives up comes after that one. A ring of them begins with a
// detour: one gets a name of its own for a while.
type renames struct {
	byOld map[string]*renaming
	// freed are the names that somebody gives up in this cycle.
	freed map[string]bool
}

// note keeps what an action does to the name of an account.
func (n *renames) note(e entry, a *Action) {
	if a.record.RemoteID == "" {
		return
	}
	from := username.Key(called(a.record))
	switch to := username.Key(a.UserName); {
	case a.Kind == Delete:
		n.freed[from] = true
	case a.Body != nil && from != to:
		n.freed[from] = true
		n.byOld[from] = &renaming{e, from, to, a.Waits || a.Earlier != ""}
	}
}

// order puts the renamings into the buckets of a plan.
func (n *renames) order(p *plan) {
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

// takes gives an account a name for a while, instead of what the action is.
func (a *Action) takes(detour string) (err error) {
	a.Kind, a.detour, a.source = Update, detour, ""
	a.Body = maps.Clone(a.Body)
	a.Body["userName"] = detour
	a.body, err = json.Marshal(a.Body)
	return err
}

// taken returns the name of the account that has the name that an action wants,
// though nobody gives it up; empty if it is free.
func (r *run) taken(ctx context.Context, a *Action) (string, error) {
	want := username.Key(a.UserName)
	if want == username.Key(called(a.record)) || r.freed[want] {
		return "", nil
	}
	found, err := r.Client.FindUser(ctx, a.UserName)
	if err != nil || found == nil || found.ID() == a.record.RemoteID {
		return "", err
	}
	return found.UserName(), nil
}
