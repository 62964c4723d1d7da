package main

import (
	"context"
	"flag"
)

func restoreVerb(t *task) *verb {
	replace := false
	return &verb{
		name: "restore", args: "HOST:PORT FOLDER",
		summary: "Write a backup into a cluster, of any size.",
		help: "Checksums are verified before anything is written. A cluster that holds keys is refused without " +
			"--cluster-replace.",
		examples: []string{"slotmesh restore 127.0.0.1:7001 ./backup-monday"},
		flags: func(f *flag.FlagSet) {
			t.common(f)
			f.BoolVar(&replace, "cluster-replace", false, "overwrite keys that the cluster has already")
		},
		run: t.run(func(ctx context.Context, args []string) error {
			v, rest, err := t.view(ctx, args, 1)
			if err != nil {
				return err
			}
			if len(rest) == 0 {
				return usagef("name the folder of the backup")
			}
			n, err := t.client.Restore(ctx, v, rest[0], replace)
			if err != nil {
				return err
			}
			return t.done(struct {
				Keys int64 `json:"keys"`
			}{n}, "[OK] %d keys restored.", n)
		}),
	}
}
