package command

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"muster/server/store"
	"muster/usage"
)

// setting is something that a flag, a variable or a file sets.
type setting struct {
	flag, fallback string
	// help says what it is for, in one sentence without a period.
	help string
	// everywhere is set for what is a flag of every command, and not of serve
	// alone.
	everywhere bool
	// secret is set for what may hold a password: it can be read from a file,
	// and is not shown.
	secret bool
	// check returns an error that says what would be right; nil for what can
	// be any text.
	check func(value string) error
	// values are those that there are; nil where it can be any that check allows.
	values []string
}

// settings are all that there are. The table in docs/operate.md is made of them.
func settings() []setting {
	return slices.Concat(networkSettings(), limitSettings(), consoleSettings(), otherSettings())
}

// networkSettings say where the server and its database are.
func networkSettings() []setting {
	return []setting{
		{
			flag: "database", fallback: "sqlite:./muster.db", everywhere: true, secret: true,
			check: isDatabase, help: "sqlite:PATH or a postgres:// URL",
		},
		{
			flag: "listen", fallback: "127.0.0.1:8080", check: isAddress,
			help: "address and port to listen on",
		},
		{
			flag: "public-url", check: optional(isURL),
			help: "where clients reach the server, without /scim/v2; by default http:// or " +
				"https:// and the address",
		},
		{
			flag: "tls-cert",
			help: "a PEM file with the certificate and its chain, for TLS 1.2 or later; it is " +
				"read again when it changes",
		},
		{flag: "tls-key", help: "a PEM file with the key of the certificate"},
		{
			flag: "trusted-proxies", check: optional(isProxies),
			help: "addresses or networks of proxies whose X-Forwarded-For is believed, separated " +
				"by commas; none by default",
		},
	}
}

// limitSettings say how much the server does at once, and for whom.
func limitSettings() []setting {
	return []setting{
		{
			flag: "rate-per-key", fallback: "2000", check: isNumber,
			help: "requests a second that an API key may send to all servers, and twice as many " +
				"at once; more are answered 429; 0 is no limit",
		},
		{
			flag: "rate-per-address", fallback: "0", check: isNumber,
			help: "the same for a network address and each server, before the key is looked at",
		},
		{
			flag: "max-requests", fallback: "512", check: isCount,
			help: "how many requests are answered at once, and half of them of one " +
				"instance; more are answered 503, or 429; 0 is no limit",
		},
		{
			flag: "scan-time", fallback: "5s", check: isScanTime,
			help: "how long the database may look for the answer to a filter or an order that no " +
				"index serves; more is answered 400 tooMany; 0s is no limit",
		},
		{
			flag: "database-connections", fallback: strconv.Itoa(store.DefaultConnections),
			check: isConnections,
			help: "how many connections to PostgreSQL a server holds at the most; all servers " +
				"together must stay below its max_connections",
		},
	}
}

// otherSettings say what the server tells, and what else it does.
func otherSettings() []setting {
	return []setting{
		{
			flag: "metrics-listen", check: optional(isAddress),
			help: "address and port for Prometheus, at /metrics; keep it from strangers; " +
				"off by default",
		},
		{
			flag: "debug-listen", check: optional(isAddress),
			help: "address and port for profiles, below /debug/pprof/; keep it from strangers; " +
				"off by default",
		},
		{
			flag: "log-format", fallback: "text", check: oneOf("text", "json"),
			help: "text or json", values: []string{"text", "json"},
		},
		{
			flag: "log-level", fallback: "info", check: oneOf("debug", "info", "warn", "error"),
			values: []string{"debug", "info", "warn", "error"},
			help:   "the least that is logged: debug, info, warn or error; at warn, no requests",
		},
		{
			flag: "strict", fallback: "false", check: isBool,
			help: "refuse each known deviation of identity providers, so that the author of a " +
				"client finds them",
		},
		{
			flag: "demo", fallback: "false", check: isBool,
			help: "make an instance \"demo\" with an API key at the first start",
		},
		{
			flag: "smtp", secret: true, check: optional(isMailServer),
			help: "the mail server for invitations, as smtp://USER:PASSWORD@HOST:PORT, or " +
				"smtps://; none are sent without it",
		},
		{flag: "smtp-from", help: "the sender of invitations"},
		{
			flag: "allow-networks", check: optional(isProxies),
			help: "addresses or networks that are not public, and that events may be pushed to " +
				"all the same, separated by commas; none by default",
		},
		{
			flag: "audit-log", check: optional(isAuditLog),
			help: "where each row of the change history is written for a SIEM, as a JSON line in " +
				"OCSF's fields: a file, or syslog://HOST:PORT (also syslog+tls:// and " +
				"syslog+udp://)",
		},
		{
			flag: "notify", check: optional(isAddresses),
			help: "e-mail addresses, separated by commas, that are told of API keys which end " +
				"soon, beside the integration user of each",
		},
	}
}

