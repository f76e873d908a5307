package cycle

import (
	"slices"
	"strings"
	"time"

	"muster/simulator/client"
)

// Outcome is what came of an action.
type Outcome string

// The outcomes.
const (
	Created     Outcome = "created"
	PickedUp    Outcome = "picked up"
	Updated     Outcome = "updated"
	Suspended   Outcome = "suspended"
	Reactivated Outcome = "reactivated"
	Deleted     Outcome = "deleted"
	Released    Outcome = "released"
	// Waiting: the action waits for approval.
	Waiting Outcome = "waiting for approval"
	// Conflict: the user name is taken, and not by an account that the
	// lookup finds.
	Conflict Outcome = "conflict"
	Failed   Outcome = "failed"
	// Drifted: the account is called otherwise than when it was written last,
	// and was left as it is.
	Drifted Outcome = "drifted"
	// Corrected: the account had been changed at the application.
	Corrected Outcome = "corrected"
	// Unchanged: a re-apply found the account as it should be.
	Unchanged Outcome = "unchanged"
)

// Wrong reports whether the outcome is one that somebody has to look at.
func (o Outcome) Wrong() bool { return o == Conflict || o == Failed || o == Drifted }

// Outcomes returns all outcomes that items have, in the order of reports.
func Outcomes() []Outcome {
	return []Outcome{
		PickedUp, Created, Updated, Corrected, Suspended, Reactivated, Deleted, Released, Waiting,
		Drifted, Conflict, Failed,
	}
}

// outcomes are those of actions that succeed. Provision can end as PickedUp
// too.
var outcomes = map[Kind]Outcome{
	Provision: Created, Update: Updated, Suspend: Suspended, Reactivate: Reactivated,
	Delete: Deleted, Release: Released, Reapply: Unchanged,
}

// Item is what a cycle did for one user, or would do.
type Item struct {
	Key     string  `json:"key"`
	User    string  `json:"user"`
	Action  Kind    `json:"action"`
	Outcome Outcome `json:"outcome"`
	// Detail is the reason of the action, or what went wrong.
	Detail string `json:"detail,omitempty"`
	// Earlier says that it went wrong in an earlier cycle, and was not tried
	// again in this one.
	Earlier bool `json:"earlier,omitempty"`
	// Changes are the attributes that change, in a dry run and in a re-apply.
	Changes []client.Difference `json:"changes,omitempty"`
	// Joined and Left are the groups that the user was put into and taken
	// out of.
	Joined []string `json:"joined,omitempty"`
	Left   []string `json:"left,omitempty"`
	// Exchanges are the requests that were sent for the user, if they were
	// traced.
	Exchanges []client.Exchange `json:"exchanges,omitempty"`
}

func (a *Action) item(o Outcome, detail string) Item {
	return Item{Key: a.Key, User: a.UserName, Action: a.Kind, Outcome: o, Detail: detail}
}

// Report tells of one cycle.
type Report struct {
	App string `json:"app"`
	// Profile is the provider whose requests were sent.
	Profile string `json:"profile"`
	// Instance is the instance that the server said the token is for.
	Instance string    `json:"instance,omitempty"`
	DryRun   bool      `json:"dryRun,omitempty"`
	Began    time.Time `json:"began"`
	// Seconds is how long the cycle took.
	Seconds  float64 `json:"seconds"`
	Requests int64   `json:"requests"`
	// Items are sorted by user name.
	Items []Item `json:"items"`
	// Unchanged is how many accounts a re-apply found as they should be.
	Unchanged int `json:"unchanged,omitempty"`
	// Unsupported is what the server does not support, in words.
	Unsupported []string `json:"unsupported,omitempty"`
	// CircuitOpened is how often the server was left alone for a while,
	// because it was down.
	CircuitOpened int64 `json:"circuitOpened,omitempty"`
	// Held is how many deletions wait for approval because there are too many,
	// and Limit how many a cycle may have.
	Held  int `json:"held,omitempty"`
	Limit int `json:"limit,omitempty"`
	// Stopped says what ended the cycle before it was complete.
	Stopped string `json:"stopped,omitempty"`
	// Reason is why everybody failed, if nobody got through; nil otherwise.
	Reason *Reason `json:"reason,omitempty"`
	// Quarantine says why the app went into quarantine, if it did.
	Quarantine string `json:"quarantine,omitempty"`
	// GroupsCreated were missing at the application, GroupsMatched were there.
	GroupsCreated []string `json:"groupsCreated"`
	GroupsMatched []string `json:"groupsMatched"`
}

// Count returns how many users have an outcome.
func (r *Report) Count(o Outcome) int {
	n := 0
	for _, item := range r.Items {
		if item.Outcome == o {
			n++
		}
	}
	return n
}

// Wrong returns how many users have an outcome that somebody has to look at.
func (r *Report) Wrong() int {
	n := 0
	for _, item := range r.Items {
		if item.Outcome.Wrong() {
			n++
		}
	}
	return n
}

// With returns the items that have an outcome.
func (r *Report) With(o Outcome) []Item {
	var list []Item
	for _, item := range r.Items {
		if item.Outcome == o {
			list = append(list, item)
		}
	}
	return list
}

// Memberships returns how many users joined and left groups.
func (r *Report) Memberships() (joined, left int) {
	for _, item := range r.Items {
		joined += len(item.Joined)
		left += len(item.Left)
	}
	return joined, left
}

func (r *Report) finish(took time.Duration, requests int64, instance string) {
	r.Seconds, r.Requests, r.Instance = took.Round(time.Millisecond).Seconds(), requests, instance
	if r.Items == nil {
		r.Items = []Item{}
	}
	slices.SortFunc(r.Items, func(a, b Item) int { return strings.Compare(a.User, b.User) })
	slices.Sort(r.GroupsCreated)
	slices.Sort(r.GroupsMatched)
}
