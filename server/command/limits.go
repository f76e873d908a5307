package command

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"
)

func newLimits() *cobra.Command {
	c := &cobra.Command{
		Use: "limits", Short: "Show who was held back by a limit", Args: cobra.NoArgs,
		RunE: run(showLimits),
		Long: `Show who was held back, by which limit and how often, of all servers together. A
server writes it every few seconds, and it is kept for thirty days.

  key        an API key sent more than --rate-per-key
  address    a network address sent more than --rate-per-address
  requests   the server, or the half of it that one instance may have, answered
             --max-requests already
  reads      too many requests of the instance waited for a connection
  scans      the same, of those that search all of it
  scan-time  a search took longer than --scan-time, and was given up
  bodies     too many requests of more than 32 KiB, such as groups of
             thousands, waited
  bulk       too many bulk requests of the instance waited
  long-work  the same of exports, verifications and changes of all users`,
		Example: "  muster-server limits --since 1h\n  muster-server limits --instance acme --json",
	}
	c.Flags().String("instance", "", "only those of an instance; of all by default")
	c.Flags().Duration("since", 24*time.Hour, "how far to look back, to the hour")
	withJSON(c)
	return c
}

func showLimits(a *application, c *cobra.Command, _ []string) error {
	slug, _ := c.Flags().GetString("instance")
	since, _ := c.Flags().GetDuration("since")
	if since <= 0 {
		return fmt.Errorf("--since %v: give how far to look back, such as 24h", since)
	}
	if slug != "" {
		if _, err := a.admin.Instances.BySlug(c.Context(), slug); err != nil {
			return err
		}
	}
	list, err := a.store.Held(c.Context(), slug, time.Now().Add(-since))
	if err != nil {
		return err
	}
	type heldJSON struct {
		Limit    string    `json:"limit"`
		Instance string    `json:"instance,omitempty"`
		Key      string    `json:"key,omitempty"`
		Address  string    `json:"address,omitempty"`
		Times    int       `json:"times"`
		First    time.Time `json:"first"`
		Last     time.Time `json:"last"`
	}
	described := make([]heldJSON, len(list))
	rows := make([][]string, len(list))
	for i, h := range list {
		described[i] = heldJSON{h.Limit, h.Instance, h.Key, h.Address, h.N, h.First, h.Last}
		rows[i] = []string{
			h.Limit, dash(h.Instance), dash(h.Key), dash(h.Address), fmt.Sprint(h.N),
			stamp(h.First), stamp(h.Last),
		}
	}
	return a.print(c, described, func() error {
		if len(list) == 0 {
			return a.line("nobody was held back")
		}
		return a.table("LIMIT | INSTANCE | KEY | ADDRESS | TIMES | FIRST | LAST", rows)
	})
}

// dash stands for what is empty.
func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