// variable is the name of the variable in the environment.
func (s *setting) variable() string {
	return "MUSTER_" + strings.ToUpper(strings.ReplaceAll(s.flag, "-", "_"))
}

// variables returns those that set it, for people.
func (s *setting) variables() string {
	if s.secret {
		return s.variable() + ", " + s.variable() + "_FILE"
	}
	return s.variable()
}

// register makes the flag.
func (s *setting) register(f *pflag.FlagSet) {
	help := s.help + " [" + s.variables() + "]"
	if s.fallback == "false" {
		f.Bool(s.flag, false, help)
		return
	}
	f.String(s.flag, s.fallback, help)
}

// addSettings makes the flags of serve.
func addSettings(commands ...*cobra.Command) {
	for _, c := range commands {
		for _, s := range settings() {
			if s.everywhere {
				continue
			}
			s.register(c.Flags())
			if len(s.values) > 0 {
				usage.Complete(c, s.flag, usage.OneOf(s.values...))
			}
		}
	}
}

// origin is the annotation of a flag that tells where its value came from.
const origin = "muster_origin"

// configure sets the flags that are not on the command line from the
// environment, and refuses what is not valid.
func configure(flags *pflag.FlagSet) error {
	var problems []error
	for _, s := range settings() {
		f := flags.Lookup(s.flag)
		if f == nil {
			continue
		}
		from := "default"
		if f.Changed {
			from = "--" + s.flag
		} else if value, place, err := s.fromEnvironment(); err != nil {
			problems = append(problems, err)
			continue
		} else if place != "" {
			from = place
			if err := f.Value.Set(value); err != nil {
				problems = append(problems, s.wrong(place, value, fmt.Errorf("use true or false")))
				continue
			}
		}
		f.Annotations = map[string][]string{origin: {from}}
		if s.check != nil {
			if err := s.check(f.Value.String()); err != nil {
				problems = append(problems, s.wrong(from, f.Value.String(), err))
			}
		}
	}
	return errors.Join(problems...)
}

// wrong names a value that is not valid, where it came from, and the cure.
func (s *setting) wrong(from, value string, cure error) error {
	if s.secret {
		value = "…" // it may hold a password
	}
	return fmt.Errorf("%s is %q: %w", from, value, cure)
}

// fromEnvironment returns the value that a variable gives, or the file that
// one names, and which it was.
func (s *setting) fromEnvironment() (value, from string, err error) {
	value, given := os.LookupEnv(s.variable())
	file, ok := os.LookupEnv(s.variable() + "_FILE")
	switch {
	case !s.secret && ok:
		return "", "", fmt.Errorf("%s_FILE is set, but %s holds no secret: set that itself",
			s.variable(), s.variable())
	case given && ok:
		return "", "", fmt.Errorf("%s and %s_FILE are both set: unset one", s.variable(),
			s.variable())
	case given:
		return value, s.variable(), nil
	case !ok:
		return "", "", nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return "", "", fmt.Errorf("%s_FILE: %w", s.variable(), err)
	}
	return strings.TrimRight(string(text), "\r\n"), s.variable() + "_FILE", nil
}

