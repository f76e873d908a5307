// Command muster-server is a SCIM 2.0 service provider: it receives users and
// groups from an identity provider into instances of the application, and
// keeps a change history. See the README.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"muster/server/command"

	// A container from scratch has neither certificates of authorities nor
	// time zones.
	_ "time/tzdata"

	_ "golang.org/x/crypto/x509roots/fallback"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	status := command.Main(ctx, os.Stderr)
	stop()
	os.Exit(status)
}
