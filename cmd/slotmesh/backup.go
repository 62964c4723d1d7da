package main

import "context"

func backupVerb(t *task) *verb {
	return &verb{
		name: "backup", args: "HOST:PORT FOLDER",
		summary: "Save the keys of all masters to a folder.",
		help: "Keys are read while clients write: each is as it was at some moment during the backup. The manifest, " +
			"written last,\n" +
			"holds the checksums.",
		examples: []string{"slotmesh backup 127.0.0.1:7001 ./backup-monday"},
		flags:    t.common,
		run: t.run(func(ctx context.Context, args []string) error {
			v, rest, err := t.view(ctx, args, 1)
			if err != nil {
				return err
			}
			if len(rest) == 0 {
				return usagef("name the folder to save to")
			}
			m, err := t.client.Backup(ctx, v, rest[0])
			if err != nil {
				return err
			}
			return t.done(m, "[OK] %d keys of %d masters saved to %s, %d bytes.", m.Keys, len(m.Files), rest[0], m.Bytes)
		}),
	}
}
