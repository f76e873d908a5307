// Command peers runs what others wrote about SCIM against a server of ours, and
// prints what came of it: see package peers.
//
//	go run ./scripts/peers [-json]
//
// It ends with 1 if something failed. The versions are those in go.mod.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"

	"muster/features/harness"

	"github.com/jedib0t/go-pretty/v6/table"

	"muster/features/peers"
	"muster/features/steps"
)

func main() {
	asJSON := flag.Bool("json", false, "print JSON")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, *asJSON)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "peers:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, asJSON bool) (err error) {
	dir, err := os.MkdirTemp("", "peers-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	h, err := harness.New(ctx, dir, "sqlite:"+filepath.Join(dir, "peers.db"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.Close()) }()
	target, err := steps.NewTarget(ctx, h, "acme")
	if err != nil {
		return err
	}
	suites, err := peers.Run(ctx, target)
	if err != nil {
		return err
	}
	return show(suites, asJSON)
}

func show(suites []*peers.Suite, asJSON bool) error {
	failed := 0
	for _, s := range suites {
		failed += s.Failed()
	}
	if asJSON {
		if err := json.NewEncoder(os.Stdout).Encode(suites); err != nil {
			return err
		}
	} else {
		printTable(suites)
	}
	if failed > 0 {
		return fmt.Errorf("%d of what others wrote failed", failed)
	}
	return nil
}

func printTable(suites []*peers.Suite) {
	t := table.NewWriter()
	t.SetStyle(table.StyleLight)
	t.AppendHeader(table.Row{"What", "From", "Passed", "Failed", "Left out"})
	for _, s := range suites {
		left := 0
		for _, c := range s.Cases {
			if c.LeftOut != "" {
				left++
			}
		}
		t.AppendRow(table.Row{
			s.Name, s.Module + "@" + s.Version, len(s.Cases) - s.Failed() - left, s.Failed(), left,
		})
	}
	fmt.Println(t.Render())
	for _, s := range suites {
		for _, c := range s.Cases {
			switch {
			case c.Failure != "":
				fmt.Printf("failed    %s: %s: %s\n", s.Name, c.Name, c.Failure)
			case c.LeftOut != "":
				fmt.Printf("left out  %s: %s: %s\n", s.Name, c.Name, c.LeftOut)
			}
		}
	}
}
