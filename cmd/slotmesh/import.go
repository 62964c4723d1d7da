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
	timeout := 0
	return &verb{
		name: "import", args: "HOST:PORT --cluster-from HOST:PORT [--cluster-copy] [--cluster-replace]",
		summary: "Bring the keys of a standalone server into a cluster.",
		help: "The source carries its keys over by MIGRATE, so it must reach the masters. Interrupted, the same " +
			"command continues.",
		examples: []string{"slotmesh import 127.0.0.1:7001 --cluster-from 127.0.0.1:6379 --cluster-copy"},
		flags: func(f *flag.FlagSet) {
			t.common(f)
			f.StringVar(&in.From, "cluster-from", "", "`address` of the source, host:port")
			f.StringVar(&in.FromUser, "cluster-from-user", "", "`name` for AUTH at the source")
			f.StringVar(&in.FromPassword, "cluster-from-pass", "",
				"`password` for AUTH at the source; better given in the variable "+fromPasswordVariable)
			t.tls.declareSource(f)
			f.BoolVar(&in.Copy, "cluster-copy", false, "leave the keys at the source, too")
			f.BoolVar(&in.Replace, "cluster-replace", false, "overwrite keys that the cluster has already")
			f.IntVar(&in.Pipeline, "cluster-pipeline", 0, "`keys` per MIGRATE (100 without it)")
			f.IntVar(&timeout, "cluster-timeout", 60_000, "`milliseconds` that a MIGRATE may take")
			tribNames(f, "from", "copy", "replace", "pipeline", "timeout")
		},
		run: t.run(func(ctx context.Context, args []string) (err error) {
			if in.From == "" {
				return missing("--cluster-from", "the address of the server to take keys from")
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
