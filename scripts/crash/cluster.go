package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"time"
)

// clusterImage is what scripts/postgres-image --cluster makes.
const clusterImage = "muster-patroni:15"

// nodes is how many PostgreSQLs a cluster has.
const nodes = 3

// cluster is PostgreSQL under Patroni: some nodes, of which one is the primary
// and one its synchronous standby, with etcd to agree on who.
type cluster struct {
	network string
	names   []string          // of the containers, etcd's the last
	sql     map[string]string // host:port of PostgreSQL, by node
	api     map[string]string // host:port of Patroni, by node
}

// configuration is Patroni's, for one node. A transaction is committed when
// the standby has it, too; a primary that is cut off steps down.
const configuration = `
scope: muster
name: %[1]s
restapi: {listen: "0.0.0.0:8008", connect_address: "%[1]s:8008"}
etcd3: {hosts: "%[2]s:2379"}
bootstrap:
  dcs:
    ttl: 10
    loop_wait: 2
    retry_timeout: 4
    maximum_lag_on_failover: 1048576
    synchronous_mode: true
    postgresql:
      use_pg_rewind: true
      parameters: {max_connections: 100, wal_keep_size: 128MB, shared_buffers: 128MB}
  initdb: [{encoding: UTF8}, {locale: C.UTF-8}, data-checksums]
postgresql:
  listen: "0.0.0.0:5432"
  connect_address: "%[1]s:5432"
  data_dir: /var/lib/postgresql/node
  bin_dir: /usr/lib/postgresql/15/bin
  pg_hba:
    - local all all trust
    - host replication replicator 0.0.0.0/0 scram-sha-256
    - host all all 0.0.0.0/0 scram-sha-256
  # A node that cannot follow the new primary from where it was is made anew.
  remove_data_directory_on_rewind_failure: true
  remove_data_directory_on_diverged_timelines: true
  authentication:
    superuser: {username: postgres, password: cluster}
    replication: {username: replicator, password: cluster}
    rewind: {username: rewinder, password: cluster}
`

func docker(ctx context.Context, args ...string) error {
	if out, err := exec.CommandContext(ctx, "docker", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("docker %s: %w: %s", args[0], err, out)
	}
	return nil
}

// newCluster starts a cluster, and waits until it has a primary and a
// synchronous standby.
func newCluster(ctx context.Context) (c *cluster, err error) {
	if err := docker(ctx, "image", "inspect", clusterImage); err != nil {
		return nil, fmt.Errorf("there is no image %s: scripts/postgres-image --cluster makes it",
			clusterImage)
	}
	name := fmt.Sprintf("muster-failover-%d", os.Getpid())
	c = &cluster{network: name, sql: make(map[string]string), api: make(map[string]string)}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.close(context.WithoutCancel(ctx)))
		}
	}()
	if err := docker(ctx, "network", "create", name); err != nil {
		return c, err
	}
	etcd := name + "-etcd"
	if err := c.run(ctx, etcd, nil, "etcd", "--data-dir", "/tmp/etcd", "--listen-client-urls",
		"http://0.0.0.0:2379", "--advertise-client-urls", "http://"+etcd+":2379"); err != nil {
		return c, err
	}
	for n := range nodes {
		node := fmt.Sprintf("%s-%d", name, n+1)
		for _, at := range []map[string]string{c.sql, c.api} {
			if at[node], err = freeAddress(); err != nil {
				return c, err
			}
		}
		options := []string{
			"--publish", c.sql[node] + ":5432", "--publish", c.api[node] + ":8008", "--env",
			"PATRONI_CONFIGURATION=" + fmt.Sprintf(configuration, node, etcd),
		}
		err := c.run(ctx, node, options, "sh", "-c",
			"install -d -o postgres -g postgres -m 700 /var/lib/postgresql/node /run/postgresql; "+
				"exec gosu postgres patroni")
		if err != nil {
			return c, err
		}
	}
	return c, c.whole(ctx)
}

