// Receiver is an application that learns who may be signed in: it takes the events of a
// feed (RFC 9967), keeps a table of users in a file, and ends the sessions of those who
// are suspended or deleted. It is an example to begin with; docs/events.md shows it at
// work.
//
//	muster-server feed create app --instance demo --push http://127.0.0.1:9200/events
//	go run ./example/receiver -issuer http://127.0.0.1:8080 -table users.json
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"muster/secevent"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "receiver:", err)
		os.Exit(1)
	}
}

// run serves until ctx ends.
func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("receiver", flag.ContinueOnError)
	issuer := flags.String("issuer", "http://127.0.0.1:8080", "the public URL of the server")
	address := flags.String("listen", "127.0.0.1:9200", "address and port")
	file := flags.String("table", "users.json", "where the table is kept")
	authorization := flags.String("authorization", os.Getenv("RECEIVER_AUTHORIZATION"),
		"the Authorization header that must come with events; any if empty")
	if err := flags.Parse(args); err != nil {
		return err
	}
	table, err := openTable(*file)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("POST /events", &secevent.Receiver{
		Verifier: &secevent.Verifier{Issuer: *issuer}, Authorization: *authorization,
		Take: func(_ context.Context, t *secevent.Token) error { return table.take(t) },
	})
	mux.HandleFunc("GET /users", table.list)
	mux.HandleFunc("POST /sign-in/{id}", table.signIn)
	s := &http.Server{Addr: *address, Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	stopped := make(chan error, 1)
	go func() {
		<-ctx.Done()
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		stopped <- s.Shutdown(end)
	}()
	fmt.Printf("events at http://%s/events, the table at http://%s/users\n", *address, *address)
	if err := s.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-stopped
}
