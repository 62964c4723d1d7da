package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"strings"
)

// secretVar is the environment variable with the secret of the cluster: unlike an
// argument, other users of the machine do not see it.
const secretVar = "SLOTMESH_SECRET"

func secretVerb() *verb {
	return &verb{
		name: "secret", args: "",
		summary: "Print a new secret for the nodes of a cluster.",
		help: "All nodes of a cluster have the same one: in a file that cluster-secret-file names, in the directive\n" +
			"cluster-secret, or in the environment variable " + secretVar + ". It is random, and printed only.",
		examples: []string{"slotmesh secret > /etc/slotmesh.secret && chmod 600 /etc/slotmesh.secret"},
		run: func(_ context.Context, out output, args []string) error {
			if len(args) > 0 {
				return usagef("%q is one argument too many", args[0])
			}
			_, err := fmt.Fprintln(out.stdout, rand.Text())
			return err
		},
	}
}

// environmentSecret returns the secret of the environment, unless there is one already.
func environmentSecret(given string) string {
	if given != "" {
		return given
	}
	return os.Getenv(secretVar)
}

// shortNames are the names that serve takes for directives besides their own.
var shortNames = map[string]string{
	"--secret": "--cluster-secret", "--join": "--slotmesh-join", "--expect": "--slotmesh-expect",
	"--replicas": "--slotmesh-replicas", "--cluster-name": "--slotmesh-cluster-name",
	"--health": "--slotmesh-health", "--http": "--slotmesh-http",
}

// longNames writes "--secret X", which up takes too, as the directive that it is, and the
// other short names.
func longNames(args []string) []string {
	list := make([]string, len(args))
	for i, arg := range args {
		name, rest, hasValue := strings.Cut(arg, "=")
		if long := shortNames[name]; long != "" {
			if arg = long; hasValue {
				arg += "=" + rest
			}
		}
		list[i] = arg
	}
	return list
}