// database makes a database, whose user is no superuser, and returns its URL.
func (c *cluster) database(ctx context.Context) (string, error) {
	primary, _, _ := c.roles(ctx)
	for _, statement := range []string{
		"CREATE ROLE muster LOGIN PASSWORD 'muster'", "CREATE DATABASE muster OWNER muster",
	} {
		if err := docker(ctx, "exec", primary, "gosu", "postgres", "psql", "-v", "ON_ERROR_STOP=1",
			"-c", statement); err != nil {
			return "", err
		}
	}
	return c.url("muster", "muster", "muster"), nil
}

func (c *cluster) run(ctx context.Context, name string, options []string, command ...string) error {
	args := append([]string{"run", "--detach", "--name", name, "--network", c.network}, options...)
	err := docker(ctx, append(append(args, clusterImage), command...)...)
	if err == nil {
		c.names = append(c.names, name)
	}
	return err
}

func (c *cluster) close(ctx context.Context) (err error) {
	for _, name := range c.names {
		rmErr := docker(ctx, "rm", "--force", "--volumes", name)
		err = errors.Join(err, rmErr)
	}
	rmErr := docker(ctx, "network", "rm", c.network)
	return errors.Join(err, rmErr)
}

// url is the database at whichever node is the primary.
func (c *cluster) url(user, password, database string) string {
	var hosts []string
	for _, at := range c.sql {
		hosts = append(hosts, at)
	}
	return fmt.Sprintf(
		"postgres://%s:%s@%s/%s?sslmode=disable&target_session_attrs=read-write&connect_timeout=2",
		user, password, strings.Join(hosts, ","), database)
}

// roles asks the nodes that answer who they are.
func (c *cluster) roles(ctx context.Context) (primary string, synchronous, running int) {
	client := http.Client{Timeout: time.Second}
	for node, at := range c.api {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+at+"/patroni", nil)
		if err != nil {
			continue
		}
		resp, err := client.Do(r)
		if err != nil {
			continue
		}
		var state struct {
			State, Role string
			Sync        bool `json:"sync_standby"`
		}
		err = json.NewDecoder(resp.Body).Decode(&state)
		if _ = resp.Body.Close(); err != nil || state.State != "running" {
			continue
		}
		running++
		if state.Role == "master" || state.Role == "primary" {
			primary = node
		}
		if state.Sync {
			synchronous++
		}
	}
	return primary, synchronous, running
}

// clusterTime is how long a cluster may take to be whole again.
const clusterTime = 3 * time.Minute

// whole waits until all nodes run, one of them as the primary and one as its
// synchronous standby.
func (c *cluster) whole(ctx context.Context) error {
	for deadline := time.Now().Add(clusterTime); time.Now().Before(deadline) &&
		ctx.Err() == nil; time.Sleep(200 * time.Millisecond) {
		if primary, synchronous, running := c.roles(ctx); primary != "" && synchronous == 1 &&
			running == nodes {
			return nil
		}
	}
	primary, synchronous, running := c.roles(ctx)
	return fmt.Errorf("the cluster is not whole after %v: primary %q, %d synchronous, %d of %d run",
		clusterTime, primary, synchronous, running, nodes)
}

// killPrimary kills the primary, and returns its name.
func (c *cluster) killPrimary(ctx context.Context) (string, error) {
	primary, _, _ := c.roles(ctx)
	if primary == "" {
		return "", errors.New("there is no primary to be killed")
	}
	err := docker(ctx, "kill", "--signal", "KILL", primary)
	return primary, err
}

// elected waits until another node than before is the primary.
func (c *cluster) elected(ctx context.Context, before string) error {
	for deadline := time.Now().Add(clusterTime); time.Now().Before(deadline) &&
		ctx.Err() == nil; time.Sleep(50 * time.Millisecond) {
		if primary, _, _ := c.roles(ctx); primary != "" && primary != before {
			return nil
		}
	}
	return errors.New("no other node became the primary")
}
