package events

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"syscall"
	"time"

	"muster/server/instance"
)

// How long a receiver may take, and how much it may answer.
const (
	answerTime = 10 * time.Second
	maxAnswer  = 64 << 10
)

// CheckURL refuses an address to which events cannot be pushed safely. Without TLS it
// is for a receiver on the same machine, and an instance that is a sandbox.
func CheckURL(text string, sandbox bool) error {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.Fragment != "":
		return instance.Refuse("%q is no URL of a receiver: give one such as "+
			"https://app.example.com/events; credentials go into the authorization header", text)
	case u.Scheme == "https":
		return nil
	case u.Scheme == "http" && sandbox && isLoopback(u.Hostname()):
		return nil
	case u.Scheme == "http" && isLoopback(u.Hostname()):
		return instance.Refuse("%q: without TLS events are pushed from a sandbox only, and this "+
			"instance is in production; use https://", text)
	}
	return instance.Refuse("%q: events name people, and are pushed over https:// only", text)
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// newClient returns the client that pushes events: it follows no redirects, uses no
// proxy, and connects to public addresses only, and to those in the networks that are
// allowed; for sandboxes to this machine, too. It looks at the address that a name
// has when it connects: what the name meant when the feed was made does not matter.
func newClient(allowed []netip.Prefix, sandbox bool) *http.Client {
	d := &net.Dialer{
		Timeout: 5 * time.Second,
		ControlContext: func(_ context.Context, _, address string, _ syscall.RawConn) error {
			at, err := netip.ParseAddrPort(address)
			if err != nil {
				return err
			}
			return mayConnect(at.Addr().Unmap(), allowed, sandbox)
		},
	}
	return &http.Client{
		Timeout: answerTime,
		Transport: &http.Transport{
			DialContext: d.DialContext, MaxIdleConnsPerHost: lanes, IdleConnTimeout: time.Minute,
			TLSHandshakeTimeout: 5 * time.Second, ResponseHeaderTimeout: answerTime,
			MaxResponseHeaderBytes: maxAnswer, ForceAttemptHTTP2: true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse
		},
	}
}

// errNotAllowed is that of an address that events are not sent to.
var errNotAllowed = errors.New("events are not sent there")

// shared is what RFC 6598 gives to carriers: no public address either.
var shared = netip.MustParsePrefix("100.64.0.0/10")

// mayConnect refuses an address that is not public, unless it is allowed.
func mayConnect(ip netip.Addr, allowed []netip.Prefix, sandbox bool) error {
	if sandbox && ip.IsLoopback() {
		return nil
	}
	for _, network := range allowed {
		if network.Contains(ip) {
			return nil
		}
	}
	if !ip.IsGlobalUnicast() || ip.IsPrivate() || shared.Contains(ip) {
		return fmt.Errorf("%w: %s is no public address; --allow-networks names those that are "+
			"allowed besides", errNotAllowed, ip)
	}
	return nil
}
