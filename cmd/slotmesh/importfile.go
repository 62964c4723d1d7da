package main

import (
	"context"
	"net"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/slotmesh/slotmesh/admin"
)

// isFile reports whether what is to be imported is a file and no address: what is not host:port
// is a path, and what has a slash.
func isFile(source string) bool {
	_, port, err := net.SplitHostPort(source)
	if err != nil || strings.ContainsRune(source, filepath.Separator) {
		return true
	}
	_, err = strconv.ParseUint(port, 10, 16)
	return err != nil
}

// fileArgument takes a path from the front of the arguments, if there is one before the address
// of a node.
func fileArgument(args []string) (path string, rest []string) {
	if len(args) < 2 || !isFile(args[0]) {
		return "", args
	}
	if _, err := strconv.ParseUint(args[1], 10, 16); err == nil { // a host and a port
		return "", args
	}
	return args[0], args[1:]
}

// importFile brings an RDB file or an append-only file into a cluster.
func (t *task) importFile(ctx context.Context, args []string, in admin.ImportFile) error {
	v, _, err := t.view(ctx, args, 0)
	if err != nil {
		return err
	}
	result, err := t.client.ImportFile(ctx, v, in)
	if err != nil {
		return err
	}
	return t.done(result, "[OK] %d keys imported, %d commands carried out, %d libraries of functions loaded; %d keys had "+
		"expired.", result.Keys, result.Commands, result.Functions, result.Expired)
}
