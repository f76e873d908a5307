package command

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"muster/simulator/administration"
	"muster/simulator/portal"
)

func newPortal() *cobra.Command {
	c := &cobra.Command{
		Use: "portal", Short: "Serve the provider's portal, in a browser", Args: cobra.NoArgs,
		RunE: servePortal,
		Long: `Serve the provider's portal on this machine, and print a link that signs in: the
applications of the account with their tabs Configuration, Parameters, Rules,
Provisioning, Access and Users; the people; cycles, with their progress; and the
rollout. What is changed in it is changed in account.yaml and the file of users,
with comments and order kept.

It has one administrator and no password: it answers to localhost alone.`,
		Example: `  muster-simulator portal -f account.yaml
  muster-simulator portal -f account.yaml --rollout rollout.yaml --listen 127.0.0.1:8090`,
	}
	c.Flags().StringP("file", "f", "account.yaml", "the account")
	c.Flags().String("rollout", "",
		"the rollout; by default rollout.yaml beside the account, if it is there")
	c.Flags().String("listen", "127.0.0.1:8090", "loopback address and port to listen on")
	withState(c)
	withConnection(c)
	return c
}

func servePortal(c *cobra.Command, _ []string) error {
	path, _ := c.Flags().GetString("file")
	how, err := line(c)
	if err != nil {
		return err
	}
	address, _ := c.Flags().GetString("listen")
	p, l, err := openPortal(c, path, address, how)
	if err != nil {
		return err
	}
	fmt.Fprintf(c.OutOrStdout(), "Portal     %s\n           (this link signs you in; "+
		"Ctrl-C ends the portal)\n", p.Link("http://"+l.Addr().String()))
	return p.serve(c.Context(), l)
}

// openedPortal is a portal with the state file that it works with.
type openedPortal struct {
	*portal.Portal
	close func() error
}

// openPortal opens the portal of an account, and listens.
func openPortal(
	c *cobra.Command, path, address string, how administration.Line,
) (*openedPortal, net.Listener, error) {
	host, _, err := net.SplitHostPort(address)
	if ip := net.ParseIP(host); err != nil || host != "localhost" &&
		(ip == nil || !ip.IsLoopback()) {
		return nil, nil, fmt.Errorf("--listen %s: the portal has no password, so that it listens "+
			"on this machine alone: give an address such as 127.0.0.1:8090", address)
	}
	files, err := administration.OpenFiles(path)
	if err != nil {
		return nil, nil, err
	}
	st, err := openState(c, path)
	if err != nil {
		return nil, nil, err
	}
	rollout, _ := c.Flags().GetString("rollout")
	if rollout == "" {
		rollout = filepath.Join(filepath.Dir(path), "rollout.yaml")
	}
	p, err := portal.New(portal.Config{
		Files: files, State: st, RolloutFile: rollout, Line: how,
		Log: slog.New(slog.NewTextHandler(os.Stderr,
			&slog.HandlerOptions{Level: slog.LevelWarn})),
	})
	var l net.Listener
	if err == nil {
		var lc net.ListenConfig
		l, err = lc.Listen(c.Context(), "tcp", address)
	}
	if err != nil {
		return nil, nil, errors.Join(err, st.Close())
	}
	return &openedPortal{p, st.Close}, l, nil
}

// portalTime is how long pages that are under way may take to end.
const portalTime = 5 * time.Second

// serve serves the portal until ctx ends; what is under way then is stopped.
func (p *openedPortal) serve(ctx context.Context, l net.Listener) error {
	s := &http.Server{Handler: p.Handler(), ReadHeaderTimeout: 10 * time.Second}
	failed := make(chan error, 1)
	go func() { failed <- s.Serve(l) }()
	var err error
	select {
	case err = <-failed:
	case <-ctx.Done():
		p.Close()
		ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), portalTime)
		defer cancel()
		if s.Shutdown(ending) != nil { // somebody still looks at a stream
			err = s.Close()
		}
	}
	p.Close()
	return errors.Join(err, p.close())
}
