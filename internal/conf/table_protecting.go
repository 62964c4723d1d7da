package conf

import (
	"slices"
	"strings"
)

// protectingTable has the directives that are not obeyed and must not be passed over: a
// node that started without them would be open where the file says that it is shut, or
// have no copy where the file says that there is one.
func protectingTable() []Directive {
	list := []Directive{
		{Name: "loadmodule", FileOnly: true, reason: "modules, which may guard commands or hold data, cannot be loaded",
			remedy: "remove the line; a host program adds commands with Node.Handle"},
		{Name: "tls-auth-clients-user", Default: "off", reason: "the name in a certificate logs nobody in",
			remedy: "remove the line; clients send AUTH"},
		{Name: "tls-ciphersuites", same: allCiphersuites, reason: "the TLS of Go has all three ciphers of TLS 1.3, which " +
			"cannot be left out",
			remedy: `remove the line; "tls-ciphers" chooses among those of TLS 1.2`},
		{Name: "unixsocketgroup", reason: "the Unix socket belongs to the group of the process",
			remedy: "remove the line and run the process in that group"},
	}
	for i := range list {
		d := &list[i]
		d.Kind = isIgnored
		if d.effect == tunes {
			d.effect = protects
		}
	}
	return list
}

// allCiphersuites reports whether the line allows all ciphers of TLS 1.3 that there are.
func allCiphersuites(args []string) bool {
	names := strings.Split(strings.Join(args, ":"), ":")
	missing := func(name string) bool { return !slices.Contains(names, name) }
	return names[0] == "" || !slices.ContainsFunc([]string{"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384",
		"TLS_CHACHA20_POLY1305_SHA256"}, missing)
}