// unknownVariables returns variables that look like settings and are none: a
// name with a slip would go unnoticed otherwise.
func unknownVariables(environment []string) []string {
	known := make(map[string]bool)
	for _, name := range knownVariables() {
		known[name] = true
	}
	var list []string
	for _, entry := range environment {
		name, _, _ := strings.Cut(entry, "=")
		if strings.HasPrefix(name, "MUSTER_") && !known[name] &&
			!strings.HasPrefix(name, "MUSTER_TEST_") && !strings.HasPrefix(name, "MUSTER_BENCH_") {
			list = append(list, name)
		}
	}
	slices.Sort(list)
	return list
}

// knownVariables are those that this program reads, and those of
// muster-simulator, which may be set beside it.
func knownVariables() []string {
	list := []string{
		instanceVariable, "MUSTER_TOKEN", "MUSTER_TOKEN_2", "MUSTER_TARGET", "MUSTER_TARGET_2",
		"MUSTER_ADMIN",
	}
	for _, s := range settings() {
		list = append(list, s.variable())
		if s.secret {
			list = append(list, s.variable()+"_FILE")
		}
	}
	return list
}

// warnOfVariables tells of those that nobody reads; serve does so in its log.
func warnOfVariables(c *cobra.Command) {
	if c.Name() == "serve" {
		return
	}
	for _, name := range unknownVariables(os.Environ()) {
		text := name + " is set, and is no variable of muster-server"
		if near := usage.Near(name, knownVariables()); near != "" {
			text += "; perhaps " + near + " is meant"
		}
		fmt.Fprintln(c.ErrOrStderr(), "muster-server: warning:", text)
	}
}

func newSettings() *cobra.Command {
	c := &cobra.Command{
		Use: "settings", Short: "Show how the server is configured, and by what",
		Args: cobra.NoArgs, RunE: showSettings,
		Long: `Show every setting of serve with its value, and where that came from: a flag, a
variable, a file that a variable names, or the default. Values that may hold a
password are not shown. Wrong values are refused with the cure, as serve does.`,
	}
	addSettings(c)
	withJSON(c)
	c.Flags().Bool("markdown", false, "print the table of all settings that is in docs/operate.md")
	return c
}

func showSettings(c *cobra.Command, _ []string) error {
	out := &application{out: harmless{c.OutOrStdout()}}
	if markdown, _ := c.Flags().GetBool("markdown"); markdown {
		return out.line("%s", strings.TrimSuffix(settingsTable(), "\n"))
	}
	type settingJSON struct {
		Setting  string `json:"setting"`
		Value    string `json:"value"`
		From     string `json:"from"`
		Variable string `json:"variable"`
	}
	var list []settingJSON
	var rows [][]string
	for _, s := range settings() {
		f := c.Flags().Lookup(s.flag)
		value := f.Value.String()
		if s.secret && value != s.fallback {
			value = "(not shown)"
		}
		from := f.Annotations[origin][0]
		list = append(list, settingJSON{s.flag, value, from, s.variable()})
		rows = append(rows, []string{s.flag, value, from})
	}
	return out.print(c, list, func() error { return out.table("SETTING | VALUE | FROM", rows) })
}

// settingsTable renders the settings as Markdown.
func settingsTable() string {
	var b strings.Builder
	b.WriteString("| flag | variable | default | what it does |\n| --- | --- | --- | --- |\n")
	for _, s := range settings() {
		fallback := ""
		if s.fallback != "" && s.fallback != "false" {
			fallback = "`" + s.fallback + "`"
		}
		variables := "`" + strings.ReplaceAll(s.variables(), ", ", "`, `") + "`"
		fmt.Fprintf(&b, "| `--%s` | %s | %s | %s |\n", s.flag, variables, fallback, s.help)
	}
	return b.String()
}
