// Package tolerance is the one place that knows how identity providers
// deviate from RFC 7643 and RFC 7644. By default the server takes what it
// can understand, because a refused off-boarding is a security problem; each
// deviation that it takes has a name here. In strict mode it refuses them
// all, so that the author of a client can find them.
//
// The body of a request is brought into the standard's shape before anything
// else looks at it. What is behind that is strict.
package tolerance

import (
	"fmt"
	"slices"
	"strings"

	"muster/server/scim"
)

// Deviation is the name of something that clients send and the standard
// does not allow.
type Deviation string

// The deviations. [Describe] says what each is, and who sends it.
const (
	BooleanString        Deviation = "boolean-string"
	StatusForActive      Deviation = "status-for-active"
	SingleForMany        Deviation = "single-for-many"
	OldSchemaURN         Deviation = "old-schema-urn"
	MissingSchemas       Deviation = "missing-schemas"
	ForeignSchemaURN     Deviation = "foreign-schema-urn"
	UnlistedExtension    Deviation = "unlisted-extension"
	ManagerShape         Deviation = "manager-shape"
	BareValue            Deviation = "bare-value"
	SeveralPrimaries     Deviation = "several-primaries"
	Password             Deviation = "password"
	OpLetterCase         Deviation = "op-letter-case"
	PathAsKey            Deviation = "path-as-key"
	IDInValue            Deviation = "id-in-value"
	RemoveWithValue      Deviation = "remove-with-value"
	WrappedValue         Deviation = "wrapped-value"
	GroupPatch11         Deviation = "group-patch-1.1"
	ReplaceMissing       Deviation = "replace-missing"
	RemoveAbsent         Deviation = "remove-absent"
	FilterBehindBrackets Deviation = "filter-behind-brackets"
	FilterBooleanString  Deviation = "filter-boolean-string"
	FilterOnSingle       Deviation = "filter-on-single"
	BlankValue           Deviation = "blank-value"
	DotBehindURN         Deviation = "dot-behind-urn"
	OperationName        Deviation = "operation-name"
	EnvelopeMember       Deviation = "envelope-member"
	SchemasInExtension   Deviation = "schemas-in-extension"
	DisplayNameInValue   Deviation = "display-name-in-value"
	UnknownSubAttribute  Deviation = "unknown-sub-attribute"
	FailOnNoErrors       Deviation = "fail-on-no-errors"
	ParameterLetterCase  Deviation = "parameter-letter-case"
	UnknownParameter     Deviation = "unknown-parameter"
)

// Description is what the documentation says of a deviation.
type Description struct {
	Name Deviation `json:"name"`
	// Senders are the providers that are known to send it.
	Senders string `json:"sentBy"`
	// What the client does, and Instead what the standard asks for.
	What    string `json:"what"`
	Instead string `json:"instead"`
}

// Describe returns all deviations with their descriptions.
func Describe() []Description {
	return slices.Concat(inResources(), inValues(), inPatches(), inMessages())
}

// inResources are deviations of a resource as a whole.
func inResources() []Description {
	return []Description{
		{
			BooleanString, "Entra ID, OneLogin", `a boolean arrives as a string, "True" or "false"`,
			"true or false without quotes",
		},
		{
			StatusForActive, "OneLogin",
			`"active" is OneLogin's status code: "1" is active; "0", "2", "3" and the other ` +
				`codes are not`,
			"true or false",
		},
		{
			SingleForMany, "OneLogin (SCIM 1.1 templates)",
			"a multi-valued attribute is one object instead of an array of objects", "an array",
		},
		{
			OldSchemaURN, "OneLogin",
			`"schemas" and extensions have SCIM 1.1 or misspelled URNs, such as ` +
				`urn:scim:schemas:core:2.0`,
			"the URNs of RFC 7643",
		},
		{
			MissingSchemas, "OneLogin",
			`"schemas" is missing, empty, or lacks the schema of the resource`,
			`"schemas" with every schema that is used`,
		},
		{
			ForeignSchemaURN, "Entra ID",
			`"schemas" lists a URN that the server does not know, without data under it`,
			"only schemas that /ResourceTypes lists",
		},
		{
			UnlistedExtension, "Entra ID, OneLogin",
			`data of an extension arrives without its URN in "schemas"`,
			`the extension's URN in "schemas"`,
		},
	}
}

// inValues are deviations of the values of attributes.
func inValues() []Description {
	return []Description{
		{
			ManagerShape, "Entra ID, OneLogin",
			"the manager is a plain string, or has managerId instead of value", `{"value": ID}`,
		},
		{
			BareValue, "JumpCloud, OneLogin",
			"the values of a multi-valued attribute are plain strings instead of objects",
			`[{"value": …}]`,
		},
		{
			SeveralPrimaries, "PingOne", "several values are primary; the first keeps the mark",
			"at most one primary value",
		},
		{
			Password, "Okta", "a password is sent; it is dropped, never stored and never logged",
			"no password: the published schema has none",
		},
	}
}

