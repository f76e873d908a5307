package administration

import (
	"context"
	"fmt"
	"time"

	"muster/server/instance"
	"muster/server/mapping"
	"muster/server/provisioning"
	"muster/server/scim/filter"
)

// User is a user account as administrators see it.
type User struct {
	ID          string                   `json:"id"`
	UserName    string                   `json:"userName"`
	DisplayName string                   `json:"displayName"`
	State       string                   `json:"state"`
	Source      string                   `json:"source"`
	Integration bool                     `json:"integration"`
	Role        string                   `json:"role"`
	Fields      map[mapping.Field]string `json:"fields"`
	ManagerID   string                   `json:"managerId,omitempty"`
	// ManagerName is the display name of the direct manager, when he or she
	// is there.
	ManagerName string   `json:"managerName,omitempty"`
	Groups      []string `json:"groups,omitempty"`
	// Objects are the names of the objects that the user is linked to, by
	// type: job-title.
	Objects  map[string]string `json:"objects,omitempty"`
	Version  int64             `json:"version"`
	Created  time.Time         `json:"created"`
	Modified time.Time         `json:"modified"`
}

func describeUser(u *provisioning.User) User {
	state := "active"
	if !u.Active {
		state = "suspended"
	}
	return User{
		ID: u.ID, UserName: u.UserName(), DisplayName: u.Display(), State: state,
		Source: string(u.Source), Integration: u.Integration,
		Role: string(u.Role), Fields: u.Fields, ManagerID: u.Manager.ID,
		ManagerName: u.Manager.DisplayName,
		Version:     u.Version, Created: u.Created, Modified: u.Modified,
	}
}

// NewUser describes an account that is made by hand.
type NewUser struct {
	UserName string `json:"userName"`
	// Fields are values by the name or title of a field.
	Fields      map[string]string `json:"fields,omitempty"`
	Integration bool              `json:"integration,omitempty"`
	// Role is user if empty.
	Role string `json:"role,omitempty"`
	// Uninvited keeps an invitation from being written to the outbox.
	Uninvited bool `json:"noInvitation,omitempty"`
}

// CreateUser makes an account by hand.
func (s *Service) CreateUser(ctx context.Context, sc provisioning.Scope, n NewUser) (User, error) {
	account := provisioning.Account{
		Fields: mapping.Fields{mapping.UserName: n.UserName}, Integration: n.Integration,
		Uninvited: n.Uninvited, Role: instance.PlainUser,
	}
	var err error
	if n.Role != "" {
		if account.Role, err = instance.ParseRole(n.Role); err != nil {
			return User{}, err
		}
	}
	for name, value := range n.Fields {
		f := Field(sc, name)
		if !known(sc, f) {
			return User{}, instance.Refuse("instance %s has no field %q; `muster-server field "+
				"list --instance %s` shows its custom fields", sc.Instance.Slug, name,
				sc.Instance.Slug)
		}
		account.Fields[f] = value
	}
	u, err := s.Users.AddUser(ctx, sc, account)
	if err != nil {
		return User{}, err
	}
	return describeUser(u), nil
}

func known(sc provisioning.Scope, f mapping.Field) bool {
	for _, t := range mapping.Standard() {
		if t.Field == f {
			return true
		}
	}
	return instance.HasField(sc.Instance.Fields, string(f))
}

// ListUsers returns the users that a SCIM filter chooses, integration users
// among them.
func (s *Service) ListUsers(
	ctx context.Context, sc provisioning.Scope, filterText string,
) ([]User, error) {
	q := provisioning.Query{Integration: true, Limit: perPage}
	var err error
	if q.Filter, err = s.filter(sc, filterText); err != nil {
		return nil, err
	}
	list := []User{}
	for {
		users, _, err := s.Users.Users(ctx, sc, q)
		if err != nil {
			return nil, err
		}
		for _, u := range users {
			list = append(list, describeUser(u))
		}
		if len(users) < perPage {
			return list, nil
		}
		q.Offset += perPage
	}
}

// ShowUser returns a user by name, with groups and objects.
func (s *Service) ShowUser(
	ctx context.Context, sc provisioning.Scope, userName string,
) (User, error) {
	u, err := s.Users.UserByName(ctx, sc, userName)
	if err != nil {
		return User{}, err
	}
	d := describeUser(u)
	for _, g := range u.Groups {
		d.Groups = append(d.Groups, g.Display)
	}
	d.Objects, err = s.Users.Links(ctx, u)
	return d, err
}

// SetRole gives a user a role. It reports whether that changed something.
func (s *Service) SetRole(
	ctx context.Context, sc provisioning.Scope, userName, role string,
) (User, bool, error) {
	r, err := instance.ParseRole(role)
	if err != nil {
		return User{}, false, err
	}
	u, err := s.Users.UserByName(ctx, sc, userName)
	if err != nil {
		return User{}, false, err
	}
	changed, err := s.Users.SetRole(ctx, sc, u, r)
	return describeUser(u), changed, err
}

// SetActive suspends or reactivates a user. It reports whether that changed
// something.
func (s *Service) SetActive(
	ctx context.Context, sc provisioning.Scope, userName string, active bool,
) (User, bool, error) {
	u, err := s.Users.UserByName(ctx, sc, userName)
	if err != nil {
		return User{}, false, err
	}
	u, changed, err := s.Users.SetActive(ctx, sc, u, active)
	if err != nil {
		return User{}, false, err
	}
	return describeUser(u), changed, nil
}

