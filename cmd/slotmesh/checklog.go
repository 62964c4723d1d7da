package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"text/tabwriter"

	"github.com/slotmesh/slotmesh/replication/oplog"
	"github.com/slotmesh/slotmesh/storage"
)

func checkLogVerb() *verb {
	var fix bool
	return &verb{
		name: "check-log", args: "DIR",
		summary: "Check the log on disk of a node that does not run.",
		help: "DIR is the folder of the node (directive dir). Everything is read, as at a start: the base, which is a\n" +
			"snapshot, and the segments of the stream that follow it. A torn end is what a crash leaves of writes that\n" +
			"were not synced; a start cuts it. Damage elsewhere stops a start.\n\n" +
			"With --fix the log is cut at the damage: what was written after it is lost to this node, and copies of the\n" +
			"files remain (*" + oplog.CopySuffix + "). If the node has replicas, or a master, that still run, they have\n" +
			"the data: rather let a replica take over and start this node with an empty folder.",
		examples: []string{"slotmesh check-log /var/lib/slotmesh", "slotmesh check-log --fix /var/lib/slotmesh"},
		flags: func(f *flag.FlagSet) {
			f.BoolVar(&fix, "fix", false, "cut the log at the damage")
		},
		run: func(_ context.Context, out output, args []string) error {
			if len(args) != 1 {
				return usagef("name the folder of the node")
			}
			return checkLog(out.stdout, args[0], fix)
		},
	}
}

func checkLog(out io.Writer, dir string, fix bool) error {
	disk := storage.Dir(dir)
	switch there, err := oplog.Exists(disk); {
	case err != nil:
		return err
	case !there:
		return fmt.Errorf("there is no log in %s", dir)
	}
	unlock, err := disk.Lock()
	switch {
	case err == nil:
		defer unlock()
	case fix || !errors.Is(err, storage.ErrInUse):
		return err
	default:
		fmt.Fprintf(out, "[WARNING] The %v: the end of the log changes while it is read.\n", err)
	}
	var report *oplog.Report
	var lost *oplog.Lost
	if fix {
		report, lost, err = oplog.Fix(disk)
	} else {
		report, err = oplog.Check(disk)
	}
	if err != nil && (report == nil || report.Damage == nil || errors.Is(err, fs.ErrNotExist)) {
		return err
	}
	printLog(out, report)
	switch {
	case err != nil:
		return fmt.Errorf("the log cannot be mended: %w", err)
	case lost != nil:
		printLost(out, lost)
		return nil
	case report.Damage != nil:
		return report.Damage
	}
	_, err = fmt.Fprintln(out, "[OK] The log can be loaded.")
	return err
}

func printLog(out io.Writer, r *oplog.Report) {
	tw := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	if r.BaseSize > 0 {
		fmt.Fprintf(tw, "%s\t%d bytes\toffset %d\t%d keys\n", r.Base, r.BaseSize, r.BaseAt.Offset, r.BaseKeys)
	}
	for _, s := range r.Segments {
		fmt.Fprintf(tw, "%s\t%d bytes\toffsets %d to %d\t%d records in %d batches", s.File, s.Size, s.From, s.To, s.Records,
			s.Batches)
		if s.Renames > 0 {
			fmt.Fprintf(tw, ", %d changes of the history's name", s.Renames)
		}
		fmt.Fprintln(tw)
	}
	tw.Flush()
	if r.BaseSize > 0 {
		fmt.Fprintf(out, "%d keys at offset %d of history %v.\n", r.Keys, r.End.Offset, r.End.ID)
	}
	if t := r.Torn; t != nil {
		fmt.Fprintf(out, "[WARNING] %s is torn at byte %d: a start cuts %d bytes; records that begin there: %d.\n",
			t.File, t.Offset, t.Bytes, t.Records)
	}
	if d := r.Damage; d != nil {
		fmt.Fprintf(out, "[ERR] %s is damaged at byte %d: %v.\n", d.File, d.Offset, d.Err)
	}
}

func printLost(out io.Writer, lost *oplog.Lost) {
	fmt.Fprintf(out, "[OK] The log ends at offset %d now. Cut off: %d bytes, up to offset %d; records that can "+
		"be seen to begin there: %d.\n", lost.From, lost.Bytes, lost.To, lost.Records)
	for _, name := range lost.Copies {
		fmt.Fprintf(out, "A copy of what was there is in %s.\n", name)
	}
}
