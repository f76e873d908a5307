// Command withpostgres finds or starts a PostgreSQL for tests as package
// pgtest tells, says which one it is, and runs a command with
// MUSTER_TEST_DATABASE_URL set to it:
//
//	go run ./scripts/withpostgres go test ./...
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"syscall"

	"muster/features/harness"
	"muster/server/store/pgtest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		os.Exit(max(exit.ExitCode(), 1))
	case err != nil:
		fmt.Fprintln(os.Stderr, "withpostgres:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, command []string) (err error) {
	if len(command) == 0 {
		return errors.New("no command is given; usage: withpostgres COMMAND [ARGUMENT]…")
	}
	server, err := pgtest.Start(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Stop(context.WithoutCancel(ctx))) }()
	fmt.Println("Tests on PostgreSQL use", server.Origin)
	if harness.Chromium() == "" {
		fmt.Println("The consoles are not tried in a browser: there is no Chromium, and " +
			"MUSTER_TEST_BROWSER names none of its kind")
	}
	c := exec.CommandContext(ctx, command[0], command[1:]...)
	c.Cancel = func() error { return c.Process.Signal(os.Interrupt) }
	c.Stdin, c.Stdout, c.Stderr = os.Stdin, os.Stdout, os.Stderr
	memory, clean := inMemory()
	defer func() { err = errors.Join(err, clean()) }()
	c.Env = slices.Concat(os.Environ(), server.Environment(), memory)
	return c.Run()
}
