package command

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"muster/server/administration"
	"muster/server/store"
)

func newCheck() *cobra.Command {
	c := &cobra.Command{
		Use: "check", Short: "Check whether the server could run as it is configured",
		Args: cobra.NoArgs, RunE: check,
		Long: `Check settings, database, migrations, TLS and clock, with the settings that serve
takes, and change nothing. A line that begins with "fail" would keep the server
from its work, and the command ends with 1; one with "warn" is worth a look.`,
		Example: "  MUSTER_DATABASE_FILE=/run/secrets/database muster-server check --tls-cert " +
			"tls.crt --tls-key tls.key",
	}
	addSettings(c)
	withJSON(c)
	return c
}

// finding is what one check found.
type finding struct {
	Check  string `json:"check"`
	Result string `json:"result"` // ok, warn, fail, or skip
	Detail string `json:"detail"`
}

// checkTime is how long the database may take to answer.
const checkTime = 10 * time.Second

func check(c *cobra.Command, _ []string) error {
	ctx, cancel := context.WithTimeout(c.Context(), checkTime)
	defer cancel()
	findings := []finding{
		{
			"settings", "ok",
			fmt.Sprintf("%d settings, all valid; muster-server settings shows them",
				len(settings())),
		},
	}
	findings = append(findings, checkDatabase(ctx, text(c, "database"))...)
	findings = append(findings, checkTLS(c), checkPort(c))
	failed := 0
	rows := make([][]string, len(findings))
	for i, f := range findings {
		rows[i] = []string{f.Result, f.Check, f.Detail}
		if f.Result == "fail" {
			failed++
		}
	}
	out := &application{out: harmless{c.OutOrStdout()}}
	if err := out.print(c, findings,
		func() error { return out.table("RESULT | CHECK | DETAIL", rows) }); err != nil {
		return err
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d checks failed", failed, len(findings))
	}
	return nil
}

// clockTolerance is how far two clocks may be apart: history rows of two
// servers would seem to be in the wrong order.
const clockTolerance = time.Second

func checkDatabase(ctx context.Context, name string) []finding {
	i, err := store.Inspect(ctx, name, administration.ExpiryWindow)
	if err != nil {
		return []finding{
			{"database", "fail", err.Error()},
			{"migrations", "skip", "no database"},
			{"clock", "skip", "no database"},
		}
	}
	if i.Missing {
		return []finding{
			{
				"database", "warn",
				"the file is not there; serve, migrate or instance create makes it",
			},
			{"migrations", "skip", "no database"},
			{"clock", "ok", "there is only the one of this machine"},
		}
	}
	list := []finding{
		{
			"database", "ok",
			fmt.Sprintf("%s %s answers in %v", i.Engine, i.Version,
				i.Latency.Round(10*time.Microsecond)),
		},
	}
	switch {
	case i.Schema == i.Newest:
		list = append(list,
			finding{"migrations", "ok", fmt.Sprintf("the schema is the newest, %d", i.Schema)})
	case i.Schema < i.Newest:
		list = append(list, finding{
			"migrations", "warn",
			fmt.Sprintf("the schema is %d of %d: serve, or muster-server migrate, brings "+
				"it up to date", i.Schema, i.Newest),
		})
	default:
		list = append(list, finding{
			"migrations", "warn",
			fmt.Sprintf("the schema is %d, of a newer version than this one, which knows %d: run "+
				"the newer one", i.Schema, i.Newest),
		})
	}
	list = append(list, keysFinding(i))
	if i.Engine != "PostgreSQL" {
		return append(list, finding{"clock", "ok", "there is only the one of this machine"})
	}
	if i.AboveRowSecurity {
		list = append(list, finding{
			"row security", "warn",
			"the database user is above it, so that it holds nothing back: use one that is " +
				"no superuser",
		})
	} else {
		list = append(list, finding{"row security", "ok", "the database user is below it"})
	}
	if i.Ahead.Abs() > clockTolerance {
		return append(list, finding{
			"clock", "fail",
			fmt.Sprintf(
				"the database's clock is %v ahead of this machine's: let both be set by NTP",
				i.Ahead.Round(time.Millisecond)),
		})
	}
	return append(list, finding{
		"clock", "ok", fmt.Sprintf("%v from the database's", i.Ahead.Abs().Round(time.Millisecond)),
	})
}

// keysFinding says which keys end soon.
func keysFinding(i store.Inspection) finding {
	days := int(administration.ExpiryWindow.Hours() / 24)
	if i.Schema != i.Newest {
		return finding{"keys", "skip", "the schema is not the newest"}
	}
	if len(i.Expiring) == 0 {
		return finding{"keys", "ok", fmt.Sprintf("no API key ends within %d days", days)}
	}
	texts := make([]string, len(i.Expiring))
	for n, k := range i.Expiring {
		texts[n] = fmt.Sprintf("%s of %s on %s", k.KeyID, k.Instance,
			k.Expires.Format(time.DateOnly))
	}
	return finding{"keys", "warn", fmt.Sprintf("keys that end within %d days: %s; "+
		"muster-server key rotate makes new ones", days, strings.Join(texts, ", "))}
}

// expirySoon is before what time a certificate should be renewed.
const expirySoon = 14 * 24 * time.Hour

func checkTLS(c *cobra.Command) finding {
	f, err := loadCertificate(c, slog.New(slog.DiscardHandler))
	switch {
	case err != nil:
		return finding{"tls", "fail", err.Error()}
	case f == nil:
		return finding{
			"tls", "skip",
			"none is configured: keys travel in the clear unless a proxy in front has TLS",
		}
	}
	return judge(f.Certificate().Leaf, text(c, "public-url"), time.Now())
}

// judge says whether a certificate is good for clients of a URL.
func judge(leaf *x509.Certificate, public string, now time.Time) finding {
	until := leaf.NotAfter.UTC().Format(time.DateOnly)
	switch {
	case now.Before(leaf.NotBefore):
		return finding{
			"tls", "fail",
			fmt.Sprintf("the certificate is valid only from %s on: is the clock right?",
				leaf.NotBefore.UTC().Format(time.RFC3339)),
		}
	case now.After(leaf.NotAfter):
		return finding{
			"tls", "fail",
			"the certificate has expired on " + until +
				": renew it; the server reads it again by itself",
		}
	}
	if u, err := url.Parse(public); err == nil && u.Hostname() != "" {
		if err := leaf.VerifyHostname(u.Hostname()); err != nil {
			return finding{
				"tls", "fail", fmt.Sprintf("clients of %s would refuse it: %v", public, err),
			}
		}
	}
	if now.Add(expirySoon).After(leaf.NotAfter) {
		return finding{"tls", "warn", "the certificate expires on " + until}
	}
	return finding{"tls", "ok", fmt.Sprintf("%s, until %s", leaf.Subject, until)}
}

// checkPort tries to listen where the server would.
func checkPort(c *cobra.Command) finding {
	l, err := listen(c, "listen")
	var busy *net.OpError
	if errors.As(err, &busy) {
		return finding{"listen", "warn", err.Error() + "; a server that runs already has it"}
	}
	if err == nil {
		err = l.Close()
	}
	if err != nil {
		return finding{"listen", "fail", err.Error()}
	}
	return finding{"listen", "ok", text(c, "listen") + " is free"}
}
