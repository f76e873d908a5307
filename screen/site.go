package screen

import (
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/alexedwards/scs/v2"
)

// How long somebody stays signed in: without doing anything, and at the most.
const (
	IdleTime = 30 * time.Minute
	LongTime = 12 * time.Hour
)

// maxForm is how long what a form sends may be, in bytes.
const maxForm = 16 << 20

// tokenField is the field of a form that has the token of the session. A site has no
// field of that name of its own.
const tokenField = "form-token"

// The names of what a session holds, beside what a site puts there.
const (
	personValue = "person"
	tokenValue  = "token"
	seenValue   = "seen"
	noticeValue = "notice"
)

// ProblemError is an error that a person at a page can do something about.
type ProblemError struct {
	Status int
	Text   string
}

func (p *ProblemError) Error() string { return p.Text }

// Site serves pages to people who are signed in.
type Site struct {
	*Pages
	Sessions *scs.SessionManager
	Log      *slog.Logger
	// SignIn is the path of the page that says how to sign in.
	SignIn string
	// Frame returns what stands around the page of a visit, but for its title.
	Frame func(*Visit) Frame
	// Explain makes a ProblemError of an error; nil if it is the site's own fault.
	Explain func(error) *ProblemError
}

// NewSessions returns sessions that a cookie of that name carries, below a path. secure
// is whether browsers reach the site by HTTPS alone.
func NewSessions(cookie, base string, secure bool) *scs.SessionManager {
	s := scs.New()
	s.Lifetime, s.HashTokenInStore, s.Codec = LongTime, true, jsonCodec{}
	s.Cookie.Name, s.Cookie.Path, s.Cookie.Secure = cookie, base, secure
	s.Cookie.HttpOnly, s.Cookie.SameSite, s.Cookie.Persist = true, http.SameSiteLaxMode, false
	return s
}

// Guard stands around a whole site: it keeps pages of others from using it, loads the
// session, and says to the browser what a page may do.
func (s *Site) Guard(next http.Handler) http.Handler {
	origin := http.NewCrossOriginProtection()
	origin.SetDenyHandler(s.open(func(*Visit) error {
		return &ProblemError{http.StatusForbidden, "This was sent by a page of another site. " +
			"Nothing was done."}
	}))
	inner := s.Sessions.LoadAndSave(origin.Handler(next))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src "+
			"'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; "+
			"frame-ancestors 'none'; base-uri 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		inner.ServeHTTP(w, r)
	})
}

// Begin signs a person in, in a session of its own.
func (s *Site) Begin(v *Visit, person string, values map[string]string) error {
	ctx := v.Context()
	if err := s.Sessions.RenewToken(ctx); err != nil {
		return err
	}
	s.Sessions.Put(ctx, personValue, person)
	s.Sessions.Put(ctx, tokenValue, rand.Text())
	s.Sessions.Put(ctx, seenValue, time.Now().UTC().Format(time.RFC3339))
	for name, value := range values {
		s.Sessions.Put(ctx, name, value)
	}
	return nil
}

// signedIn reports whether somebody is, and has done something not long ago.
func (s *Site) signedIn(v *Visit) bool {
	ctx := v.Context()
	v.Person = s.Sessions.GetString(ctx, personValue)
	if v.Person == "" {
		return false
	}
	seen, err := time.Parse(time.RFC3339, s.Sessions.GetString(ctx, seenValue))
	idle := time.Since(seen)
	switch {
	case err != nil || idle > IdleTime:
		_ = s.Sessions.Destroy(ctx) // it is not taken any more, whether that is written or not
		v.Person = ""
		return false
	case idle > time.Minute: // it need not be written for each page
		s.Sessions.Put(ctx, seenValue, time.Now().UTC().Format(time.RFC3339))
	}
	return true
}

// Form serves a page to who is signed in, and what its forms send; all others are asked to
// sign in. What a form sends must have the token of the session. When it is refused the
// page is shown again, with the reason and what was entered.
func (s *Site) Form(show, send func(*Visit) error) http.HandlerFunc {
	return s.open(func(v *Visit) error {
		if !s.signedIn(v) {
			if v.Method != http.MethodGet {
				return &ProblemError{http.StatusUnauthorized, "You are not signed in any more. " +
					"Nothing was done; sign in, and do it again."}
			}
			http.Redirect(v.Answer, v.Request,
				s.SignIn+"?"+url.Values{"to": {v.URL.RequestURI()}}.Encode(), http.StatusSeeOther)
			return nil
		}
		v.Token = s.Sessions.GetString(v.Context(), tokenValue)
		if v.Method != http.MethodPost {
			return show(v)
		}
		if subtle.ConstantTimeCompare([]byte(v.PostFormValue(tokenField)), []byte(v.Token)) != 1 {
			return Forbidden("This form is not one of your session. Nothing was done; open the " +
				"page again.")
		}
		err := send(v)
		p := s.Explain(err)
		if err == nil || p == nil || v.written || p.Status == http.StatusForbidden {
			return err
		}
		v.Status, v.Problem = p.Status, p.Text
		if again := s.Explain(show(v)); again != nil && !v.written {
			return p // what the form is about is gone
		}
		return nil
	})
}

// Open serves a page to everybody. What its forms send is not tied to a session.
func (s *Site) Open(show func(*Visit) error) http.HandlerFunc {
	return s.open(func(v *Visit) error {
		s.signedIn(v)
		v.Token = s.Sessions.GetString(v.Context(), tokenValue)
		return show(v)
	})
}

func (s *Site) open(show func(*Visit) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v := &Visit{Answer: w, Request: r, site: s, Status: http.StatusOK}
		if err := readForm(r); err != nil {
			v.fail(&ProblemError{http.StatusBadRequest, "This form cannot be read: " + err.Error()})
			return
		}
		if err := show(v); err != nil {
			v.fail(err)
		}
	}
}

func readForm(r *http.Request) error {
	err := r.ParseMultipartForm(maxForm) //nolint:gosec // G120: [Site.Guard] bounds the body
	if errors.Is(err, http.ErrNotMultipart) {
		return nil
	}
	return err
}
