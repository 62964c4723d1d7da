package conf

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
)

// protectingTable has the directives that are not obeyed and must not be passed over: a
// node that started without them would be open where the file says that it is shut, or
// have no copy where the file says that there is one.
func protectingTable() []Directive {
	list := []Directive{
		{Name: "user", FileOnly: true, same: defaultUser, reason: "there are no ACL users",
			remedy: `remove the line; "requirepass" asks for a password, "rename-command" takes commands away`},
		{Name: "aclfile", reason: "there are no ACL users",
			remedy: `remove the line; "requirepass" asks for a password, "rename-command" takes commands away`},
		{Name: "loadmodule", FileOnly: true, reason: "modules, which may guard commands or hold data, cannot be loaded",
			remedy: "remove the line; a host program adds commands with Node.Handle"},
		{Name: "tls-auth-clients-user", Default: "off", reason: "the name in a certificate logs nobody in",
			remedy: "remove the line; clients send AUTH"},
		{Name: "tls-ciphersuites", same: allCiphersuites, reason: "the TLS of Go has all three ciphers of TLS 1.3, which " +
			"cannot be left out",
			remedy: `remove the line; "tls-ciphers" chooses among those of TLS 1.2`},
		{Name: "unixsocketgroup", reason: "the Unix socket belongs to the group of the process",
			remedy: "remove the line and run the process in that group"},
		{Name: "replicaof", Alias: "slaveof", effect: preserves, same: replicaOfNobody,
			reason: "a node outside a cluster has no replicas, and this one would take writes that nobody copies",
			remedy: `remove the line, set "cluster-enabled yes" and use CLUSTER REPLICATE`},
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

// replicaOfNobody reports whether the line makes a master.
func replicaOfNobody(_ string, args []string) bool {
	return slices.Equal(args, []string{""}) || len(args) == 2 && strings.EqualFold(args[0], "no") &&
		strings.EqualFold(args[1], "one")
}

// allCiphersuites reports whether the line allows all ciphers of TLS 1.3 that there are.
func allCiphersuites(_ string, args []string) bool {
	names := strings.Split(strings.Join(args, ":"), ":")
	missing := func(name string) bool { return !slices.Contains(names, name) }
	return names[0] == "" || !slices.ContainsFunc([]string{"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384",
		"TLS_CHACHA20_POLY1305_SHA256"}, missing)
}

// defaultUser reports whether a "user" line says of the default user what "requirepass"
// says too: CONFIG REWRITE of Redis leaves such a line in every file.
func defaultUser(password string, args []string) bool {
	if len(args) == 0 || args[0] != "default" {
		return false
	}
	digest := sha256.Sum256([]byte(password))
	var on, asked, keys, channels, commands bool
	for _, rule := range args[1:] {
		switch strings.ToLower(rule) {
		case "on":
			on = true
		case "sanitize-payload", "skip-sanitize-payload": // payloads are always checked
		case "resetchannels":
			channels = false
		case "nopass":
			asked = password == ""
		case "#" + hex.EncodeToString(digest[:]):
			asked = password != ""
		case "~*", "allkeys":
			keys = true
		case "&*", "allchannels":
			channels = true
		case "+@all", "allcommands":
			commands = true
		default:
			return false
		}
	}
	return on && asked && keys && channels && commands
}
