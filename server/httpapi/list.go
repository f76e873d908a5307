package httpapi

import (
	"net/http"
	"slices"
	"strconv"
	"time"

	"muster/server/provisioning"
	"muster/server/scim"
	"muster/server/scim/schema"
)

// source reads resources of one type for a list.
type source struct {
	*view
	query provisioning.Query
	// read returns the resources of a page, ready to be rendered.
	read func(provisioning.Query) (resources, provisioning.Page, error)
}

// searchers returns the handlers of a query over some resource types: by GET
// and by POST to /.search.
func (s *server) searchers(
	types func(*requestContext) []*schema.ResourceType,
) (get, post func(*requestContext) error) {
	get = func(x *requestContext) error { return s.list(x, x.urlSearch(), types(x)) }
	post = func(x *requestContext) error {
		q, err := x.bodySearch()
		if err != nil {
			return err
		}
		return s.list(x, q, types(x))
	}
	return get, post
}

// list answers a query over one resource type, or over several: then those
// of the first type come first.
func (s *server) list(x *requestContext, q *search, types []*schema.ResourceType) error {
	sources := make([]source, len(types))
	for i, rt := range types {
		var err error
		if sources[i], err = s.source(x, q, rt, types); err != nil {
			return err
		}
	}
	if q.cursor == nil {
		return s.listByIndex(x, q, sources)
	}
	if q.start != nil {
		return scim.BadRequest(scim.InvalidValue, "give either startIndex or cursor, not both")
	}
	return s.listByCursor(x, q, sources)
}

func (s *server) source(
	x *requestContext, q *search, rt *schema.ResourceType, all []*schema.ResourceType,
) (source, error) {
	var others []*schema.ResourceType
	if len(all) > 1 {
		others = all
	}
	p, err := q.projection(rt, others, x.scope.Policy)
	if err != nil {
		return source{}, err
	}
	src := source{view: &view{x.base, rt, p}}
	if src.query.Filter, err = q.node(rt, others, x.scope.Policy); err != nil {
		return src, err
	}
	if src.query.SortBy, err = q.sort(rt, others, x.scope.Policy); err != nil {
		return src, err
	}
	src.query.Descending = q.descending && src.query.SortBy != nil
	src.read = func(query provisioning.Query) (resources, provisioning.Page, error) {
		return s.readUsers(x, src.view, query)
	}
	if rt.Schema.ID == scim.GroupURN {
		src.read = func(query provisioning.Query) (resources, provisioning.Page, error) {
			return s.readGroups(x, src.view, query)
		}
	}
	return src, nil
}

// listByIndex answers with the page that startIndex and count describe.
func (s *server) listByIndex(x *requestContext, q *search, sources []source) error {
	var parts []resources
	total, n, offset := 0, 0, q.offset()
	for _, src := range sources {
		src.query.Offset = max(offset-total, 0)
		src.query.Limit = q.limit() - n
		list, page, err := src.read(src.query)
		if err != nil {
			return err
		}
		parts = append(parts, list)
		n += list.n
		total += page.Total
	}
	head := `,"startIndex":` + strconv.Itoa(offset+1)
	return x.sendResources(total, head, parts...)
}

// listByCursor answers with the page behind a cursor, RFC 9865. The resources
// are counted once, for the first page.
func (s *server) listByCursor(x *requestContext, q *search, sources []source) (err error) {
	at := &cursor{Query: x.fingerprint(q)}
	if *q.cursor == "" {
		at.Total, err = count(sources)
	} else {
		at, err = x.open(*q.cursor, at.Query, time.Now())
	}
	if err != nil {
		return err
	}
	if q.limit() == 0 {
		return x.sendResources(at.Total, "")
	}
	var parts []resources
	for n := 0; at.Type < len(sources) && n < q.limit(); {
		src := sources[at.Type]
		src.query.Keyset, src.query.After, src.query.Limit = true, at.After, q.limit()-n
		list, page, err := src.read(src.query)
		if err != nil {
			return err
		}
		parts = append(parts, list)
		n += list.n
		if at.After = page.Next; at.After == nil {
			at.Type++
		}
	}
	if at.Type == len(sources) {
		return x.sendResources(at.Total, "", parts...)
	}
	at.Issued = time.Now().Unix()
	next, err := x.seal(at)
	if err != nil {
		return err
	}
	return x.sendResources(at.Total, `,"nextCursor":"`+next+`"`, parts...)
}

// count returns how many resources the sources have together.
func count(sources []source) (int, error) {
	n := 0
	for _, src := range sources {
		_, page, err := src.read(src.query) // no limit: it only counts
		if err != nil {
			return 0, err
		}
		n += page.Total
	}
	return n, nil
}

// sendResources answers with a ListResponse, Section 3.4.2 of RFC 7644. head
// holds the members that tell which page it is.
func (x *requestContext) sendResources(total int, head string, parts ...resources) error {
	parts = slices.DeleteFunc(parts, func(r resources) bool { return r.n == 0 })
	n := 0
	for _, p := range parts {
		n += p.n
	}
	dst := make([]byte, 0, min(512+n*resourceSize, 2*partSize))
	dst = append(dst, `{"schemas":["`+scim.ListResponseURN+`"],"totalResults":`...)
	dst = strconv.AppendInt(dst, int64(total), 10)
	dst = append(dst, head...)
	dst = append(dst, `,"itemsPerPage":`...)
	dst = strconv.AppendInt(dst, int64(n), 10)
	dst = append(dst, `,"Resources":[`...)
	b := &body{x: x, status: http.StatusOK, text: dst}
	for i, p := range parts {
		if i > 0 {
			b.text = append(b.text, ',')
		}
		if err := p.write(b); err != nil {
			return err
		}
	}
	b.text = append(b.text, "]}"...)
	return b.end()
}

// resourceSize is about how long a resource is as a text, in bytes.
const resourceSize = 2 << 10

// readUsers reads a page of users with their groups, if those are wanted.
func (s *server) readUsers(
	x *requestContext, v *view, q provisioning.Query,
) (resources, provisioning.Page, error) {
	q.Plain, q.Groups = true, v.projection.Wants("groups")
	users, page, err := s.Admin.Users.Users(x.Context(), x.scope, q)
	return rendered(users, v.user), page, err
}

// readGroups reads a page of groups. Their members, if they are wanted, are
// read while the page is sent.
func (s *server) readGroups(
	x *requestContext, v *view, q provisioning.Query,
) (resources, provisioning.Page, error) {
	groups, page, err := s.Admin.Users.Groups(x.Context(), x.scope, q)
	return resources{
		len(groups), func(b *body) error { return s.writeGroups(b, v, groups...) },
	}, page, err
}
