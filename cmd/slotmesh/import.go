package main

import (
	"context"
	"flag"
	"os"
	"time"

	"github.com/slotmesh/slotmesh/admin"
)

// fromPasswordVariable is to --cluster-from-pass what passwordVariable is to --password.
const fromPasswordVariable = "SLOTMESH_FROM_PASSWORD"

func importVerb(t *task) *verb {
	var in admin.Import
	var live admin.Follow
	skipDatabases := false
	timeout, pause := 0, 0
	return &verb{
		name: "import", args: "[FILE|FOLDER] HOST:PORT [--cluster-from|--follow HOST:PORT] [--cluster-copy|--cut-over] " +
			"[--cluster-replace]",
		summary: "Bring the keys of a standalone server or its files into a cluster.",
		help: "With --cluster-from, the source carries its keys over by MIGRATE, so it must reach the masters. " +
			"Interrupted, the same command continues. With --follow the source goes on serving: as a replica does, the " +
			"command takes its data and then everything that is written, until it is interrupted (Ctrl-C) or has cut over. " +
			"A FILE is an RDB file (dump.rdb, also of redis-cli --rdb) or an append-only file, a FOLDER that of one " +
			"(appendonlydir): it is checked, then its keys, functions and commands are brought in.",
		examples: []string{"slotmesh import 127.0.0.1:7001 --cluster-from 127.0.0.1:6379 --cluster-copy",
			"slotmesh import 127.0.0.1:7001 --follow 127.0.0.1:6379 --cut-over",
			"slotmesh import /var/lib/redis/dump.rdb 127.0.0.1:7001"},
		flags: func(f *flag.FlagSet) {
			t.common(f)
			f.StringVar(&in.From, "cluster-from", "", "`address` of the source, host:port")
			f.StringVar(&in.FromUser, "cluster-from-user", "", "`name` for AUTH at the source")
			f.StringVar(&in.FromPassword, "cluster-from-pass", "",
				"`password` for AUTH at the source; better given in the variable "+fromPasswordVariable)
			t.tls.declareSource(f)
			f.StringVar(&live.From, "follow", "", "`address` of a running source, host:port, to follow as its replicas do "+
				"until both are the same")
			f.BoolVar(&live.CutOver, "cut-over", false, "with --follow: once in step, pause writes at the source, wait for the "+
				"rest, and end")
			f.IntVar(&pause, "pause", 60, "`seconds` for which --cut-over pauses writes at the source")
			f.BoolVar(&in.Copy, "cluster-copy", false, "leave the keys at the source, too")
			f.BoolVar(&in.Replace, "cluster-replace", false, "overwrite keys that the cluster has already")
			f.IntVar(&in.Pipeline, "cluster-pipeline", 0, "`keys` per MIGRATE (100 without it)")
			f.IntVar(&timeout, "cluster-timeout", 60_000, "`milliseconds` that a MIGRATE may take")
			f.BoolVar(&skipDatabases, "skip-databases", false, "with a file: leave out what is in databases other than 0")
			tribNames(f, "from", "copy", "replace", "pipeline", "timeout")
		},
		run: t.run(func(ctx context.Context, args []string) (err error) {
			path, args := fileArgument(args)
			file := admin.ImportFile{Path: path, Replace: in.Replace, SkipDatabases: skipDatabases}
			switch {
			case path != "" && (live.From != "" || in.From != ""):
				return usagef("%q is a file, and --follow and --cluster-from name a server: give one", path)
			case path != "" && in.Copy:
				return usagef("--cluster-copy is for servers: a file stays as it is")
			case path != "":
				return t.importFile(ctx, args, file)
			case skipDatabases:
				return usagef("--skip-databases is for files")
			case live.From != "" && in.From != "":
				return usagef("--follow and --cluster-from are two ways to import: give one")
			case live.From == "" && live.CutOver:
				return usagef("--cut-over is for --follow")
			case live.From != "":
				live.FromUser, live.FromPassword, live.Replace = in.FromUser, in.FromPassword, in.Replace
				live.Pause = time.Duration(pause) * time.Second
				return t.follow(ctx, args, live)
			case in.From == "":
				return missing("--cluster-from", "the address of the server to take keys from; or a file before that of "+
					"the cluster")
			}
			if in.FromPassword == "" {
				in.FromPassword = os.Getenv(fromPasswordVariable)
			}
			if _, in.FromTLS, err = t.tls.configs(); err != nil {
				return err
			}
			in.Timeout = time.Duration(timeout) * time.Millisecond
			v, _, err := t.view(ctx, args, 0)
			if err != nil {
				return err
			}
			n, err := t.client.Import(ctx, v, in)
			if err != nil {
				return err
			}
			return t.done(struct {
				Keys int64 `json:"keys"`
			}{n}, "[OK] %d keys imported.", n)
		}),
	}
}

// follow brings a running server's data in until both are the same.
func (t *task) follow(ctx context.Context, args []string, live admin.Follow) (err error) {
	if live.FromPassword == "" {
		live.FromPassword = os.Getenv(fromPasswordVariable)
	}
	if _, live.FromTLS, err = t.tls.configs(); err != nil {
		return err
	}
	v, _, err := t.view(ctx, args, 0)
	if err != nil {
		return err
	}
	result, err := t.client.Follow(ctx, v, live)
	if err != nil {
		return err
	}
	return t.done(result, "[OK] done: %d keys brought in, then %d commands; %d keys read anew; %d bytes behind.",
		result.Keys, result.Commands, result.Fetched, result.Behind)
}
