package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"muster/scripts/process"
	"muster/server/store/pgtest"
)

// elimityUsersMax is up to how many users the library is compared: it reads
// all of them for a filter.
const elimityUsersMax = 10_000

// peer starts one of the servers that this program has in itself.
func (b *bench) peer(ctx context.Context, name, path string) (*target, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	p, line, err := process.Start(ctx, filepath.Join(b.dir, name+".log"), "serving ", self,
		"serve-"+name)
	if err != nil {
		return nil, err
	}
	b.stops = append(b.stops, p.Stop)
	return &target{
		name: name, bases: []string{strings.TrimPrefix(line, "serving ") + path},
		pids: []int{p.PID()},
	}, nil
}

// muster fills a database, and starts muster-server on it.
func (b *bench) muster(ctx context.Context, name, database string, servers int) (*target, error) {
	users := b.Users
	people := filepath.Join(b.dir, fmt.Sprint("people-", users, ".jsonl"))
	if err := writePeople(people, users); err != nil {
		return nil, err
	}
	token, err := b.instance(ctx, database)
	if err != nil {
		return nil, err
	}
	began := time.Now()
	if _, err := b.run(ctx, database, "import", people, "--instance", "bench",
		"--provisioned"); err != nil {
		return nil, err
	}
	progress("%s: %d users imported in %.1f s", name, users, time.Since(began).Seconds())
	if b.Instances > 1 {
		if err := multiply(ctx, database, b.Instances); err != nil {
			return nil, err
		}
	}
	t := &target{name: name, users: users, token: token}
	args := append([]string{
		"serve", "--listen", "127.0.0.1:0", "--database", database, "--rate-per-key", "0",
	}, strings.Fields(b.serveArgs)...)
	for i := range servers {
		if err := b.serve(ctx, t, fmt.Sprint(name, i, ".log"), args...); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// serve starts a muster-server, as one of those of a target.
func (b *bench) serve(ctx context.Context, t *target, log string, args ...string) error {
	p, line, err := process.Start(ctx, filepath.Join(b.dir, log), "msg=serving", b.server, args...)
	if err != nil {
		return err
	}
	b.stops = append(b.stops, p.Stop)
	_, rest, _ := strings.Cut(line, "url=")
	base, _, _ := strings.Cut(rest, " ")
	t.bases, t.pids = append(t.bases, base), append(t.pids, p.PID())
	return nil
}

// run runs a command of muster-server on a database.
func (b *bench) run(ctx context.Context, database string, args ...string) (string, error) {
	c := exec.CommandContext(ctx, b.server, append(args, "--database", database)...)
	var complaint strings.Builder
	c.Stderr = &complaint
	out, err := c.Output()
	if err != nil {
		return "", fmt.Errorf("muster-server %s: %w: %s", strings.Join(args, " "), err,
			complaint.String())
	}
	return string(out), nil
}

// instance makes the instance that is measured, and returns an API key of it.
func (b *bench) instance(ctx context.Context, database string) (token string, err error) {
	return b.instanceNamed(ctx, database, "bench")
}

// instanceNamed makes an instance of a name.
func (b *bench) instanceNamed(
	ctx context.Context, database, name string,
) (token string, err error) {
	holder := "scim-sync"
	if name != "bench" {
		holder += "-" + name // user names are unique in the deployment
	}
	for _, args := range [][]string{
		{"instance", "create", name, "--edition", "enterprise"},
		{"user", "create", holder, "--instance", name, "--integration", "--role", "lite-admin"},
		{"key", "create", "--instance", name, "--user", holder, "--json"},
	} {
		if token, err = b.run(ctx, database, args...); err != nil {
			return "", err
		}
	}
	return keyIn(token), nil
}

// multiply makes copies of the instance on PostgreSQL, each with a hundred of
// its users.
func multiply(ctx context.Context, database string, n int) error {
	return pgtest.Execute(ctx, database,
		fmt.Sprintf(`INSERT INTO instances (id, slug, name, edition, environment, created)
			SELECT gen_random_uuid(), 'other-' || n, 'Other', edition, environment, created
			FROM instances, generate_series(2, %d) AS n`, n),
		`INSERT INTO users (id, instance_id, user_name, display, user_name_key, external_id,
			email_key, display_name_key, family_name_key, given_name_key, active, integration,
			role, source, resource, search, fields, version, created, modified)
			SELECT gen_random_uuid(), i.id, u.user_name || i.slug, u.display,
				u.user_name_key || i.slug, u.external_id, u.email_key, u.display_name_key,
				u.family_name_key, u.given_name_key, u.active, u.integration, u.role, u.source,
				u.resource, u.search, u.fields, 1, u.created, u.modified
			FROM instances AS i,
				(SELECT * FROM users WHERE NOT integration ORDER BY id LIMIT 100) AS u
			WHERE i.slug <> 'bench'`)
}

func keyIn(text string) string {
	return regexp.MustCompile(`muster_[A-Za-z0-9_-]+`).FindString(text)
}

func writePeople(path string, users int) error {
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	for n := range users {
		if _, err := f.Write(append(user(n, "Title"), '\n')); err != nil {
			return errors.Join(err, f.Close())
		}
	}
	return f.Close()
}
