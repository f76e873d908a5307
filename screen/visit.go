package screen

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"time"
)

// Visit is one request of a person, and its answer.
type Visit struct {
	*http.Request
	Answer http.ResponseWriter

	// Person is who is signed in; empty if nobody is.
	Person string
	// Token goes with each form.
	Token string
	// Status is that of the answer.
	Status int
	// Trail leads to the page from above.
	Trail []Link
	// Notice and Problem stand above the content.
	Notice, Problem string
	// Refresh has a browser without the script read the page again after so many
	// seconds; 0 is never.
	Refresh int

	site    *Site
	written bool
}

// Fail makes an error that the person at the page can do something about.
func Fail(format string, args ...any) error {
	return &ProblemError{http.StatusUnprocessableEntity, fmt.Sprintf(format, args...)}
}

// NotFound makes an error of what is not there.
func NotFound(format string, args ...any) error {
	return &ProblemError{http.StatusNotFound, fmt.Sprintf(format, args...)}
}

// Forbidden makes an error of what somebody may not do.
func Forbidden(format string, args ...any) error {
	return &ProblemError{http.StatusForbidden, fmt.Sprintf(format, args...)}
}

// content is what templates have.
type content struct {
	Page any
	// Form is what was entered, or stands in the address.
	Form url.Values
}

func (v *Visit) render(name, title string, page any) ([]byte, error) {
	f := v.site.Frame(v)
	f.Title, f.Trail, f.Refresh = title, v.Trail, v.Refresh
	f.Person, f.Token = v.Person, v.Token
	if v.Person != "" && v.Notice == "" {
		v.Notice = v.site.Sessions.PopString(v.Context(), noticeValue)
	}
	f.Notice, f.Problem = v.Notice, v.Problem
	return v.site.render(name, f, content{page, v.Form})
}

// Show answers with a page.
func (v *Visit) Show(name, title string, page any) error {
	text, err := v.render(name, title, page)
	if err != nil {
		return err
	}
	v.Answer.Header().Set("Content-Type", "text/html; charset=utf-8")
	v.written = true
	v.Answer.WriteHeader(v.Status)
	_, err = v.Answer.Write(text)
	return err
}

// Go leads to another page after something was done, which is told there. A page
// that is read again then does it no second time.
func (v *Visit) Go(to, format string, args ...any) error {
	if format != "" {
		v.site.Sessions.Put(v.Context(), noticeValue, fmt.Sprintf(format, args...))
	}
	v.written = true
	http.Redirect(v.Answer, v.Request, to, http.StatusSeeOther)
	return nil
}

// fail answers with an error: with what can be done about it, or with where the log
// tells more.
func (v *Visit) fail(err error) {
	p := v.site.Explain(err)
	if p == nil {
		v.site.Log.ErrorContext(v.Context(), "a page failed", "method", v.Method,
			"path", v.URL.Path, "error", err)
		p = &ProblemError{http.StatusInternalServerError, "Something went wrong here; the log of " +
			"the server tells what."}
	}
	if v.written {
		return
	}
	v.Status, v.Problem = p.Status, p.Text
	if err := v.Show("error", http.StatusText(p.Status), nil); err != nil {
		v.site.Log.ErrorContext(v.Context(), "a page failed", "path", v.URL.Path, "error", err)
	}
}

// place stands in a page where its progress is shown.
const place = `<span id="progress-is-here" hidden></span>`

// Step shows how far some work is.
type Step func(text string, done, total int)