// inPatches are deviations of the operations of a PATCH.
func inPatches() []Description {
	return []Description{
		{
			OpLetterCase, "Entra ID", `"op" is capitalized: "Add", "Replace", "Remove"`,
			"add, replace, remove",
		},
		{
			PathAsKey, "Entra ID",
			`the value of an operation without path has paths for keys, such as "name.givenName"`,
			"nested objects, or an operation with a path",
		},
		{
			IDInValue, "Okta",
			`the value of an operation without path repeats "id", "schemas" or "meta"`,
			"attributes that can be changed only",
		},
		{
			RemoveWithValue, "Entra ID, OneLogin, JumpCloud",
			`"remove" lists the values to remove in "value"; only these are removed`,
			`a filter in the path: members[value eq "ID"]`,
		},
		{
			WrappedValue, "Entra ID",
			`a single value arrives as an array of one: [{"value": …}], or [the value]`,
			"the value itself",
		},
		{
			GroupPatch11, "OneLogin (SCIM 1.1 connectors)",
			`a PATCH has no operations but members, each perhaps with "operation": "delete"`,
			"a PatchOp message",
		},
		{
			ReplaceMissing, "Entra ID",
			`"add" or "replace" of emails[type eq "work"].value where there is no such ` +
				`value; it is made`,
			"add without a filter",
		},
		{
			RemoveAbsent, "all, after a time-out",
			`"remove" of a value that is not there; nothing happens`, "no such operation",
		},
		{
			FilterBehindBrackets, "Entra ID",
			`a filter compares behind brackets: emails[type eq "work"].value eq "x"`,
			`emails[type eq "work" and value eq "x"]`,
		},
		{
			FilterBooleanString, "Entra ID",
			`a filter compares a boolean with a string: primary eq "True"`, "primary eq true",
		},
		{
			FilterOnSingle, "Entra ID",
			`brackets behind a single complex value, as in manager[value eq "ID"]; the change is ` +
				`made if the value is the one`,
			"a path without brackets",
		},
	}
}

// inMessages are what was found later, in bodies and in queries.
func inMessages() []Description {
	return []Description{
		{
			BlankValue, "OneLogin",
			`a template's macro without a value leaves "" where no text belongs, or an ` +
				`entry of a ` +
				`list with nothing but its type; nothing is meant by it, and nothing is lost`,
			"no value at all",
		},
		{
			DotBehindURN, "Entra ID",
			"a path has a dot behind the URN of a schema: " +
				"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User.manager",
			"a colon behind the URN",
		},
		{
			OperationName, "Entra ID",
			`an operation of a PATCH has a "name", which names the operation only`,
			"op, path and value",
		},
		{
			EnvelopeMember, "Entra ID",
			`a PATCH repeats "id", "externalId" or "meta" beside its operations`,
			`"schemas" and "Operations"`,
		},
		{
			SchemasInExtension, "scim2-models",
			`the value of an extension has "schemas" of its own`, `"schemas" in the resource only`,
		},
		{
			DisplayNameInValue, "Entra ID",
			`a value of a multi-valued attribute has "displayName" instead of display`, `"display"`,
		},
		{
			UnknownSubAttribute, "Entra ID",
			`a value of a multi-valued attribute has an unknown sub-attribute, such as the id of ` +
				`an app role; it is dropped, and the history says so`,
			"sub-attributes that /Schemas lists",
		},
		{
			FailOnNoErrors, "Entra ID",
			`"failOnErrors" of a bulk request is 0: as many may fail as come`, `no "failOnErrors"`,
		},
		{
			ParameterLetterCase, "Entra ID",
			"a parameter of the URL is in another letter case: startindex", "startIndex",
		},
		{
			UnknownParameter, "all",
			"a parameter of the URL is unknown, and is ignored as Section 3.4.2 of RFC 7644 " +
				"advises; one that looks like a misspelled filter or page is refused all the same",
			"parameters that spec/openapi.yaml lists",
		},
	}
}

// Policy decides for one request whether deviations are taken, and keeps
// which ones were. The nil Policy is strict.
type Policy struct {
	tolerant bool
	taken    []Deviation
	notes    []string
}

// New returns a policy for one request.
func New(strict bool) *Policy { return &Policy{tolerant: !strict} }

// Tolerant reports whether deviations are taken.
func (p *Policy) Tolerant() bool { return p != nil && p.tolerant }

// Allow returns nil, and keeps d as taken, if deviations are. Otherwise it
// returns a 400 that names d and what to send instead.
func (p *Policy) Allow(d Deviation) error {
	if !p.Tolerant() {
		for _, text := range Describe() {
			if text.Name == d {
				return scim.BadRequest(scim.InvalidSyntax,
					"%s; send %s (refused in strict mode as %q)", text.What, text.Instead, d)
			}
		}
		return scim.BadRequest(scim.InvalidSyntax, "refused in strict mode as %q", d)
	}
	if !slices.Contains(p.taken, d) {
		p.taken = append(p.taken, d)
	}
	return nil
}

// maxNotes and maxNote are how many notes are kept, and how long each may be:
// they hold names that the client has chosen.
const (
	maxNotes = 20
	maxNote  = 160
)

// Note keeps what the history is to tell of what was dropped. It must not hold
// a value, which may be a secret.
func (p *Policy) Note(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if len(text) > maxNote {
		text = strings.ToValidUTF8(text[:maxNote], "") + "…"
	}
	if p.Tolerant() && len(p.notes) < maxNotes && !slices.Contains(p.notes, text) {
		p.notes = append(p.notes, text)
	}
}

// Notes returns what the history is to tell of what was dropped.
func (p *Policy) Notes() []string {
	if p == nil {
		return nil
	}
	return p.notes
}

// Add keeps what another policy has taken.
func (p *Policy) Add(other *Policy) {
	for _, d := range other.Taken() {
		if p.Tolerant() && !slices.Contains(p.taken, d) {
			p.taken = append(p.taken, d)
		}
	}
}

// Taken returns the deviations that the request showed, in the order in
// which they were met.
func (p *Policy) Taken() []Deviation {
	if p == nil {
		return nil
	}
	return p.taken
}
