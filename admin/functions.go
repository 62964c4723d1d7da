package admin

import (
	"context"
	"errors"
	"fmt"
)

// Nodes of a cluster do not tell each other their functions. As redis-cli does, those who
// add a node bring it those that the others have: FUNCTION DUMP there, FUNCTION RESTORE here.

// functions is the libraries of a node.
type functions struct {
	node    string // its address
	payload string // of FUNCTION DUMP
	count   int    // of libraries
}

// functionsOf asks a node for its functions. Servers before Redis 7 have none, nor has a
// node that does not let us ask.
func (c *Client) functionsOf(ctx context.Context, addr string) (f functions, err error) {
	f.node = addr
	list, err := c.do(ctx, addr, "FUNCTION", "LIST")
	if err != nil {
		if isRefusal(err) {
			return f, nil
		}
		return f, err
	}
	if f.count = len(list.Elems); f.count == 0 {
		return f, nil
	}
	dump, err := c.do(ctx, addr, "FUNCTION", "DUMP")
	if err != nil {
		return f, err
	}
	f.payload = string(dump.Str)
	return f, nil
}

// sameFunctions reports whether two nodes have the same functions, of which they may dump
// the libraries in different orders.
func (c *Client) sameFunctions(ctx context.Context, a, b functions) (bool, error) {
	if a.count != b.count {
		return false, nil
	}
	if a.payload == b.payload {
		return true, nil
	}
	var codes [2]map[string]string
	for i, f := range [...]functions{a, b} {
		reply, err := c.do(ctx, f.node, "FUNCTION", "LIST", "WITHCODE")
		if err != nil {
			return false, err
		}
		codes[i] = make(map[string]string)
		for j := range reply.Elems {
			name, code := reply.Elems[j].Lookup("library_name"), reply.Elems[j].Lookup("library_code")
			if name != nil && code != nil {
				codes[i][name.Text()] = code.Text()
			}
		}
	}
	for name, code := range codes[0] {
		if codes[1][name] != code {
			return false, nil
		}
	}
	return true, nil
}

// mayBring refuses to give functions to a node that has others.
func (c *Client) mayBring(ctx context.Context, from functions, addr string) (needed bool, err error) {
	here, err := c.functionsOf(ctx, addr)
	if err != nil {
		return false, err
	}
	same, err := c.sameFunctions(ctx, from, here)
	switch {
	case err != nil || same:
		return false, err
	case here.count > 0:
		return false, &NodeError{Node: addr, Err: fmt.Errorf("%w: %w", ErrNotEmpty, errOtherFunctions)}
	}
	return true, nil
}

// errOtherFunctions refuses a node with functions that the cluster does not have.
var errOtherFunctions = errors.New("it has other functions than the cluster; FUNCTION FLUSH removes them")

// bringFunctions gives functions to a node that has none. One that has the same is fine:
// an interrupted call has brought them.
func (c *Client) bringFunctions(ctx context.Context, from functions, addr string) error {
	needed, err := c.mayBring(ctx, from, addr)
	if err != nil || !needed {
		return err
	}
	c.step(addr, "bringing the functions of %s", from.node)
	_, err = c.do(ctx, addr, "FUNCTION", "RESTORE", from.payload)
	return err
}