// DeleteUser deletes a user by name, and returns how the name is spelled.
func (s *Service) DeleteUser(
	ctx context.Context, sc provisioning.Scope, userName string,
) (string, error) {
	u, err := s.Users.UserByName(ctx, sc, userName)
	if err != nil {
		return "", err
	}
	if err := s.Users.DeleteUser(ctx, sc, u.ID, nil); err != nil {
		return "", fmt.Errorf("delete %s: %w", u.UserName(), err)
	}
	return u.UserName(), nil
}

// FieldUpdate is the custom action "update field" in texts; see
// [provisioning.FieldUpdate].
type FieldUpdate struct {
	Field  string `json:"field"`
	From   string `json:"from,omitempty"`
	Lower  bool   `json:"lower,omitempty"`
	Domain string `json:"domain,omitempty"`
	// Filter is a SCIM filter that chooses the users; all if empty.
	Filter string `json:"filter,omitempty"`
	// Apply does it; without it the action is foretold only.
	Apply bool `json:"apply,omitempty"`
}

// UpdateField runs or foretells the action, and returns what becomes of each
// user whose field changes, or cannot.
func (s *Service) UpdateField(
	ctx context.Context, sc provisioning.Scope, u FieldUpdate,
) ([]provisioning.FieldUpdateResult, error) {
	a := provisioning.FieldUpdate{Field: Field(sc, u.Field), Lower: u.Lower, Domain: u.Domain}
	if u.From != "" {
		a.From = Field(sc, u.From)
	}
	if a.From == "" && !a.Lower && a.Domain == "" {
		return nil, instance.Refuse("nothing would change: give a field to take the value from, " +
			"lower case or a domain")
	}
	var err error
	if a.Filter, err = s.filter(sc, u.Filter); err != nil {
		return nil, err
	}
	results := []provisioning.FieldUpdateResult{}
	err = s.Users.UpdateField(ctx, sc, a, u.Apply, func(r provisioning.FieldUpdateResult) error {
		results = append(results, r)
		return nil
	})
	return results, err
}

// Group is a group as administrators see it.
type Group struct {
	ID          string   `json:"id"`
	DisplayName string   `json:"displayName"`
	Source      string   `json:"source"`
	Version     int64    `json:"version"`
	Members     []Member `json:"members"`
}

// Member is a member of a group.
type Member struct {
	ID      string `json:"id"`
	Type    string `json:"type"`
	Name    string `json:"name"`
	Display string `json:"display"`
}

// describeGroups reads the members of groups.
func (s *Service) describeGroups(
	ctx context.Context, groups []*provisioning.Group,
) ([]Group, error) {
	list := make([]Group, len(groups))
	ids := make([]string, len(groups))
	at := make(map[string]int, len(groups))
	for i, g := range groups {
		list[i] = describeGroup(g)
		ids[i], at[g.ID] = g.ID, i
	}
	err := s.Users.Members(ctx, ids, func(groupID string, m provisioning.Member) error {
		g := &list[at[groupID]]
		g.Members = append(g.Members, Member{m.ID, m.Type, m.Name, m.Display})
		return nil
	})
	return list, err
}

// CreateGroup makes a group by hand, with members by their User Names.
func (s *Service) CreateGroup(
	ctx context.Context, sc provisioning.Scope, displayName string, members []string,
) (Group, error) {
	ids := make([]string, len(members))
	for i, name := range members {
		u, err := s.Users.UserByName(ctx, sc, name)
		if err != nil {
			return Group{}, err
		}
		ids[i] = u.ID
	}
	g, err := s.Users.AddGroup(ctx, sc, displayName, ids)
	if err != nil {
		return Group{}, err
	}
	described, err := s.describeGroups(ctx, []*provisioning.Group{g})
	if err != nil {
		return Group{}, err
	}
	return described[0], nil
}

// ListGroups returns all groups with their members.
func (s *Service) ListGroups(ctx context.Context, sc provisioning.Scope) ([]Group, error) {
	q := provisioning.Query{Limit: perPage}
	var groups []*provisioning.Group
	for {
		page, _, err := s.Users.Groups(ctx, sc, q)
		if err != nil {
			return nil, err
		}
		groups = append(groups, page...)
		if len(page) < perPage {
			return s.describeGroups(ctx, groups)
		}
		q.Offset += perPage
	}
}

// ShowGroup returns a group by its display name.
func (s *Service) ShowGroup(
	ctx context.Context, sc provisioning.Scope, displayName string,
) (Group, error) {
	byName, err := filter.Bind(s.Users.GroupType(),
		&filter.Comparison{Path: "displayName", Op: filter.EQ, Value: displayName}, nil)
	if err != nil {
		return Group{}, err
	}
	groups, _, err := s.Users.Groups(ctx, sc, provisioning.Query{Filter: byName, Limit: 1})
	if err != nil {
		return Group{}, err
	}
	if len(groups) == 0 {
		return Group{}, instance.Missing("instance %s has no group %q; `muster-server group list "+
			"--instance %s` shows all", sc.Instance.Slug, displayName, sc.Instance.Slug)
	}
	described, err := s.describeGroups(ctx, groups)
	if err != nil {
		return Group{}, err
	}
	return described[0], nil
}
