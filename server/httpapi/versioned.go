package httpapi

import (
	"net/http"
	"slices"
	"strings"

	"muster/server/administration"
	"muster/server/instance"
	"muster/server/provisioning"
)

// part is a part of the setup of an instance that administrators change as a whole.
type part func(*instance.Instance) any

// versioned makes an adminFunc of one about a part of the setup: what reads it answers
// with its ETag, and a change with If-Match is made on that version or not at all, so
// that two administrators do not overwrite one another.
func versioned(p part, f adminFunc) adminFunc {
	return func(x *requestContext, sc provisioning.Scope) (any, error) {
		if x.Method == http.MethodGet {
			x.answer.Header().Set("ETag", tag(p(sc.Instance)))
			return f(x, sc)
		}
		if tags := x.tags("If-Match"); tags != nil && !slices.Contains(tags, anyTag) {
			if !slices.Contains(tags, tag(p(sc.Instance))) {
				return nil, instance.Changed("this is no longer at the version %s of If-Match: "+
					"somebody else has changed it; read it again, and do what is still to be done",
					strings.Join(tags, ", "))
			}
			sc.Exact = true
		}
		return f(x, sc)
	}
}

// tag returns the entity tag of a part of the setup: the same for the same content.
func tag(content any) string { return `"` + administration.Version(content) + `"` }

func ofFields(f adminFunc) adminFunc {
	return versioned(func(i *instance.Instance) any { return i.Fields }, f)
}

func ofRules(f adminFunc) adminFunc {
	return versioned(func(i *instance.Instance) any { return i.Workflow }, f)
}

func (s *server) ofMapping(f adminFunc) adminFunc {
	return versioned(func(i *instance.Instance) any { return s.Admin.Users.Mapping(i) }, f)
}