// Work answers with a page whose template has {{progress}} where it shows how far some
// work is, and at the end what came of it. It goes on as long as the page is open.
func (v *Visit) Work(
	name, title string, page any, work func(Step) (string, error),
) error {
	text, err := v.render(name, title, page)
	if err != nil {
		return err
	}
	above, below, _ := bytes.Cut(text, []byte(place))
	v.Answer.Header().Set("Content-Type", "text/html; charset=utf-8")
	v.Answer.Header().Set("X-Accel-Buffering", "no") // a proxy that buffers would hold it back
	v.written = true
	v.Answer.WriteHeader(http.StatusOK)
	if err := v.send(string(above) + `<div role="status">`); err != nil {
		return err
	}
	shown := time.Time{}
	result, err := work(func(text string, done, total int) {
		if time.Since(shown) < 100*time.Millisecond {
			return
		}
		shown = time.Now()
		// A page that is closed ends the work by its context.
		_ = v.send(fmt.Sprintf(`<div class="step"><progress max="%d" value="%d"></progress> `+
			`<p>%s</p></div>`, max(total, 1), done, template.HTMLEscapeString(text)))
	})
	class := "notice"
	if err != nil {
		p := v.site.Explain(err)
		if p == nil {
			v.site.Log.ErrorContext(v.Context(), "work failed", "path", v.URL.Path, "error", err)
			p = &ProblemError{Text: "Something went wrong here; the log of the server tells what."}
		}
		class, result = "problem", p.Text
	}
	return v.send(`</div><p id="result" class="` + class + `" role="status">` +
		template.HTMLEscapeString(result) + `</p>` + string(below))
}

// send writes a part of an answer that takes long.
func (v *Visit) send(text string) error {
	c := http.NewResponseController(v.Answer)
	// Not every kind of writer can do it; those of a real server can.
	_ = c.SetWriteDeadline(time.Now().Add(time.Minute))
	if _, err := v.Answer.Write([]byte(text)); err != nil {
		return err
	}
	return c.Flush()
}

// Events answers with a stream of Server-Sent Events, until next returns false or the
// page is closed. Each event is what next returns for it; an empty one says only that
// the stream is there. The last event is "end".
func (v *Visit) Events(next func() (html string, more bool)) error {
	v.Answer.Header().Set("Content-Type", "text/event-stream")
	v.Answer.Header().Set("X-Accel-Buffering", "no")
	v.written = true
	v.Answer.WriteHeader(http.StatusOK)
	for {
		html, more := next()
		text := ":\n\n"
		if html != "" {
			text = "data: " + string(bytes.ReplaceAll([]byte(html), []byte("\n"),
				[]byte("\ndata: "))) + "\n\n"
		}
		if !more {
			text += "event: end\ndata: end\n\n"
		}
		if err := v.send(text); err != nil || !more || v.Context().Err() != nil {
			return nil //nolint:nilerr // whoever looked has gone
		}
	}
}

// Part renders a part of a page, a template that it defines, for a stream.
func (v *Visit) Part(page, part string, data any) (string, error) {
	t := v.site.pages[page]
	if t == nil {
		return "", fmt.Errorf("there is no page %q", page)
	}
	var b bytes.Buffer
	err := t.ExecuteTemplate(&b, part, data)
	return b.String(), err
}

// jsonCodec writes what a session holds, texts all of it.
type jsonCodec struct{}

type encoded struct {
	Deadline time.Time         `json:"deadline"`
	Values   map[string]string `json:"values"`
}

// Encode encodes a session.
func (jsonCodec) Encode(deadline time.Time, values map[string]any) ([]byte, error) {
	e := encoded{deadline, make(map[string]string, len(values))}
	for name, value := range values {
		text, ok := value.(string)
		if !ok {
			return nil, errors.New("a session holds texts: " + name + " is none")
		}
		e.Values[name] = text
	}
	return json.Marshal(e)
}

// Decode decodes a session.
func (jsonCodec) Decode(text []byte) (time.Time, map[string]any, error) {
	var e encoded
	if err := json.Unmarshal(text, &e); err != nil {
		return time.Time{}, nil, err
	}
	values := make(map[string]any, len(e.Values))
	for name, value := range e.Values {
		values[name] = value
	}
	return e.Deadline, values, nil
}

// PersonOf returns who is signed in by the data of a session, for a store that keeps
// it by person; empty if nobody is.
func PersonOf(data []byte) string {
	var e encoded
	if json.Unmarshal(data, &e) != nil {
		return ""
	}
	return e.Values[personValue]
}
