package audit

import (
	"encoding/json"
	"time"

	"muster/server/history"
)

// The class Account Change of OCSF (schema.ocsf.io), and its activities.
const (
	schemaVersion = "1.3.0"
	categoryUID   = 3 // Identity & Access Management
	classUID      = 3001

	create, enable, disable, remove, other = 1, 2, 5, 6, 99
)

// line is an event of that class, with the fields that a row of the history fills.
type line struct {
	ActivityID   int    `json:"activity_id"`
	ActivityName string `json:"activity_name"`
	CategoryUID  int    `json:"category_uid"`
	CategoryName string `json:"category_name"`
	ClassUID     int    `json:"class_uid"`
	ClassName    string `json:"class_name"`
	TypeUID      int    `json:"type_uid"`
	// Time is in milliseconds since 1970.
	Time         int64       `json:"time"`
	SeverityID   int         `json:"severity_id"`
	Severity     string      `json:"severity"`
	StatusID     int         `json:"status_id"`
	Status       string      `json:"status"`
	StatusCode   int         `json:"status_code,omitempty"`
	StatusDetail string      `json:"status_detail,omitempty"`
	Message      string      `json:"message"`
	Metadata     metadata    `json:"metadata"`
	Actor        actor       `json:"actor"`
	User         account     `json:"user"`
	Source       *endpoint   `json:"src_endpoint,omitempty"`
	Request      *request    `json:"http_request,omitempty"`
	Unmapped     particulars `json:"unmapped"`
}

type metadata struct {
	Version string  `json:"version"`
	UID     string  `json:"uid"`
	Product product `json:"product"`
	LogName string  `json:"log_name"`
	// Sequence is the row's place in the chain of its instance: one that is missing
	// was lost, one that comes twice is the same.
	Sequence int64 `json:"sequence"`
	// TenantUID is the name of the instance.
	TenantUID string `json:"tenant_uid"`
}

type product struct {
	Name    string `json:"name"`
	Vendor  string `json:"vendor_name"`
	Version string `json:"version"`
}

type account struct {
	Name string `json:"name,omitempty"`
	UID  string `json:"uid,omitempty"`
	Type string `json:"type,omitempty"`
}

type actor struct {
	User account `json:"user"`
	// Application is the User-Agent of the identity provider.
	Application string `json:"app_name,omitempty"`
}

type endpoint struct {
	IP string `json:"ip"`
}

type request struct {
	UID       string `json:"uid"`
	UserAgent string `json:"user_agent,omitempty"`
}

// particulars are what OCSF has no field for.
type particulars struct {
	Action   history.Action   `json:"action"`
	Target   string           `json:"target_type"`
	KeyID    string           `json:"key_uid,omitempty"`
	ScimType string           `json:"scim_type,omitempty"`
	Changes  []history.Change `json:"changes,omitempty"`
	Link     string           `json:"link"`
}

// Line returns a row of the history of an instance as an event of OCSF's class
// Account Change, as JSON on one line.
func Line(row history.Sealed, instance, version string) ([]byte, error) {
	id, name := activity(row.Action)
	l := line{
		ActivityID: id, ActivityName: name,
		CategoryUID: categoryUID, CategoryName: "Identity & Access Management",
		ClassUID: classUID, ClassName: "Account Change", TypeUID: classUID*100 + id,
		Time: row.Time.UnixMilli(), SeverityID: 1, Severity: "Informational",
		StatusID: 1, Status: "Success", StatusCode: row.Status, StatusDetail: row.Detail,
		Message: string(row.Action) + " " + row.Target.Name + ": " + string(row.Outcome),
		Metadata: metadata{
			Version: schemaVersion, UID: row.ID, LogName: "change history",
			Product:  product{Name: "muster-server", Vendor: "Muster", Version: version},
			Sequence: row.Seq, TenantUID: instance,
		},
		Actor: actor{
			User:        account{Name: row.Actor.Name, Type: string(row.Actor.Kind)},
			Application: row.Actor.Client,
		},
		User: account{Name: row.Target.Name, UID: row.Target.ID, Type: row.Target.Type},
		Unmapped: particulars{
			Action: row.Action, Target: row.Target.Type, KeyID: row.Actor.KeyID,
			ScimType: row.ScimType, Changes: row.Changes, Link: row.Link,
		},
	}
	if row.Outcome != history.Done {
		l.StatusID, l.Status, l.SeverityID, l.Severity = 2, "Failure", 2, "Low"
	}
	if row.Outcome == history.Failed {
		l.SeverityID, l.Severity = 3, "Medium"
	}
	if row.Actor.Address != "" {
		l.Source = &endpoint{row.Actor.Address}
	}
	if row.Actor.RequestID != "" {
		l.Request = &request{row.Actor.RequestID, row.Actor.Client}
	}
	return json.Marshal(l)
}

// activity returns what OCSF calls an action.
func activity(a history.Action) (id int, name string) {
	switch a {
	case history.UserCreate:
		return create, "Create"
	case history.UserReactivate:
		return enable, "Enable"
	case history.UserSuspend:
		return disable, "Disable"
	case history.UserDelete:
		return remove, "Delete"
	}
	return other, string(a)
}

// stamp writes a time as RFC 5424 has it.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }
