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
		help: "The script is for the shell to read, now (source) or whenever it needs it (a file where it looks for " +
			"such).",
		examples: []string{
			"source <(slotmesh completion bash)",
			"source <(slotmesh completion zsh)",
			"slotmesh completion fish > ~/.config/fish/completions/slotmesh.fish",
		},
		flags: func(*flag.FlagSet) {},
		run: func(_ context.Context, out output, args []string) error {
			if len(args) != 1 {
				return usagef("name the shell: bash, zsh or fish")
			}
			script, ok := map[string]func([]*verb) string{"bash": bashCompletion, "zsh": zshCompletion,
				"fish": fishCompletion}[args[0]]
			if !ok {
				return usagef("%q is not bash, zsh or fish", args[0])
			}
			_, err := fmt.Fprint(out.stdout, script(verbs()))
			return err
		},
	}
}

const shells = "bash zsh fish"

// candidate is a flag as a shell offers it.
type candidate struct {
	name  string // without dashes
	value string // what it takes, "" if nothing
	usage string
}

func candidates(v *verb) (list []candidate) {
	if v.flags == nil {
		return nil
	}
	v.flagSet().VisitAll(func(f *flag.Flag) {
		value, usage := flag.UnquoteUsage(f) // a switch has no value
		list = append(list, candidate{f.Name, value, usage})
	})
	return list
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
		"  COMPREPLY=()\n" +
		"  if [[ ${COMP_WORDS[1]} == completion ]]; then\n    COMPREPLY=($(compgen -W \"" + shells +
		"\" -- \"$word\"))\n    return\n  fi\n" +
		"  [[ $word == -* ]] || return 0\n  case ${COMP_WORDS[1]} in\n")
	for _, v := range list {
		var names []string
		for _, o := range candidates(v) {
			names = append(names, dashed(o.name))
		}
		if len(names) > 0 {
			fmt.Fprintf(&b, "    %s) COMPREPLY=($(compgen -W \"%s\" -- \"$word\")) ;;\n", v.name, strings.Join(names, " "))
		}
	}
	b.WriteString("  esac\n}\ncomplete -o default -F _slotmesh slotmesh\n")
	return b.String()
}

// zshWord escapes what the notation of _arguments and _describe takes for its own.
var zshWord = strings.NewReplacer("'", `'\''`, ":", `\:`, "[", `\[`, "]", `\]`)

func zshCompletion(list []*verb) string {
	var b strings.Builder
	b.WriteString("#compdef slotmesh\n_slotmesh() {\n  local -a verbs\n  verbs=(\n    'help:Show what a verb does'\n")
	for _, v := range list {
		fmt.Fprintf(&b, "    '%s:%s'\n", v.name, zshWord.Replace(v.summary))
	}
	b.WriteString("  )\n  if ((CURRENT == 2)); then\n    _describe verb verbs\n    return\n  fi\n  case $words[2] in\n" +
		"    help) _describe verb verbs ;;\n    completion) compadd " + shells + " ;;\n")
	for _, v := range list {
		list := candidates(v)
		if len(list) == 0 {
			continue
		}
		fmt.Fprintf(&b, "    %s) _arguments '*:argument:_files'", v.name)
		for _, o := range list {
			value := ""
			if o.value != "" {
				value = ":" + zshWord.Replace(o.value) + ":"
			}
			fmt.Fprintf(&b, " \\\n      '*%s[%s]%s'", dashed(o.name), zshWord.Replace(o.usage), value)
		}
		b.WriteString(" ;;\n")
	}
	// The first form is that of a file which zsh loads when it first completes, the second
	// that of a script which is sourced.
	b.WriteString("    *) _files ;;\n  esac\n}\nif [[ $funcstack[1] == _slotmesh ]]; then _slotmesh \"$@\"; else " +
		"compdef _slotmesh slotmesh; fi\n")
	return b.String()
}

// fishWord escapes a word between single quotes.
var fishWord = strings.NewReplacer(`\`, `\\`, "'", `\'`)

func fishCompletion(list []*verb) string {
	var b strings.Builder
	b.WriteString("complete -c slotmesh -n __fish_use_subcommand -f -a help -d 'Show what a verb does'\n" +
		"complete -c slotmesh -n '__fish_seen_subcommand_from help' -f -a '" + verbNames(list) + "'\n" +
		"complete -c slotmesh -n '__fish_seen_subcommand_from completion' -f -a '" + shells + "'\n")
	for _, v := range list {
		fmt.Fprintf(&b, "complete -c slotmesh -n __fish_use_subcommand -f -a %s -d '%s'\n", v.name,
			fishWord.Replace(v.summary))
		for _, o := range candidates(v) {
			kind, value := "-l", ""
			if len(o.name) == 1 {
				kind = "-s"
			}
			if o.value != "" {
				value = " -r"
			}
			fmt.Fprintf(&b, "complete -c slotmesh -n '__fish_seen_subcommand_from %s' %s %s%s -d '%s'\n", v.name, kind, o.name,
				value, fishWord.Replace(o.usage))
		}
	}
	return b.String()
}
