package admin

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/slotmesh/slotmesh/internal/follow"
	"github.com/slotmesh/slotmesh/internal/resp"
)

// askSource runs a transaction that reads keys and ends with TIME and INFO, and returns
// its answers with the offset of the stream that they are of. A source that cannot be
// reached now is asked again: what the cluster has is not right without its answer.
func (t *followTarget) askSource(ctx context.Context, commands [][][]byte) (answers []resp.Reply, offset int64,
	err error) {
	for deadline := time.Now().Add(writeTime); ; {
		var replies []resp.Reply
		if replies, err = t.source.pipeBytes(ctx, t.from, commands); err == nil {
			err = firstError(t.from, replies)
		}
		if err == nil {
			answers = replies[len(replies)-1].Elems
			break
		}
		if ctx.Err() != nil || isRefusal(err) && isFinal(err) || time.Now().After(deadline) {
			return nil, 0, err
		}
		if err := pause(ctx, maxWriteBackoff); err != nil {
			return nil, 0, err
		}
	}
	if want := len(commands) - 2; len(answers) != want {
		return nil, 0, &NodeError{t.from, "EXEC", fmt.Errorf("the reply has %d parts, want %d", len(answers), want)}
	}
	info := ParseFields(answers[len(answers)-1].Text())
	offset, err = strconv.ParseInt(info["master_repl_offset"], 10, 64)
	if err != nil {
		err = &NodeError{t.from, "INFO", fmt.Errorf("master_repl_offset: %w", err)}
	}
	return answers, offset, err
}

// sourceTime reads the answer to TIME as Unix milliseconds.
func sourceTime(r *resp.Reply) int64 {
	if len(r.Elems) != 2 {
		return 0
	}
	seconds, _ := resp.ParseInt(r.Elems[0].Str)
	micros, _ := resp.ParseInt(r.Elems[1].Str)
	return seconds*1000 + micros/1000
}

// analyze is follow.Analyze, with the help of the source about commands that nobody knows
// here.
func (t *followTarget) analyze(ctx context.Context, args [][]byte) (follow.Access, error) {
	a := follow.Analyze(args)
	if a.Scope != follow.ScopeUnknown {
		return a, nil
	}
	question := append([][]byte{[]byte("COMMAND"), []byte("GETKEYS")}, args...)
	replies, err := t.source.pipeBytes(ctx, t.from, [][][]byte{question})
	if err != nil {
		return a, err
	}
	if err := replies[0].Err(); err != nil {
		if refused(err, "no key arguments") {
			t.warn("%s is not carried out at the cluster: it has no keys", args[0])
			return follow.Access{Scope: follow.ScopeNone}, nil
		}
		return a, &NodeError{t.from, "COMMAND GETKEYS " + string(args[0]), err}
	}
	for i := range replies[0].Elems {
		a.Keys = append(a.Keys, replies[0].Elems[i].Str)
	}
	a.Scope, a.Written = follow.ScopeKeys, a.Keys
	return a, nil
}
