package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
)

// Exit codes, as documented in the package comment.
const (
	exitOK    = 0
	exitError = 1
	exitUsage = 2
)

// output is where a verb writes.
type output struct {
	stdout, stderr io.Writer
}

// verb is one of the things the command does.
type verb struct {
	name     string
	args     string // after the name, as the usage line shows them
	summary  string // one line
	help     string // what else there is to know; may be empty
	examples []string
	// flags declares the verb's flags; nil for a verb that reads its arguments itself.
	flags func(*flag.FlagSet)
	// verbatim is after how many other arguments there are no more flags: what follows is
	// somebody else's command. 0 means that flags may stand anywhere.
	verbatim int
	run      func(ctx context.Context, out output, args []string) error
}

// verbs returns all verbs in the order in which help lists them. Each call makes new
// ones, so that flags never carry over from one run to the next.
func verbs() []*verb {
	return append(append([]*verb{upVerb(), serveVerb()}, adminVerbs(os.Stdin)...), checkLogVerb(), secretVerb(),
		versionVerb())
}

// usageError is a call that cannot be understood.
type usageError struct{ text string }

func (e *usageError) Error() string { return e.text }

func usagef(format string, args ...any) error { return &usageError{fmt.Sprintf(format, args...)} }

// run does what the arguments say and returns the exit code.
func run(ctx context.Context, args []string, out output) int {
	if len(args) == 0 {
		printOverview(out.stderr)
		return exitUsage
	}
	if isHelp(args[0]) {
		return help(args[1:], out)
	}
	if isVersion(args[0]) {
		printVersion(out)
		return exitOK
	}
	v := findVerb(args[0])
	if v == nil {
		fmt.Fprintf(out.stderr, "slotmesh: there is no verb %q; \"slotmesh help\" lists them\n", args[0])
		return exitUsage
	}
	if len(args) > 1 && isHelp(args[1]) && args[1] != "help" {
		printHelp(out.stdout, v)
		return exitOK
	}
	args, err := v.parse(args[1:])
	if err == nil {
		err = v.run(ctx, out, args)
	}
	var usage *usageError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &usage):
		fmt.Fprintf(out.stderr, "slotmesh %s: %v; see \"slotmesh help %s\"\n", v.name, err, v.name)
		return exitUsage
	default:
		text := err.Error()
		for _, known := range []string{"admin: ", "migrate: ", v.name + ": ", v.name + " "} { // the line says so already
			text = strings.TrimPrefix(text, known)
		}
		fmt.Fprintf(out.stderr, "slotmesh %s: %s\n", v.name, text)
		return exitError
	}
}

// parse reads the verb's flags, which may stand between the other arguments, and returns
// these.
func (v *verb) parse(args []string) ([]string, error) {
	if v.flags == nil {
		return args, nil
	}
	set := v.flagSet()
	var rest []string
	for {
		if err := set.Parse(args); err != nil {
			return nil, &usageError{flagErrors.Replace(err.Error())}
		}
		args = set.Args()
		if len(args) == 0 || v.verbatim > 0 && len(rest)+1 >= v.verbatim {
			return append(rest, args...), nil
		}
		rest, args = append(rest, args[0]), args[1:]
	}
}

// flagErrors puts what package flag says in terms of two dashes.
var flagErrors = strings.NewReplacer("flag provided but not defined: -", "there is no flag --",
	"flag needs an argument: -", "a value is missing after --", "for flag -", "for flag --")

func (v *verb) flagSet() *flag.FlagSet {
	set := flag.NewFlagSet(v.name, flag.ContinueOnError)
	set.SetOutput(io.Discard) // errors are returned, help is ours
	v.flags(set)
	return set
}

// dashed is a flag as users write it.
func dashed(name string) string {
	if len(name) == 1 {
		return "-" + name
	}
	return "--" + name
}

func findVerb(name string) *verb {
	all := verbs()
	if i := slices.IndexFunc(all, func(v *verb) bool { return v.name == name }); i >= 0 {
		return all[i]
	}
	return nil
}

func isHelp(arg string) bool {
	return slices.Contains([]string{"help", "-h", "-help", "--help"}, arg)
}

// help answers "slotmesh help [VERB]".
func help(args []string, out output) int {
	if len(args) == 0 {
		printOverview(out.stdout)
		return exitOK
	}
	v := findVerb(args[0])
	if v == nil {
		fmt.Fprintf(out.stderr, "slotmesh: there is no verb %q; \"slotmesh help\" lists them\n", args[0])
		return exitUsage
	}
	printHelp(out.stdout, v)
	return exitOK
}

func printOverview(w io.Writer) {
	fmt.Fprint(w, "slotmesh runs nodes of a Redis-style cluster.\n\nUsage:\n  slotmesh VERB [arguments]\n\nVerbs:\n")
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, v := range verbs() {
		fmt.Fprintf(tw, "  %s\t%s\n", v.name, v.summary)
	}
	fmt.Fprint(tw, "  help [VERB]\tShow this, or what a verb does, with an example.\n")
	tw.Flush()
	fmt.Fprint(w, "\nExit codes: 0 all went well, 1 something failed, was interrupted or not confirmed, or check "+
		"found errors; 2 wrong usage.\n")
}

func printHelp(w io.Writer, v *verb) {
	fmt.Fprintf(w, "%s\n\nUsage:\n  %s\n", v.summary, strings.TrimSpace("slotmesh "+v.name+" "+v.args))
	if v.help != "" {
		fmt.Fprintf(w, "\n%s\n", strings.TrimSpace(v.help))
	}
	if v.flags != nil {
		fmt.Fprint(w, "\nFlags:\n")
		tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		v.flagSet().VisitAll(func(f *flag.Flag) {
			kind, usage := flag.UnquoteUsage(f)
			if f.DefValue != "" && f.DefValue != "false" && f.DefValue != "0" { // what nobody has to be told
				usage += fmt.Sprintf(" (default %s)", f.DefValue)
			}
			fmt.Fprintf(tw, "  %s %s\t%s\n", dashed(f.Name), kind, usage)
		})
		tw.Flush()
	}
	fmt.Fprint(w, "\nExamples:\n")
	for _, e := range v.examples {
		fmt.Fprintf(w, "  %s\n", e)
	}
}
