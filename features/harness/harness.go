// Package harness is what scenarios run on: the commands muster-server and
// muster-simulator as processes of their own, or a server that somebody else
// runs; several servers behind a proxy; a mail server; and a recorder, through
// which each SCIM exchange goes, and which checks every answer against
// spec/openapi.yaml. It knows no scenario.
package harness

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"

	"muster/mailtest"
	"muster/spec"
)

// Harness is what all scenarios share: the commands, a database and a server
// on it; or a server that somebody else runs.
type Harness struct {
	// Foreign is nil for a server of our own. Offer is what it offers then; nil
	// stands for everything.
	Foreign *Target
	Offer   *Offer
	HTTP    *http.Client
	// Instances are the instances of somebody else's server; the first is target.
	Instances []Target
	// Template is the path of the JSON template that the provider's apps have;
	// empty for the simulator's own.
	Template string
	// Admin is the path of a command that stands for muster-server where the
	// application's administration is needed: it takes the same arguments,
	// and prints the same with --json. Empty at a server of somebody else:
	// such scenarios are left out.
	Admin string
	// simulator is the path of the command, if it is not among commands.
	simulator string

	// FailOn are the levels whose scenarios fail the run; see [Outcome.Level]. What
	// fails of another level ends as if it were skipped, with the error in its
	// outcome. At a server of our own everything counts.
	FailOn []string

	// Outcome is called at the end of each scenario; may be nil. It must be
	// safe for concurrent use.
	Outcome func(Outcome)

	Dir      string
	commands string // where the commands are
	Database string
	Server   *Server
	Contract routers.Router
	Mail     *mailtest.Server

	// admin is the token for the admin API of the server, made when the first
	// scenario needs it.
	adminOnce sync.Once
	admin     string
	adminErr  error

	// strict is a server in strict mode on the same database, started when
	// the first scenario asks for it.
	strictOnce sync.Once
	strict     *Server
	strictErr  error
}

// New puts the commands into dir, a directory that exists, and starts a server
// on a database, given as muster-server takes it. The caller must call Close.
// The commands are built, unless MUSTER_TEST_COMMANDS names a directory that has
// them.
func New(ctx context.Context, dir, database string) (*Harness, error) {
	return NewReplicas(ctx, dir, database, 1)
}

// NewReplicas is like New, with several servers on the database, which answer
// by turns.
func NewReplicas(ctx context.Context, dir, database string, n int) (*Harness, error) {
	h := &Harness{Dir: dir, commands: dir, Database: database}
	for _, name := range []string{"server", "simulator"} {
		if _, err := Command(ctx, name, dir); err != nil {
			return nil, err
		}
	}
	doc, err := openapi3.NewLoader().LoadFromData(spec.OpenAPI())
	if err != nil {
		return nil, err
	}
	if h.Contract, err = gorillamux.NewRouter(doc); err != nil {
		return nil, err
	}
	if h.Mail, err = mailtest.Start(ctx, 0); err != nil {
		return nil, err
	}
	if n > 1 {
		h.Server, err = h.replicate(ctx, n)
	} else {
		h.Server, err = h.Serve(ctx, "127.0.0.1:0")
	}
	return h, err
}

// Command puts muster-server or muster-simulator into a directory, and returns
// its path. name is what stands behind the dash.
func Command(ctx context.Context, name, dir string) (path string, err error) {
	path = filepath.Join(dir, "muster-"+name)
	if there := os.Getenv("MUSTER_TEST_COMMANDS"); there != "" {
		return path, os.Symlink(filepath.Join(there, "muster-"+name), path)
	}
	out, err := exec.CommandContext(ctx, "go", "build", "-o", path, "muster/"+name).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build muster-%s: %w\n%s", name, err, out)
	}
	return path, nil
}

// Strict returns the server in strict mode.
func (h *Harness) Strict(ctx context.Context) (*Server, error) {
	h.strictOnce.Do(func() {
		h.strict, h.strictErr = h.Serve(context.WithoutCancel(ctx), "127.0.0.1:0", "--strict")
	})
	return h.strict, h.strictErr
}

// Close stops the servers.
func (h *Harness) Close() error {
	err := h.Server.Stop(os.Interrupt)
	if h.strict != nil {
		err = errors.Join(err, h.strict.Stop(os.Interrupt))
	}
	return errors.Join(err, h.Mail.Close())
}
