package cache

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Config says what a cache is to be. Name, TTL and one of Load and LoadTTL are required.
type Config[V any] struct {
	// Name tells the cluster's caches apart; it must not contain a colon or braces. A node
	// has one cache of a name. Change it when V changes in a way that its Codec would not
	// notice.
	Name string
	// Load gets the value of key from where it really lives. It returns ErrNotFound if there
	// is no such thing. It runs at the key's owner, once for all callers that wait; ctx
	// ends after LoadTimeout, or when the node closes, not when these callers give up.
	Load func(ctx context.Context, key string) (V, error)
	// LoadTTL takes the place of Load if the loader knows how long a value is good. It also
	// returns the value's TTL: 0 means Config.TTL; a negative one, that the value is for
	// the callers that wait, and is not stored. With ErrNotFound it is how long that is remembered,
	// 0: Config.Negative.
	LoadTTL func(ctx context.Context, key string) (V, time.Duration, error)
	// Errors are errors of the loader that callers ask for with errors.Is. The loader's
	// error matches them wherever it ran; all nodes must have the same here, since each
	// travels as its text. context.Canceled and context.DeadlineExceeded need not be named.
	Errors []error
	// TTL is how long a value is fresh.
	TTL time.Duration
	// Jitter spreads the ends of TTLs: each is shorter by up to this fraction, so that what
	// was loaded together is not loaded together again. Default 0.1; negative: none.
	Jitter float64
	// Stale is how much longer a value is served while it is loaded anew; a load that fails
	// is tried again after a second. Default 0.
	Stale time.Duration
	// Negative is how long the cache remembers that there is no such thing. Default: not at
	// all.
	Negative time.Duration
	// Copies is how many bytes this node may use for copies of hot entries that other nodes
	// own, as a groupcache does: they are served without asking the owner. Default 0: none.
	//
	// Copies are never older than an acknowledged write: Set, Delete, and commands of Redis
	// clients that change an entry, return when no node serves a copy of what it was. For a
	// node that does not answer they wait until its lease has run out, after a quarter of the
	// node timeout and 450 ms at most; that node serves no copies by then. While a member of the cluster
	// is away and the others have not agreed yet that it failed, no copies are served of what
	// it may come to own: anything, if it is a master. slotmesh.Node.TrackKeys says more.
	Copies int
	// CopyTTL bounds how long a copy is used. Default: for as long as its entry is fresh.
	CopyTTL time.Duration
	// LoadTimeout bounds a load. Default 30 s.
	LoadTimeout time.Duration
	// OwnerTimeout is how long Get and GetMany wait for the keys' owners to say what they
	// have. Then the value is loaded at this node, for the callers here, and stored
	// nowhere, as groupcache does: the database gets a load from each node for as long as
	// the owner is out of reach. Default 1 s; negative: wait, as long as ctx allows, for the
	// owner or its successor.
	OwnerTimeout time.Duration
	// Codec turns values into bytes. Default: JSON; a []byte is taken as it is.
	Codec Codec[V]
}

// Codec turns values into bytes and back. Decode may keep data.
type Codec[V any] interface {
	Encode(v V) ([]byte, error)
	Decode(data []byte) (V, error)
}

const (
	defaultJitter      = 0.1
	defaultLoadTimeout = 30 * time.Second

	defaultOwnerTimeout = time.Second
)

// withDefaults validates c and fills in what is not set.
func (c Config[V]) withDefaults() (Config[V], error) {
	switch {
	case c.Name == "" || strings.ContainsAny(c.Name, ":{}"):
		return c, fmt.Errorf("cache: Config.Name is %q: use a word without colon and braces", c.Name)
	case c.Load == nil && c.LoadTTL == nil:
		return c, errors.New("cache: Config.Load is missing: it gets what is not cached")
	case c.Load != nil && c.LoadTTL != nil:
		return c, errors.New("cache: Config.Load and LoadTTL are both set: use one of them")
	case c.TTL <= 0:
		return c, fmt.Errorf("cache: Config.TTL is %v: say how long a value is fresh", c.TTL)
	case c.Jitter > 1:
		return c, fmt.Errorf("cache: Config.Jitter is %v: use a fraction of TTL, 0 to 1", c.Jitter)
	case c.Stale < 0 || c.Negative < 0 || c.LoadTimeout < 0:
		return c, errors.New("cache: Config.Stale, Negative and LoadTimeout must not be negative")
	}
	if c.Copies < 0 || c.CopyTTL < 0 {
		return c, errors.New("cache: Config.Copies and CopyTTL must not be negative: use 0 copies for none")
	}
	if err := checkErrors(c.Errors); err != nil {
		return c, err
	}
	c.Errors = append(slices.Clone(c.Errors), context.Canceled, context.DeadlineExceeded)
	if c.LoadTTL == nil {
		c.LoadTTL = func(ctx context.Context, key string) (V, time.Duration, error) {
			v, err := c.Load(ctx, key)
			return v, 0, err
		}
	}
	if c.OwnerTimeout == 0 {
		c.OwnerTimeout = defaultOwnerTimeout
	}
	if c.Jitter == 0 {
		c.Jitter = defaultJitter
	}
	c.Jitter = max(0, c.Jitter)
	if c.LoadTimeout == 0 {
		c.LoadTimeout = defaultLoadTimeout
	}
	if c.Codec == nil {
		if raw, ok := any(Bytes{}).(Codec[V]); ok {
			c.Codec = raw
		} else {
			c.Codec = JSON[V]{}
		}
	}
	return c, nil
}

// checkErrors makes sure that texts tell the errors apart.
func checkErrors(list []error) error {
	seen := make(map[string]bool, len(list))
	for i, err := range list {
		switch {
		case err == nil || err.Error() == "":
			return fmt.Errorf("cache: Config.Errors[%d] is nil or has no text", i)
		case seen[err.Error()]:
			return fmt.Errorf("cache: Config.Errors[%d] has the text of another: %q; at other nodes texts tell them apart", i,
				err)
		}
		seen[err.Error()] = true
	}
	return nil
}

// JSON is the Codec of encoding/json.
type JSON[V any] struct{}

// Encode implements Codec.
func (JSON[V]) Encode(v V) ([]byte, error) { return json.Marshal(v) }

// Decode implements Codec.
func (JSON[V]) Decode(data []byte) (v V, err error) { return v, json.Unmarshal(data, &v) }

// Bytes is the Codec of values that are bytes already.
type Bytes struct{}

// Encode implements Codec.
func (Bytes) Encode(v []byte) ([]byte, error) { return v, nil }

// Decode implements Codec.
func (Bytes) Decode(data []byte) ([]byte, error) { return data, nil }
