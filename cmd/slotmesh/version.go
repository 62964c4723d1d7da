package main

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
)

func versionVerb() *verb {
	return &verb{
		name: "version", args: "",
		summary:  "Show the version of this program.",
		examples: []string{"slotmesh version"},
		run: func(_ context.Context, out output, args []string) error {
			if len(args) > 0 {
				return usagef("%q is one argument too many", args[0])
			}
			printVersion(out)
			return nil
		},
	}
}

// isVersion reports whether an argument asks for the version, as of redis-server.
func isVersion(arg string) bool { return arg == "--version" || arg == "-v" }

func printVersion(out output) {
	version, revision := "(devel)", ""
	if info, ok := debug.ReadBuildInfo(); ok {
		if info.Main.Version != "" {
			version = info.Main.Version
		}
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				revision = " " + s.Value
			}
		}
	}
	fmt.Fprintf(out.stdout, "slotmesh %s%s %s %s/%s\n", version, revision, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}
