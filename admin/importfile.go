package admin

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/slotmesh/slotmesh/internal/aof"
	"github.com/slotmesh/slotmesh/internal/follow"
	"github.com/slotmesh/slotmesh/internal/rdb"
	"github.com/slotmesh/slotmesh/internal/resp"
)

// ImportFile says which file of Redis to bring into a cluster.
type ImportFile struct {
	// Path is that of an RDB file, of an append-only file, or of the folder of one
	// (appendonlydir).
	Path string
	// Replace overwrites keys that the cluster has already.
	Replace bool
	// SkipDatabases leaves out what is in databases other than 0; without it a file that has
	// any is refused.
	SkipDatabases bool
}

// ImportFileResult is what was brought in.
type ImportFileResult struct {
	Keys      int64 `json:"keys"`      // of RDB files
	Commands  int64 `json:"commands"`  // of append-only files
	Functions int64 `json:"functions"` // libraries
	Expired   int64 `json:"expired"`   // keys that were left out, as their time is over
	Skipped   int64 `json:"skipped"`   // keys and commands that were left out, of other databases
	Torn      int64 `json:"torn"`      // bytes at the end that are no whole command
}

// importPiece bounds what is held of a collection, in bytes. Only tests change it.
var importPiece = 64 << 20

// ImportFile brings an RDB file of Redis 4 to 7.4 or Valkey, or an append-only file, into the
// cluster: keys with their times to live, functions to all masters, and what was appended. The
// file is read and checked to its end before the first key is written. A command that an
// append-only file does not have whole, at its very end, is left out, as by aof-load-truncated
// yes.
//
// Keys and commands that the cluster refuses do not stop it; they make an *ImportError. Repeating
// an import continues it: keys that are in the cluster with the same value are done. With
// appended commands the cluster must have no keys, or Replace be set: keys that the file has are
// removed first then, and others stay. Commands on keys of several slots are carried out on copies
// in one slot.
func (c *Client) ImportFile(ctx context.Context, v *View, in ImportFile) (ImportFileResult, error) {
	if err := Check(v).err(v.Nodes[0].Address); err != nil {
		return ImportFileResult{}, err
	}
	r := &fileImport{c: c, in: in, writer: newKeyWriter(c, v), now: time.Now().UnixMilli(), late: make(map[string]int64),
		t: &tracker{c: c, begin: time.Now()}}
	c.step("", "checking %s", in.Path)
	if err := r.inspect(ctx); err != nil {
		return r.result, err
	}
	if err := r.run(ctx); err != nil {
		return r.result, &StepError{Verb: "import", Step: "bringing in " + in.Path, Err: err,
			Left: fmt.Sprintf("%d keys and %d commands of it are in the cluster", r.result.Keys, r.result.Commands),
			Next: r.next()}
	}
	r.t.report(true)
	if len(r.failed) > 0 {
		return r.result, &ImportError{r.result.Keys + r.result.Commands, r.failed}
	}
	return r.result, nil
}

// fileImport is an ImportFile under way.
type fileImport struct {
	c      *Client
	in     ImportFile
	writer *keyWriter
	now    int64 // Unix milliseconds
	t      *tracker
	result ImportFileResult
	failed []KeyError

	replay   bool // there are commands …
	flushes  bool // … of which one removes all keys
	begun    bool // the first of them is reached
	list     []importWrite
	size     int
	isTaken  bool             // the last key is the cluster's: it is not to be changed
	late     map[string]int64 // when keys expire whose end must not come before the last command
	function map[string]map[string]bool
}

func (r *fileImport) next() string {
	if r.replay {
		return "the same command with --cluster-replace brings all of it in anew"
	}
	return "the same command continues"
}

// open opens the log at its beginning.
func (r *fileImport) open() (*aof.Log, error) {
	path, err := filepath.Abs(r.in.Path)
	if err != nil {
		return nil, err
	}
	l, err := aof.Open(os.DirFS(filepath.Dir(path)), filepath.Base(path))
	if err != nil {
		return nil, fmt.Errorf("admin: %s: %w", r.in.Path, err)
	}
	l.SkipDatabases, l.PieceSize = r.in.SkipDatabases, importPiece
	return l, nil
}

// each calls fn with all items of the log.
func (r *fileImport) each(ctx context.Context, fn func(*aof.Item) error) error {
	l, err := r.open()
	if err != nil {
		return err
	}
	defer l.Close()
	for {
		item, err := l.Next()
		if err == io.EOF {
			if torn := l.Torn(); torn != nil {
				r.result.Torn = torn.Bytes
			}
			return nil
		}
		if err == nil {
			err = ctx.Err()
		}
		if err == nil {
			err = fn(item)
		}
		if err != nil {
			return err
		}
	}
}

