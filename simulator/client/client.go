// Package client speaks SCIM 2.0 over HTTP as an identity provider does:
// lookups, pages, and writes that are tried again when the failure may pass.
package client

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/cenkalti/backoff/v7"
	"github.com/sony/gobreaker/v2"
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
	// Profile is the provider whose requests are sent; nil is OneLogin.
	Profile *Profile
	// Transport carries the requests; nil is HTTP as it is.
	Transport http.RoundTripper
	// Timeout is how long one request may take; 0 means a minute.
	Timeout time.Duration
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
	masker   masker
	// circuit keeps requests away from a server that is down.
	circuit *gobreaker.CircuitBreaker[struct{}]
	opened  atomic.Int64
}

// New returns a client, and an error if the base URL cannot be one.
func New(o Options) (*Client, error) {
	u, err := url.Parse(o.BaseURL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" {
		return nil, fmt.Errorf("the base URL %q is not valid: give one such as "+
			"https://scim.example.com/scim/v2", o.BaseURL)
	}
	if strings.TrimSpace(o.Token) == "" || strings.ContainsAny(o.Token, " \t\r\n") {
		return nil, errors.New("the bearer token is empty or holds white space; copy the " +
			"API key whole")
	}
	o.BaseURL = strings.TrimSuffix(o.BaseURL, "/")
	if o.Tries == 0 {
		o.Tries = 6
	}
	if o.Wait == 0 {
		o.Wait = 200 * time.Millisecond
	}
	if o.Profile == nil {
		o.Profile = Profiles()[0]
	}
	if o.Transport == nil {
		o.Transport = NewTransport()
	}
	c := &Client{o: o, masker: newMasker(o.Token), http: &http.Client{
		Transport: o.Transport, Timeout: cmp.Or(o.Timeout, time.Minute),
		// A redirect could carry the token to another place.
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse
		},
	}}
	c.circuit = gobreaker.NewCircuitBreaker[struct{}](gobreaker.Settings{
		Timeout:      4 * o.Wait,
		MaxRequests:  1,
		ReadyToTrip:  func(n gobreaker.Counts) bool { return n.ConsecutiveFailures >= trips },
		IsSuccessful: func(err error) bool { return !down(err) },
		OnStateChange: func(_ string, _, to gobreaker.State) {
			if to == gobreaker.StateOpen {
				c.opened.Add(1)
			}
		},
	})
	return c, nil
}

// BaseURL returns the base URL, without a slash at its end.
func (c *Client) BaseURL() string { return c.o.BaseURL }

// trips is after how many failures, one after the other, the circuit opens:
// then nobody asks the server for a while, and one request tries it again.
const trips = 8

// down reports whether a failure says that the server is down, rather than
// that it is busy or does not like the request.
func down(err error) bool {
	var answer *Error
	if errors.As(err, &answer) {
		return answer.Temporary() && answer.Status >= 500
	}
	return err != nil && !errors.Is(err, context.Canceled)
}

// Trust has a transport accept the certificates of the authorities in a file
// of PEM, beside those of the system.
func Trust(t *http.Transport, file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(text) {
		return fmt.Errorf("%s: there is no certificate in PEM", file)
	}
	t.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	return nil
}

// NewTransport returns a transport for many requests to one server.
func NewTransport() *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConnsPerHost = 64
	return t
}

// Profile returns the provider whose requests are sent.
func (c *Client) Profile() *Profile { return c.o.Profile }

// Opened returns how often the circuit opened, because the server was down.
func (c *Client) Opened() int64 { return c.opened.Load() }

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
func (e *Error) Temporary() bool {
	switch e.Status {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return true
	case http.StatusNotImplemented, http.StatusHTTPVersionNotSupported:
		return false
	}
	return e.Status >= 500
}

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

// ErrNoSCIM says that a base URL leads elsewhere, such as to a page for people.
var ErrNoSCIM = errors.New("something else than a SCIM server answers there")

// Stops reports whether err is nothing that one user is about: the server does
// not take the connection, sends one elsewhere, or is no SCIM server at all.
func Stops(err error) bool {
	var down *DownError
	var answer *Error
	return errors.As(err, &down) || errors.Is(err, ErrNoSCIM) || errors.As(err, &answer) &&
		(answer.Refused() || answer.Status/100 == 3)
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
		_, err := c.circuit.Execute(func() (struct{}, error) {
			return struct{}{}, c.once(ctx, method, path, text, dest)
		})
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
	}, backoff.WithBackOff(wait), backoff.WithMaxTries(c.o.Tries),
		backoff.WithMaxElapsedTime(5*time.Minute))
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

