package join

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/slotmesh/slotmesh/slots"
)

// Entry is where nodes of a cluster may be found: one client address, or all addresses that
// a name has, which may be others each time.
type Entry struct {
	Host string
	Port uint16
	DNS  bool
}

// dnsPrefix begins an entry that stands for all addresses of a name.
const dnsPrefix = "dns:"

var errEntry = errors.New(`it is no client address: use "host:port", or "dns:name:port" for all addresses of a name`)

// ParseEntry reads "host:port" or "dns:name:port".
func ParseEntry(text string) (Entry, error) {
	rest, dns := strings.CutPrefix(text, dnsPrefix)
	host, p, err := net.SplitHostPort(rest)
	if err != nil {
		return Entry{}, errEntry
	}
	port, err := strconv.ParseUint(p, 10, 16)
	if err != nil || port == 0 || !slots.ValidHost(host) {
		return Entry{}, errEntry
	}
	return Entry{Host: host, Port: uint16(port), DNS: dns}, nil
}

// ParseEntries reads a list, and returns it in order and without entries that are the same.
func ParseEntries(list []string) ([]Entry, error) {
	entries := make([]Entry, 0, len(list))
	for _, text := range list {
		e, err := ParseEntry(text)
		if err != nil {
			return nil, fmt.Errorf("%.300q: %w", text, err)
		}
		entries = append(entries, e)
	}
	slices.SortFunc(entries, func(a, b Entry) int { return cmp.Compare(a.String(), b.String()) })
	return slices.Compact(entries), nil
}

func (e Entry) String() string {
	addr := net.JoinHostPort(e.Host, strconv.Itoa(int(e.Port)))
	if e.DNS {
		return dnsPrefix + addr
	}
	return addr
}

// Resolve returns the client addresses that the entries stand for now, in order and each
// once. lookup returns the addresses of a name; what it does not find is left out, and the
// error tells of it.
func Resolve(ctx context.Context, entries []Entry, lookup func(ctx context.Context, name string) ([]string, error)) (
	addrs []string, err error) {
	var errs []error
	for _, e := range entries {
		if !e.DNS {
			addrs = append(addrs, e.String())
			continue
		}
		hosts, err := lookup(ctx, e.Host)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", e, err))
		}
		for _, host := range hosts {
			addrs = append(addrs, Entry{Host: host, Port: e.Port}.String())
		}
	}
	slices.Sort(addrs)
	return slices.Compact(addrs), errors.Join(errs...)
}
