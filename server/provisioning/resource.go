package provisioning

import (
	"time"

	"muster/server/instance"
	"muster/server/invitation"
	"muster/server/mapping"
	"muster/server/workflow"
)

// Source says how an account or a group came to be managed.
type Source string

// The sources.
const (
	// Manual: made in the application, by hand.
	Manual Source = "manual"
	// Provisioned: made or picked up by an identity provider.
	Provisioned Source = "provisioned"
)

// User is a user account of one instance.
type User struct {
	ID         string
	InstanceID string
	// Text is the SCIM resource in canonical form, as JSON, without what is
	// computed: id, meta, groups.
	Text []byte
	// Fields are the fields of the application's User entity.
	Fields mapping.Fields
	Source Source
	Active bool
	// Integration users hold API keys; they are not visible over SCIM.
	Integration bool
	Role        instance.Role
	Manager     Manager
	Version     int64
	Created     time.Time
	Modified    time.Time
	// Keys are the values by which the user is found.
	Keys Keys
	// Groups are those that the user is in, by name. They are read, never
	// written with the user.
	Groups []Membership
	// Effects are what workflow rules do with the next write, and Failures
	// what they could not do. They are not stored.
	Effects  []workflow.Effect
	Failures []string
	// Invitation is written to the outbox with the account; nil for none.
	Invitation *invitation.Message
}

// Keys are attributes of a user in the form in which they are compared.
type Keys struct {
	UserName   string // unique in the deployment
	ExternalID string // as it was sent
	Email      string // the work address
	Search     []byte // all attributes, as schema.AppendSearchable gives them
}

// Manager is the link to a user's direct manager. It is pending while there
// is a Ref and no ID.
type Manager struct {
	// Ref is what the provider sent: an id, a user name or an external id.
	Ref string
	// ID is the manager's, when he or she is in the instance.
	ID string
	// DisplayName is how the manager is shown; see User.Display. It is read,
	// never written.
	DisplayName string
}

// UserName returns the user name as it was given.
func (u *User) UserName() string { return u.Fields[mapping.UserName] }

// Display returns the name by which people know the user: the display name, or
// the user name if there is none.
func (u *User) Display() string {
	if name := u.Fields[mapping.DisplayName]; name != "" {
		return name
	}
	return u.UserName()
}

// Membership is a group that a user belongs to.
type Membership struct {
	GroupID string
	Display string
	// Direct is false for a group that the user is in by another group.
	Direct bool
}

// Group is a group of one instance, without its members.
type Group struct {
	ID          string
	InstanceID  string
	DisplayName string
	// DisplayNameKey is the name as it is compared; unique in the instance.
	DisplayNameKey string
	ExternalID     string
	// Text and Search are for groups what they are for users; members are in
	// neither.
	Text     []byte
	Search   []byte
	Source   Source
	Version  int64
	Created  time.Time
	Modified time.Time
}

// Member is a user or a group in a group.
type Member struct {
	ID      string
	Type    string // "User" or "Group"
	Name    string // the user name, or the group's display name
	Display string
}