var (
	errSwaps = errors.New("it swaps databases (SWAPDB), of which a cluster has one: have the server rewrite the file " +
		"(BGREWRITEAOF), then import that")
	errFlushes = errors.New("it has a command that removes all keys (FLUSHALL), also those that the cluster has of " +
		"others: empty the cluster first, or have the server rewrite the file (BGREWRITEAOF)")
)

// inspect reads all of the file, and finds out whether it can be brought into the cluster as it is
// now.
func (r *fileImport) inspect(ctx context.Context) error {
	p := &r.t.p
	err := r.each(ctx, func(item *aof.Item) error {
		if k := item.Key; k != nil {
			if k.Kind == rdb.FileKey && k.Piece == 0 {
				p.TotalKeys++
			}
			return nil
		}
		for _, args := range item.Commands {
			if err := r.inspectCommand(item.Database, args); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("admin: %s cannot be imported: %w", r.in.Path, err)
	}
	if r.result.Torn > 0 {
		r.c.notice("", "%s: the last %d bytes are no whole command and are left out", r.in.Path, r.result.Torn)
	}
	if r.replay = p.TotalCommands > 0; !r.replay {
		return nil
	}
	n, err := r.writer.keys(ctx)
	switch {
	case err != nil:
		return err
	case n > 0 && !r.in.Replace:
		return fmt.Errorf("%w: the cluster has %d keys; --cluster-replace removes those that %s has, too", ErrNotEmpty, n,
			r.in.Path)
	case n > 0 && r.flushes:
		return fmt.Errorf("admin: %s cannot be imported: %w", r.in.Path, errFlushes)
	}
	return nil
}

// inspectCommand refuses what cannot be carried out at a cluster whatever keys there are.
func (r *fileImport) inspectCommand(database int64, args [][]byte) error {
	switch scope := follow.Analyze(args).Scope; {
	case scope == follow.ScopeSwap && (!r.in.SkipDatabases || swapsFirst(args)):
		return errSwaps
	case scope == follow.ScopeSwap:
		return nil
	case scope == follow.ScopeServer:
		r.flushes = true
	case scope == follow.ScopeNone, scope == follow.ScopeMessage, scope == follow.ScopeFunctions:
	case database != 0 && !r.in.SkipDatabases:
		return &rdb.DatabaseError{Database: uint64(database)}
	case database != 0:
	case scope == follow.ScopeAll:
		r.flushes = true
	}
	r.t.p.TotalCommands++
	return nil
}

// swapsFirst reports whether a SWAPDB is about database 0.
func swapsFirst(args [][]byte) bool {
	for _, arg := range args[1:] {
		if n, ok := resp.ParseInt(arg); !ok || n == 0 {
			return true
		}
	}
	return false
}

// run brings everything in.
func (r *fileImport) run(ctx context.Context) error {
	if r.replay && r.in.Replace {
		if err := r.clear(ctx); err != nil {
			return err
		}
	}
	if err := r.listFunctions(ctx); err != nil {
		return err
	}
	err := r.each(ctx, func(item *aof.Item) error {
		k := item.Key
		switch {
		case k == nil:
			return r.commands(ctx, item)
		case k.Kind == rdb.FileFunction:
			return r.loadFunction(ctx, k.Text)
		case k.Kind == rdb.FileKey:
			return r.key(ctx, k)
		}
		return nil
	})
	if err == nil {
		err = r.flush(ctx)
	}
	if err == nil {
		err = r.expireLate(ctx)
	}
	return err
}

// fail notes what the cluster has refused.
func (r *fileImport) fail(key []byte, err error) {
	r.failed = append(r.failed, KeyError{string(key), err})
}

// listFunctions finds out which functions the masters have.
func (r *fileImport) listFunctions(ctx context.Context) error {
	r.function = make(map[string]map[string]bool)
	for _, n := range r.writer.view.Masters() {
		has := make(map[string]bool)
		r.function[n.Address] = has
		reply, err := r.c.do(ctx, n.Address, "FUNCTION", "LIST", "WITHCODE")
		if err != nil && !isRefusal(err) {
			return err
		}
		for i := range reply.Elems {
			if code := reply.Elems[i].Lookup("library_code"); code != nil {
				has[code.Text()] = true
			}
		}
	}
	return nil
}

// loadFunction loads a library at the masters that do not have it.
func (r *fileImport) loadFunction(ctx context.Context, source []byte) error {
	cmd := []string{"FUNCTION", "LOAD"}
	if r.in.Replace {
		cmd = append(cmd, "REPLACE")
	}
	for _, n := range r.writer.view.Masters() {
		has := r.function[n.Address]
		if has[string(source)] {
			continue
		}
		_, err := r.c.do(ctx, n.Address, append(cmd, string(source))...)
		switch {
		case isRefusal(err):
			line, _, _ := bytes.Cut(source, []byte("\n"))
			r.fail(line, err)
			return nil
		case err != nil:
			return err
		}
		has[string(source)] = true
	}
	r.result.Functions++
	return nil
}
