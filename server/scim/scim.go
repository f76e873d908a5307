// Package scim holds the messages of SCIM 2.0 (RFC 7643, RFC 7644): the
// errors, the URNs that name messages and schemas, and the decoding of
// JSON as strictly as a server that is reachable from outside should.
//
// The package and those below it do no I/O.
package scim

import "fmt"

// The media types of Section 3.1 of RFC 7644. SCIM bodies have the first;
// the second is what most clients send.
const (
	MediaType     = "application/scim+json"
	MediaTypeJSON = "application/json"
)

// The URNs of messages, Section 8.2 of RFC 7644.
const (
	ListResponseURN  = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
	SearchRequestURN = "urn:ietf:params:scim:api:messages:2.0:SearchRequest"
	PatchOpURN       = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
	BulkRequestURN   = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
	BulkResponseURN  = "urn:ietf:params:scim:api:messages:2.0:BulkResponse"
	ErrorURN         = "urn:ietf:params:scim:api:messages:2.0:Error"
)

// The URNs of schemas, Section 10.3 of RFC 7643, and of our own extension.
const (
	UserURN                  = "urn:ietf:params:scim:schemas:core:2.0:User"
	GroupURN                 = "urn:ietf:params:scim:schemas:core:2.0:Group"
	EnterpriseUserURN        = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
	ApplicationUserURN       = "urn:muster:params:scim:schemas:extension:application:1.0:User"
	SchemaURN                = "urn:ietf:params:scim:schemas:core:2.0:Schema"
	ResourceTypeURN          = "urn:ietf:params:scim:schemas:core:2.0:ResourceType"
	ServiceProviderConfigURN = "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"
)

// ETag returns the entity tag of a version. It is weak: the same version can
// be rendered in different ways (Section 3.14 of RFC 7644).
func ETag(version int64) string { return fmt.Sprintf(`W/"%d"`, version) }
