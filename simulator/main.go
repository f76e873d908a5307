// Command muster-simulator is the identity provider's side: an account
// modeled on OneLogin that provisions its users to a SCIM server, and
// rehearses rollouts. See the README.
package main

import (
	"context"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"muster/simulator/command"

	// A container from scratch has neither certificates of authorities nor
	// time zones.
	_ "time/tzdata"

	_ "golang.org/x/crypto/x509roots/fallback"
)

func main() {
	if os.Getenv("GOGC") == "" {
		// An account may be large, and hardly any of it is garbage.
		debug.SetGCPercent(40)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	status := command.Main(ctx, os.Stderr)
	stop()
	os.Exit(status)
}