// once sends a request once, and keeps the exchange if it is traced.
func (c *Client) once(ctx context.Context, method, path string, text []byte, dest any) error {
	trace, began := traceOf(ctx), time.Now()
	status, content, err := c.send(ctx, method, path, text)
	if trace != nil {
		e := Exchange{
			At: began.UTC(), Method: method, Path: path, Request: c.masker.mask(text),
			Status: status, Answer: c.masker.mask(content),
			Milliseconds: float64(time.Since(began).Microseconds()) / 1000,
		}
		if status == 0 {
			e.Error = c.masker.mask([]byte(err.Error()))
		}
		trace.add(e)
	}
	if err != nil || dest == nil || len(content) == 0 {
		return err
	}
	if err := json.Unmarshal(content, dest); err != nil {
		return fmt.Errorf("%s %s: the answer is not the JSON that SCIM asks for: %s", method, path,
			jsonReason(err))
	}
	return nil
}

// jsonReason says what is wrong with an answer, without the names of our types.
func jsonReason(err error) string {
	var wrong *json.UnmarshalTypeError
	if !errors.As(err, &wrong) {
		return err.Error()
	}
	if wrong.Field == "" {
		return "it is a " + wrong.Value
	}
	return wrong.Field + " is a " + wrong.Value
}

// send sends a request and returns the answer. The error may be an [Error];
// the status and the content are those of the answer then.
func (c *Client) send(ctx context.Context, method, path string, text []byte) (int, []byte, error) {
	r, err := http.NewRequestWithContext(ctx, method, c.o.BaseURL+path, bytes.NewReader(text))
	if err != nil {
		return 0, nil, err
	}
	r.Header.Set("User-Agent", c.o.Profile.UserAgent)
	r.Header.Set("Accept", c.o.Profile.Accept)
	if text != nil {
		r.Header.Set("Content-Type", c.o.Profile.ContentType)
	}
	for name, value := range c.o.Headers {
		r.Header.Set(name, value)
	}
	r.Header.Set("Authorization", "Bearer "+c.o.Token)
	c.requests.Add(1)
	answer, err := c.http.Do(r)
	if err != nil {
		return 0, nil, err // names the URL, which has no secret
	}
	defer answer.Body.Close()
	content, err := io.ReadAll(io.LimitReader(answer.Body, 64<<20))
	if err != nil {
		return 0, nil, fmt.Errorf("%s %s: the answer broke off: %w", method, r.URL, err)
	}
	if name := answer.Header.Get("X-Muster-Instance"); name != "" {
		c.instance.Store(&name)
	}
	if at := answer.Header.Get("X-Muster-Key-Expires"); at != "" {
		c.expires.Store(&at)
	}
	if answer.StatusCode/100 != 2 {
		return answer.StatusCode, content, failure(r, answer, content)
	}
	if kind := answer.Header.Get("Content-Type"); len(content) > 0 && kind != "" &&
		!strings.Contains(kind, "json") && !json.Valid(content) {
		return answer.StatusCode, content, fmt.Errorf("%s %s: the answer is %s and no JSON: %w",
			method, r.URL, kind, ErrNoSCIM)
	}
	return answer.StatusCode, content, nil
}

func failure(r *http.Request, answer *http.Response, content []byte) error {
	e := &Error{Method: r.Method, URL: r.URL.String(), Status: answer.StatusCode}
	if to, err := answer.Location(); err == nil && answer.StatusCode/100 == 3 {
		e.Detail = "the server sends one on to " + to.Redacted() +
			", which is not followed with the token: give that as the base URL if it is right"
		return e
	}
	var message struct {
		ScimType string `json:"scimType"`
		Detail   string `json:"detail"`
	}
	if json.Unmarshal(content, &message) == nil {
		e.ScimType, e.Detail = message.ScimType, message.Detail
	}
	e.After = min(retryAfter(answer.Header.Get("Retry-After"), time.Now()), time.Minute)
	return e
}

// retryAfter reads the header Retry-After: seconds, or a date. Section
// 10.2.3 of RFC 9110.
func retryAfter(text string, now time.Time) time.Duration {
	if seconds, err := strconv.Atoi(text); err == nil {
		return max(0, time.Duration(seconds)*time.Second)
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}
