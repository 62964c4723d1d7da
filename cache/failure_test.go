package cache_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slotmesh/slotmesh/cache"
	"github.com/slotmesh/slotmesh/clustertest"
	"github.com/slotmesh/slotmesh/slots"
)

// codeError is an error with a type.
type codeError struct{ code int }

func (e *codeError) Error() string { return fmt.Sprint("code ", e.code) }

// The loader's error is itself where it ran; elsewhere it matches what is registered, and
// has its text.
func TestErrorsOfTheLoaderMatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clustertest.Start(t, clustertest.Config{Masters: 3})
		errBanned, errQuota, errSecret := errors.New("banned: \"x\"\n"), errors.New("over quota"), errors.New("secret")
		list := open(t, c, cache.Config[string]{Name: "c", TTL: time.Hour, Errors: []error{errBanned, errQuota},
			Load: func(context.Context, string) (string, error) {
				return "", fmt.Errorf("user 42: %w, %w, %w", errQuota, errSecret, &codeError{7})
			}})
		owner, _ := ownerOf(c, "c:k")
		for i, one := range list {
			_, err := one.Get(t.Context(), "k")
			if !errors.Is(err, errQuota) || errors.Is(err, errBanned) || err.Error() != "user 42: over quota, secret, code 7" {
				t.Errorf("node %d: %v", i, err)
			}
			var typed *codeError
			if here := errors.Is(err, errSecret) && errors.As(err, &typed) && typed.code == 7; here != (i == owner) {
				t.Errorf("node %d: the error itself: %v, want %v", i, here, i == owner)
			}
		}
	})
}

// A loader whose database is a cluster too has errors that must not be taken for those of
// this one.
func TestErrorsOfTheLoaderDoNotRoute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clustertest.Start(t, clustertest.Config{Masters: 3})
		for i, cause := range []error{
			&slots.MovedError{Slot: 1, Addr: slots.Addr{Host: "192.0.2.1", Port: 7000}}, slots.ErrClusterDown,
			slots.ErrTryAgain, errors.New("LOADING the database"), errors.New("LOADERROR \"\" oh"),
		} {
			list := open(t, c, cache.Config[string]{Name: fmt.Sprint("c", i), TTL: time.Hour, Errors: []error{cause},
				Load: func(context.Context, string) (string, error) { return "", fmt.Errorf("db: %w", cause) }})
			for _, one := range list {
				begin := time.Now()
				if _, err := one.Get(t.Context(), "k"); !errors.Is(err, cause) || err.Error() != "db: "+cause.Error() ||
					time.Since(begin) > 0 {
					t.Errorf("%v became %v after %v", cause, err, time.Since(begin))
				}
				if st := one.Stats(); st.Loads > 3 {
					t.Errorf("%v: %d loads of 3 calls", cause, st.Loads)
				}
			}
		}
	})
}

func TestErrorsRefused(t *testing.T) {
	for _, list := range [][]error{{nil}, {errors.New("")}, {errors.New("a"), errors.New("a")}} {
		_, err := cache.New(nil, cache.Config[string]{Name: "c", TTL: 1, Errors: list,
			Load: func(context.Context, string) (string, error) { return "", nil }})
		if err == nil {
			t.Errorf("%v is accepted", list)
		}
	}
}
