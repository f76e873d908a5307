package instance

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// Access is what a key may be used for.
type Access string

// What there is. Read is for those who only look, and Users for providers that
// have nothing to do with groups.
const (
	FullAccess Access = "full"
	UserAccess Access = "users"
	ReadAccess Access = "read"
)

// Permit is how far a key, or the tokens of a client, can be used.
type Permit struct {
	Access Access
	// Networks are those that it is taken from; all if there are none.
	Networks []netip.Prefix
}

// NewPermit reads a permit: an access, full if it is empty, and networks such
// as 203.0.113.0/24, or single addresses.
func NewPermit(access string, networks []string) (Permit, error) {
	p := Permit{Access: Access(access)}
	switch p.Access {
	case "":
		p.Access = FullAccess
	case FullAccess, UserAccess, ReadAccess:
	default:
		return p, Refuse("the access %q: use full, users or read", access)
	}
	for _, text := range networks {
		network, err := parseNetwork(strings.TrimSpace(text))
		if err != nil {
			return p, Refuse("the network %q: give an address or a network, such as 203.0.113.7 "+
				"or 203.0.113.0/24", text)
		}
		if !slices.Contains(p.Networks, network) {
			p.Networks = append(p.Networks, network)
		}
	}
	return p, nil
}

func parseNetwork(text string) (netip.Prefix, error) {
	if address, err := netip.ParseAddr(text); err == nil {
		address = address.Unmap().WithZone("")
		return netip.PrefixFrom(address, address.BitLen()), nil
	}
	network, err := netip.ParsePrefix(text)
	if err != nil {
		return network, err
	}
	if at := network.Addr(); at.Is4In6() {
		if network.Bits() < 96 {
			return network, fmt.Errorf("%s is not within IPv4", text)
		}
		network = netip.PrefixFrom(at.Unmap(), network.Bits()-96)
	}
	return network.Masked(), nil
}

// Texts returns the networks as texts, never nil.
func (p Permit) Texts() []string {
	list := make([]string, len(p.Networks))
	for i, n := range p.Networks {
		list[i] = n.String()
	}
	return list
}

// From reports whether the permit is good for requests from an address.
func (p Permit) From(address string) bool {
	if len(p.Networks) == 0 {
		return true
	}
	at, err := netip.ParseAddr(address)
	if err != nil {
		return false
	}
	at = at.Unmap().WithZone("")
	return slices.ContainsFunc(p.Networks, func(n netip.Prefix) bool { return n.Contains(at) })
}

// Summary tells of a permit in an entry of the history; empty for one that
// permits everything.
func (p Permit) Summary() string {
	var list []string
	if p.Access != FullAccess && p.Access != "" {
		list = append(list, "access "+string(p.Access))
	}
	if len(p.Networks) > 0 {
		list = append(list, "from "+strings.Join(p.Texts(), ", "))
	}
	return strings.Join(list, ", ")
}
