package command

import (
	"errors"
	"fmt"
	"net"
	"net/mail"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"muster/server/audit"
)

func optional(check func(string) error) func(string) error {
	return func(value string) error {
		if value == "" {
			return nil
		}
		return check(value)
	}
}

func isDatabase(value string) error {
	for _, prefix := range []string{"sqlite:", "postgres://", "postgresql://"} {
		if strings.HasPrefix(value, prefix) && value != prefix {
			return nil
		}
	}
	return errors.New("give sqlite:PATH, such as sqlite:./muster.db, or a postgres:// URL")
}

// isAuditLog takes a path, or a collector.
func isAuditLog(value string) error {
	sink, err := audit.Open(value)
	if err == nil {
		err = sink.Close()
	}
	return err
}

// isAddresses takes e-mail addresses that are separated by commas.
func isAddresses(value string) error {
	_, err := addresses(value)
	return err
}

// addresses returns the e-mail addresses of a list, without the names beside them.
func addresses(value string) ([]string, error) {
	list, err := mail.ParseAddressList(value)
	if err != nil {
		return nil, errors.New(
			"give e-mail addresses, separated by commas, such as ops@example.com")
	}
	return each(list, func(a *mail.Address) string { return a.Address }), nil
}

func isAddress(value string) error {
	_, port, err := net.SplitHostPort(value)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		return errors.New("give address and port, such as 127.0.0.1:8080, or :8080 for " +
			"all addresses")
	}
	return nil
}

func isURL(value string) error {
	u, err := url.Parse(value)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" {
		return errors.New("give scheme and host, such as https://scim.example.com")
	}
	return nil
}

func isMailServer(value string) error {
	u, err := url.Parse(value)
	if err != nil || u.Scheme != "smtp" && u.Scheme != "smtps" || u.Host == "" {
		return errors.New("give smtp://USER:PASSWORD@HOST:PORT, or smtps://")
	}
	return nil
}

func isNumber(value string) error {
	if n, err := strconv.ParseFloat(value, 64); err != nil || !(n >= 0 && n <= 1e9) {
		return errors.New("give a number of requests a second, or 0 for no limit")
	}
	return nil
}

func isScanTime(value string) error {
	if d, err := time.ParseDuration(value); err != nil || d != 0 && d < time.Millisecond {
		return errors.New("give a time, such as 5s or 500ms; 0s for no limit")
	}
	return nil
}

func isCount(value string) error {
	if n, err := strconv.Atoi(value); err != nil || n < 0 {
		return errors.New("give a number of requests, or 0 for no limit")
	}
	return nil
}

// isConnections wants two at least: one must be left for what goes on beside
// the requests.
func isConnections(value string) error {
	if n, err := strconv.Atoi(value); err != nil || n < 2 {
		return errors.New("give a number of connections, 2 or more")
	}
	return nil
}

func isBool(value string) error {
	if _, err := strconv.ParseBool(value); err != nil {
		return errors.New("use true or false")
	}
	return nil
}

func oneOf(choices ...string) func(string) error {
	return func(value string) error {
		if !slices.Contains(choices, value) {
			return errors.New("use " + strings.Join(choices, " or "))
		}
		return nil
	}
}

func isProxies(value string) error {
	_, err := proxies(value)
	return err
}

// proxies reads addresses and networks that are separated by commas.
func proxies(value string) ([]netip.Prefix, error) {
	var list []netip.Prefix
	for item := range strings.SplitSeq(value, ",") {
		if item = strings.TrimSpace(item); item == "" {
			continue
		}
		p, err := netip.ParsePrefix(item)
		if err != nil {
			a, notAddress := netip.ParseAddr(item)
			if notAddress != nil {
				return nil, fmt.Errorf("%q is neither an address nor a network: give some such as "+
					"10.0.0.7,192.168.0.0/16", item)
			}
			p = netip.PrefixFrom(a, a.BitLen())
		}
		list = append(list, p.Masked())
	}
	return list, nil
}
