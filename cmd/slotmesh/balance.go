package main

import (
	"context"
	"slices"
	"strings"

	"github.com/slotmesh/slotmesh/admin"
)

func balanceVerb(t *task) *verb {
	return &verb{
		name: "balance", args: "HOST:PORT pause|resume|status|plan|exclude NODE|include NODE",
		summary: "Pause, resume or show what moves slots by itself.",
		help: "A cluster whose nodes balance (slotmesh-balance in the configuration) gives each shard its share of slots " +
			"and its\nreplicas by itself. A pause holds for all nodes, also after they restart; moves that have begun end " +
			"first, within\nabout a second. plan shows what would be done next, and changes nothing. A node that is\n" +
			"excluded, by its id, gets neither slots nor a master to follow until it is included again, and keeps what it " +
			"has; drain\nexcludes its node.",
		examples: []string{"slotmesh balance 127.0.0.1:7001 plan", "slotmesh balance 127.0.0.1:7001 pause"},
		flags:    t.common,
		run: t.run(func(ctx context.Context, args []string) error {
			addr, rest, err := address(args)
			if err != nil {
				return err
			}
			known := []string{admin.BalancePause, admin.BalanceResume, admin.BalanceStatus, admin.BalancePlan}
			ofNode := []string{admin.BalanceExclude, admin.BalanceInclude}
			switch {
			case len(rest) == 1 && slices.Contains(known, rest[0]):
			case len(rest) == 2 && slices.Contains(ofNode, rest[0]):
			default:
				return usagef("say one of %s after the address, or %s and the id of a node", strings.Join(known, ", "),
					strings.Join(ofNode, " or "))
			}
			text, err := t.client.Balance(ctx, addr, rest[0], rest[1:]...)
			if err != nil {
				return err
			}
			text = strings.TrimRight(strings.ReplaceAll(text, "\r\n", "\n"), "\n")
			return t.done(struct {
				Balance string `json:"balance"`
			}{text}, "%s", text)
		}),
	}
}
