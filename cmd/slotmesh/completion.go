package main

import (
	"context"
	"flag"
	"fmt"
	"strings"
)

func completionVerb() *verb {
	return &verb{
		name: "completion", args: "bash|zsh|fish",
		summary: "Print what makes a shell complete verbs and flags.",
		examples: []string{
			"source <(slotmesh completion bash)",
			"slotmesh completion fish > ~/.config/fish/completions/slotmesh.fish",
		},
		flags: func(*flag.FlagSet) {},
		run: func(_ context.Context, out output, args []string) error {
			if len(args) != 1 {
				return usagef("name the shell: bash, zsh or fish")
			}
			script, ok := map[string]func([]*verb) string{"bash": bashCompletion, "zsh": zshCompletion, "fish": fishCompletion}[args[0]]
			if !ok {
				return usagef("%q is not bash, zsh or fish", args[0])
			}
			_, err := fmt.Fprint(out.stdout, script(verbs()))
			return err
		},
	}
}

// flagNames returns a verb's flags with two dashes.
func flagNames(v *verb) []string {
	if v.flags == nil {
		return nil
	}
	var names []string
	v.flagSet().VisitAll(func(f *flag.Flag) { names = append(names, dashed(f.Name)) })
	return names
}

func verbNames(list []*verb) string {
	names := []string{"help"}
	for _, v := range list {
		names = append(names, v.name)
	}
	return strings.Join(names, " ")
}

func bashCompletion(list []*verb) string {
	var b strings.Builder
	b.WriteString("_slotmesh() {\n  local word=${COMP_WORDS[COMP_CWORD]}\n" +
		"  if ((COMP_CWORD == 1)) || [[ ${COMP_WORDS[1]} == help ]]; then\n" +
		"    COMPREPLY=($(compgen -W \"" + verbNames(list) + "\" -- \"$word\"))\n    return\n  fi\n" +
		"  COMPREPLY=()\n  [[ $word == -* ]] || return 0\n  case ${COMP_WORDS[1]} in\n")
	for _, v := range list {
		if names := flagNames(v); len(names) > 0 {
			fmt.Fprintf(&b, "    %s) COMPREPLY=($(compgen -W \"%s\" -- \"$word\")) ;;\n", v.name, strings.Join(names, " "))
		}
	}
	b.WriteString("  esac\n}\ncomplete -o default -F _slotmesh slotmesh\n")
	return b.String()
}

func zshCompletion(list []*verb) string {
	return "#compdef slotmesh\nautoload -U +X bashcompinit && bashcompinit\n" + bashCompletion(list)
}

func fishCompletion(list []*verb) string {
	var b strings.Builder
	b.WriteString("complete -c slotmesh -n __fish_use_subcommand -a help -d 'Show what a verb does'\n")
	for _, v := range list {
		fmt.Fprintf(&b, "complete -c slotmesh -n __fish_use_subcommand -a %s -d '%s'\n", v.name, strings.ReplaceAll(v.summary, "'", `\'`))
		for _, name := range flagNames(v) {
			fmt.Fprintf(&b, "complete -c slotmesh -n '__fish_seen_subcommand_from %s' -l %s\n", v.name, strings.TrimPrefix(name, "--"))
		}
	}
	return b.String()
}
