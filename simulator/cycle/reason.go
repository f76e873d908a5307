package cycle

import (
	"regexp"
	"strings"
)

// Reason is why everybody in a cycle failed, if it is the same for all.
type Reason struct {
	// What is what the server answered, without names; Hint what to look at first;
	// empty if that is not known.
	What string `json:"what"`
	Hint string `json:"hint,omitempty"`
}

// many have to fail for the same reason before it is told once for all.
const many = 3

// particular is what differs from person to person: what stands in quotation marks.
var particular = regexp.MustCompile(`"[^"]*"|'[^']*'`)

// commonReason returns why everybody failed, if nobody got through and the reason
// is the same for all. textActive says that the template gives "active" as a text.
func commonReason(items []Item, textActive bool) *Reason {
	if len(items) < many {
		return nil
	}
	what := ""
	for _, item := range items {
		text := particular.ReplaceAllString(item.Detail, "…")
		if item.Outcome != Failed || what != "" && text != what {
			return nil
		}
		what = text
	}
	return &Reason{What: items[0].Detail, Hint: hint(items[0].Detail, textActive)}
}

// hint says what to look at first. detail begins with the status of the answer, as
// [client.Error] writes it.
func hint(detail string, textActive bool) string {
	switch status, _, _ := strings.Cut(detail, " "); strings.TrimSuffix(status, ":") {
	case "400":
		if textActive {
			return `the template sends "active" as a text, "true", and many servers insist on a ` +
				`boolean: write "active": true into a template of your own, name it under ` +
				`configuration.json_template, and see what check --target says of the server`
		}
	case "401", "403":
		return "the server does not accept the token: look at configuration.bearer_token"
	case "404", "405":
		return "the server has no such endpoint: look at configuration.base_url, which ends " +
			"before /Users"
	case "415":
		return "the server does not take the media type of the requests: look at " +
			"configuration.custom_headers"
	}
	return ""
}
