// Package client speaks SCIM 2.0 over HTTP as an identity provider does:
// lookups, pages, and writes that are tried again when the failure may pass.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/cenkalti/backoff/v7"
)

// Options describe a connection.
type Options struct {
	// BaseURL ends in /scim/v2 or the like.
	BaseURL string
	// Token is sent as a bearer token.
	Token string
	// Headers are sent with every request. A Content-Type among them
	// replaces application/json, which OneLogin sends.
	Headers map[string]string
	// Tries is how often a request is sent at the most, while its failure
	// may pass; 0 means 6.
	Tries uint
	// Wait is the first pause between two tries; each is about one and a half times
	// as long as the one before. 0 means 200 milliseconds.
	Wait time.Duration
}

// Client is a connection to one SCIM server. It is safe for concurrent use.
type Client struct {
	o        Options
	http     *http.Client
	requests atomic.Int64
	instance atomic.Pointer[string]
	expires  atomic.Pointer[string]
}

// New returns a client, and an error if the base URL cannot be one.
func New(o Options) (*Client, error) {
	u, err := url.Parse(o.BaseURL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" {
		return nil, fmt.Errorf("the base URL %q is not valid: give one such as https://scim.example.com/scim/v2", o.BaseURL)
	}
	if strings.TrimSpace(o.Token) == "" || strings.ContainsAny(o.Token, " \t\r\n") {
		return nil, errors.New("the bearer token is empty or holds white space; copy the API key whole")
	}
	o.BaseURL = strings.TrimSuffix(o.BaseURL, "/")
	if o.Tries == 0 {
		o.Tries = 6
	}
	if o.Wait == 0 {
		o.Wait = 200 * time.Millisecond
	}
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConnsPerHost = 64
	return &Client{o: o, http: &http.Client{
		Transport: t, Timeout: time.Minute,
		// A redirect could carry the token to another place.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// Requests returns how many requests were sent.
func (c *Client) Requests() int64 { return c.requests.Load() }

// Instance returns the instance that the server said the token is for, in
// the header X-Muster-Instance; empty if it did not say.
func (c *Client) Instance() string {
	if s := c.instance.Load(); s != nil {
		return *s
	}
	return ""
}

// Expires returns when the server said that the token expires, in the header
// X-Muster-Key-Expires; empty if it did not say.
func (c *Client) Expires() string {
	if s := c.expires.Load(); s != nil {
		return *s
	}
	return ""
}

// Error is an answer that is no success.
type Error struct {
	Method, URL string
	Status      int
	ScimType    string
	// Detail is what the server said.
	Detail string
	// After is what the server said of when to try again.
	After time.Duration
}

func (e *Error) Error() string {
	detail := e.Detail
	if detail == "" {
		detail = http.StatusText(e.Status)
	}
	if e.ScimType != "" {
		return fmt.Sprintf("%d %s: %s", e.Status, e.ScimType, detail)
	}
	return fmt.Sprintf("%d: %s", e.Status, detail)
}

// Temporary reports whether the same request may succeed later.
func (e *Error) Temporary() bool { return e.Status == http.StatusTooManyRequests || e.Status >= 500 }

// Refused reports whether the server does not accept the connection at all.
func (e *Error) Refused() bool {
	return e.Status == http.StatusUnauthorized || e.Status == http.StatusForbidden
}

// Status returns the status of the answer that err is about, or 0.
func Status(err error) int {
	var e *Error
	if errors.As(err, &e) {
		return e.Status
	}
	return 0
}

// DownError says that the server did not answer, or not in a way that lets
// one go on, as often as it was tried.
type DownError struct{ Err error }

func (e *DownError) Error() string {
	return "the server does not answer as it should: " + e.Err.Error()
}

// Unwrap returns the last failure.
func (e *DownError) Unwrap() error { return e.Err }

// do sends a request until it is answered, and decodes the answer into dest.
// It returns a [DownError] when it was tried in vain, and an [Error] for an
// answer that would be the same another time.
func (c *Client) do(ctx context.Context, method, path string, body, dest any) error {
	var text []byte
	if body != nil {
		var err error
		if text, err = json.Marshal(body); err != nil {
			return err
		}
	}
	wait := backoff.NewExponentialBackOff()
	wait.InitialInterval = c.o.Wait
	_, err := backoff.Retry(ctx, func() (struct{}, error) {
		err := c.once(ctx, method, path, text, dest)
		var answer *Error
		switch {
		case err == nil:
			return struct{}{}, nil
		case errors.As(err, &answer) && !answer.Temporary():
			return struct{}{}, backoff.Permanent(err)
		case answer != nil && answer.After > 0:
			return struct{}{}, backoff.RetryAfter(answer.After, err)
		}
		return struct{}{}, err
	}, backoff.WithBackOff(wait), backoff.WithMaxTries(c.o.Tries), backoff.WithMaxElapsedTime(5*time.Minute))
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if r := backoff.AsRetryError(err); r != nil {
		err = r.LastErr
	}
	var answer *Error
	if errors.As(err, &answer) && !answer.Temporary() {
		return answer
	}
	return &DownError{err}
}

func (c *Client) once(ctx context.Context, method, path string, text []byte, dest any) error {
	r, err := http.NewRequestWithContext(ctx, method, c.o.BaseURL+path, bytes.NewReader(text))
	if err != nil {
		return err
	}
	r.Header.Set("User-Agent", "muster-simulator (OneLogin)")
	r.Header.Set("Accept", "application/scim+json, application/json")
	if text != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	for name, value := range c.o.Headers {
		r.Header.Set(name, value)
	}
	r.Header.Set("Authorization", "Bearer "+c.o.Token)
	c.requests.Add(1)
	answer, err := c.http.Do(r)
	if err != nil {
		return err // names the URL, which has no secret
	}
	defer answer.Body.Close()
	content, err := io.ReadAll(io.LimitReader(answer.Body, 64<<20))
	if err != nil {
		return fmt.Errorf("%s %s: the answer broke off: %w", method, r.URL, err)
	}
	if name := answer.Header.Get("X-Muster-Instance"); name != "" {
		c.instance.Store(&name)
	}
	if at := answer.Header.Get("X-Muster-Key-Expires"); at != "" {
		c.expires.Store(&at)
	}
	if answer.StatusCode/100 != 2 {
		return failure(r, answer, content)
	}
	if dest == nil || len(content) == 0 {
		return nil
	}
	if err := json.Unmarshal(content, dest); err != nil {
		return fmt.Errorf("%s %s: the answer is not the JSON that SCIM asks for: %w", method, r.URL, err)
	}
	return nil
}

func failure(r *http.Request, answer *http.Response, content []byte) error {
	e := &Error{Method: r.Method, URL: r.URL.String(), Status: answer.StatusCode}
	var message struct {
		ScimType string `json:"scimType"`
		Detail   string `json:"detail"`
	}
	if json.Unmarshal(content, &message) == nil {
		e.ScimType, e.Detail = message.ScimType, message.Detail
	}
	if seconds, err := strconv.Atoi(answer.Header.Get("Retry-After")); err == nil && seconds > 0 {
		e.After = min(time.Duration(seconds)*time.Second, time.Minute)
	}
	return e
}
