package pgtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/log"
	"github.com/testcontainers/testcontainers-go/modules/postgres"
	"github.com/testcontainers/testcontainers-go/wait"
)

// builtImage is the image that scripts/postgres-image makes.
const builtImage = "muster-postgres:15"

// startContainer starts PostgreSQL in a container, with its data in a directory
// of this machine if one is given.
func startContainer(ctx context.Context, settings []string, dir string) (*Server, error) {
	if err := docker(ctx, "info"); err != nil {
		return nil, errors.New("no container engine answers")
	}
	image, err := findImage(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat("/.dockerenv"); err == nil &&
		os.Getenv("TESTCONTAINERS_HOST_OVERRIDE") == "" {
		// Testcontainers takes itself to be in a container, and would dial
		// the engine's gateway; the engine's ports are on this host.
		os.Setenv("TESTCONTAINERS_HOST_OVERRIDE", "127.0.0.1")
	}
	log.SetDefault(log.NewNoopLogger()) // it tells each of its steps
	at := testcontainers.CustomizeRequestOption(func(
		*testcontainers.GenericContainerRequest,
	) error {
		return nil
	})
	if dir != "" {
		at = func(r *testcontainers.GenericContainerRequest) error {
			r.Env["PGDATA"] = "/data/pg"
			r.HostConfigModifier = func(c *container.HostConfig) {
				c.Binds = append(c.Binds, dir+":/data")
			}
			return nil
		}
	}
	c, err := postgres.Run(ctx, image, at,
		postgres.WithDatabase("muster"), postgres.WithUsername("muster"),
		postgres.WithPassword("muster"),
		testcontainers.WithCmd(append([]string{"postgres", "-c", "max_connections=300"},
			settings...)...),
		testcontainers.WithAdditionalWaitStrategy(
			wait.ForSQL("5432/tcp", "pgx", func(host string, port network.Port) string {
				return fmt.Sprintf("postgres://muster:muster@%s:%s/muster?sslmode=disable", host,
					port.Port())
			}).WithStartupTimeout(time.Minute)),
	)
	if err != nil {
		return nil, errors.Join(err, terminate(c))
	}
	name, err := c.ConnectionString(ctx, "sslmode=disable")
	if err != nil {
		return nil, errors.Join(err, terminate(c))
	}
	return &Server{
		Origin: "a container from " + image, admin: name, container: c.GetContainerID(),
		stop: func(context.Context) error { return terminate(c) },
	}, nil
}

func terminate(c *postgres.PostgresContainer) error {
	if c == nil {
		return nil
	}
	return testcontainers.TerminateContainer(c)
}

// findImage returns an image that is on this machine: pulled, or built where
// none can be pulled.
func findImage(ctx context.Context) (string, error) {
	image := os.Getenv("MUSTER_TEST_POSTGRES_IMAGE")
	if image == "" {
		image = DefaultImage
	}
	if docker(ctx, "image", "inspect", image) == nil ||
		docker(ctx, "pull", "--quiet", image) == nil {
		return image, nil
	}
	// Where this image cannot be pulled, the reaper's cannot either.
	if os.Getenv("TESTCONTAINERS_RYUK_DISABLED") == "" {
		os.Setenv("TESTCONTAINERS_RYUK_DISABLED", "true")
	}
	if docker(ctx, "image", "inspect", builtImage) == nil {
		return builtImage, nil
	}
	_, file, _, _ := runtime.Caller(0)
	script := filepath.Join(filepath.Dir(file), "../../../scripts/postgres-image")
	fmt.Fprintf(os.Stderr, "pgtest: %s cannot be pulled; building %s (a minute, once)\n", image,
		builtImage)
	if out, err := exec.CommandContext(ctx, script, builtImage).CombinedOutput(); err != nil {
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		return "", fmt.Errorf("%s cannot be pulled, and %s: %s", image, filepath.Base(script),
			lines[len(lines)-1])
	}
	return builtImage, nil
}

func docker(ctx context.Context, args ...string) error {
	return exec.CommandContext(ctx, "docker", args...).Run()
}
