package client

import (
	"context"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"strings"
)

// Script is the source of a script that nodes run, in Lua if their engine is that of
// package script. It is an immutable value; programs usually have one in a package
// variable for each of their scripts.
type Script struct{ source, hash string }

// NewScript returns a Script. Whether its source compiles is known when it runs.
func NewScript(source string) Script {
	sum := sha1.Sum([]byte(source))
	return Script{source, hex.EncodeToString(sum[:])}
}

// Source returns the source.
func (s Script) Source() string { return s.source }

// Hash returns the SHA-1 of the source in hex, by which EVALSHA, SCRIPT EXISTS and error
// texts name the script.
func (s Script) Hash() string { return s.hash }

// Run runs the script by do, which is a Do of a Router, a Client, a node or its Local: by
// EVALSHA, and by EVAL where the node does not have the script yet. Inside the script keys
// are KEYS and args ARGV; both end up as strings.
func (s Script) Run(ctx context.Context, do DoFunc, keys []string, args ...any) (any, error) {
	return s.run(ctx, do, "", keys, args)
}

// RunRO is Run by EVALSHA_RO and EVAL_RO: the script may only read, and replicas run it
// too.
func (s Script) RunRO(ctx context.Context, do DoFunc, keys []string, args ...any) (any, error) {
	return s.run(ctx, do, "_RO", keys, args)
}

// DoFunc is the method Do of a Router, a Client, a node or its Local.
type DoFunc = func(ctx context.Context, command string, args ...any) (any, error)

func (s Script) run(ctx context.Context, do DoFunc, kind string, keys []string, args []any) (any, error) {
	line := make([]any, 0, 2+len(keys)+len(args))
	line = append(line, s.hash, len(keys))
	for _, key := range keys {
		line = append(line, key)
	}
	line = append(line, args...)
	value, err := do(ctx, "EVALSHA"+kind, line...)
	if noScript(err) {
		line[0] = s.source
		value, err = do(ctx, "EVAL"+kind, line...)
	}
	return value, err
}

// noScript reports whether a node refused EVALSHA because it does not have the script.
func noScript(err error) bool {
	var reply ReplyError
	return errors.As(err, &reply) && strings.HasPrefix(string(reply), "NOSCRIPT ")
}

// Eval runs a script on keys of one slot, atomically, at the master that owns them; see
// [Script.Run]. Without keys any master runs it. The reply and the arguments are as for
// [Router.Do]. An error that the script raises is a [ReplyError]; what it had written
// before stays. If the connection breaks, nobody knows whether the script ran: the error
// matches [ErrAmbiguous] then.
func (r *Router) Eval(ctx context.Context, s Script, keys []string, args ...any) (any, error) {
	return s.Run(ctx, r.Do, keys, args...)
}

// EvalRO runs a script that only reads, wherever the Router reads: see
// [Router.WithReadPreference].
func (r *Router) EvalRO(ctx context.Context, s Script, keys []string, args ...any) (any, error) {
	return s.RunRO(ctx, r.Do, keys, args...)
}
