package conformance

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"

	"muster/features/harness"
)

// adapt has the run do without what the server was found not to do, where many
// scenarios would fail for it, and says so in the report.
func (r *Report) adapt(h *harness.Harness, o Options) error {
	offer := h.Offer
	if offer.Config == nil {
		r.Survey = append(r.Survey, "The server has no ServiceProviderConfig (RFC 7643 §5 asks "+
			"for it): it is taken to support everything.")
	}
	if offer.Open {
		r.Survey = append(r.Survey, "The server answers who has no token: nothing is asked about "+
			"authentication. Protect it before it holds anybody's data.")
	}
	if offer.NullLists {
		r.Survey = append(r.Survey, "In a list of nothing Resources is null: it is read as empty, "+
			"here and in what follows. RFC 7643 §2.5 makes null no value; clients that expect a "+
			"list break on it.")
	}
	switch {
	case !offer.BooleanActive && !offer.TextActive:
		r.Survey = append(r.Survey, "The server does not create a user who has a userName and is "+
			"active: look at what the scenarios of RFC 7644 §3.3 say first.")
	case !offer.BooleanActive:
		r.Survey = append(r.Survey, `The server takes {"active": "true"} and refuses {"active": `+
			`true}, which RFC 7643 §4.1.1 asks for.`)
	case !offer.TextActive:
		return r.booleanTemplate(h, o)
	}
	return nil
}

// booleanTemplate has the provider send active as a boolean, unless the run has a
// template of its own.
func (r *Report) booleanTemplate(h *harness.Harness, o Options) error {
	const found = `The server refuses {"active": "true"} and takes {"active": true}`
	if o.Template != "" || h.Dir == "" || o.DefaultTemplate == nil {
		r.Survey = append(r.Survey, found+", as RFC 7643 §4.1.1 has it. A provider's template "+
			`with a macro sends the text: write "active": true into it.`)
		return nil
	}
	boolean := bytes.Replace(o.DefaultTemplate, []byte(`"{$user.active}"`), []byte("true"), 1)
	if bytes.Equal(o.DefaultTemplate, boolean) {
		return errors.New("the template has no macro for active")
	}
	h.Template = filepath.Join(h.Dir, "template.json")
	r.Survey = append(r.Survey, found+", as RFC 7643 §4.1.1 has it: the provider's template has "+
		`"active": true in this run; give your app such a template, too.`)
	return os.WriteFile(h.Template, boolean, 0o600)
}
