package client_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/slotmesh/slotmesh/client"
	"github.com/slotmesh/slotmesh/keyspace/stream"
)

// A leaderboard is a sorted set. Points are added, and the place that they lead to is read,
// in one moment.
func ExampleTx_ZSet() {
	ctx := context.Background()
	c, stop := connect(ctx)
	defer stop()

	const board = "leaderboard"
	award := func(player string, points float64) {
		err := c.Update(ctx, []string{board}, func(tx client.Tx) error {
			z, err := tx.ZSet(board)
			if err != nil {
				return err
			}
			_, err = z.Add(player, points)
			return err
		})
		if err != nil {
			log.Fatal(err)
		}
	}
	award("ada", 30)
	award("grace", 25)
	award("linus", 10)
	award("grace", 10)

	err := c.Update(ctx, []string{board}, func(tx client.Tx) error {
		z, err := tx.ZSet(board)
		if err != nil {
			return err
		}
		place := 0
		for player, points := range z.Down(0) {
			if place++; place > 2 {
				break
			}
			fmt.Println(place, player, points)
		}
		return nil
	})
	fmt.Println(err)
	// Output:
	// 1 grace 35
	// 2 ada 30
	// <nil>
}

// A shopping cart is a hash from articles to quantities. An order takes the cart away and
// lowers the stock, or does neither.
func ExampleTx_Hash() {
	ctx := context.Background()
	c, stop := connect(ctx)
	defer stop()

	const cart, stock = "{shop}cart:7", "{shop}stock" // braces: both in one slot
	for _, command := range [][]any{{"HSET", stock, "pen", 5, "ink", 1}, {"HSET", cart, "pen", 2, "ink", 1}} {
		if _, err := c.Do(ctx, command[0].(string), command[1:]...); err != nil {
			log.Fatal(err)
		}
	}
	errSoldOut := errors.New("sold out")
	order := func(tx client.Tx) error {
		wanted, err1 := tx.Hash(cart)
		inStock, err2 := tx.Hash(stock)
		if err := errors.Join(err1, err2); err != nil {
			return err
		}
		for article, quantity := range wanted.All() {
			have, _ := inStock.Get(article)
			left := number(have) - number(quantity)
			if left < 0 {
				return fmt.Errorf("%w: %s", errSoldOut, article)
			}
			if err := inStock.Set(article, fmt.Append(nil, left)); err != nil {
				return err
			}
		}
		tx.Delete(cart)
		return nil
	}
	fmt.Println(c.Update(ctx, []string{cart, stock}, order))

	if _, err := c.Do(ctx, "HSET", cart, "pen", 1, "ink", 1); err != nil {
		log.Fatal(err)
	}
	fmt.Println(c.Update(ctx, []string{cart, stock}, order)) // the pen, too, stays where it is
	pens, err := c.Do(ctx, "HGET", stock, "pen")
	fmt.Printf("%s %v\n", pens, err)
	// Output:
	// <nil>
	// sold out: ink
	// 3 <nil>
}

func number(digits []byte) (n int) {
	fmt.Sscan(string(digits), &n) // 0 if there are none
	return n
}

// A queue whose jobs survive their workers: a job that is taken stays in the worker's own
// list until it is done. What a worker that died has left is put back, in order. (A worker
// that has nothing to do waits with BLMOVE instead of asking again.)
func ExampleTx_List() {
	ctx := context.Background()
	c, stop := connect(ctx)
	defer stop()

	const waiting, taken = "{jobs}waiting", "{jobs}taken:worker-1"
	keys := []string{waiting, taken}
	if _, err := c.Do(ctx, "RPUSH", waiting, "first", "second", "third"); err != nil {
		log.Fatal(err)
	}
	// lists runs a transaction on both.
	lists := func(fn func(waiting, taken client.List) error) {
		err := c.Update(ctx, keys, func(tx client.Tx) error {
			w, err1 := tx.List(waiting)
			t, err2 := tx.List(taken)
			if err := errors.Join(err1, err2); err != nil {
				return err
			}
			return fn(w, t)
		})
		if err != nil {
			log.Fatal(err)
		}
	}
	take := func() (job string) {
		lists(func(waiting, taken client.List) error {
			v, ok := waiting.PopFront()
			if job = string(v); !ok {
				return nil
			}
			return taken.PushBack(v)
		})
		return job
	}
	fmt.Println("done:", take())
	lists(func(_, taken client.List) error {
		taken.PopFront()
		return nil
	})
	fmt.Println("lost:", take())

	// Another worker finds out that worker-1 is gone.
	lists(func(waiting, taken client.List) error {
		for job, ok := taken.PopBack(); ok; job, ok = taken.PopBack() {
			if err := waiting.PushFront(job); err != nil {
				return err
			}
		}
		return nil
	})
	fmt.Println("again:", take())
	// Output:
	// done: first
	// lost: second
	// again: second
}

// Workers share a stream's entries as a group. An entry is pending to the worker that has
// read it until that acknowledges it, in the transaction that does the entry's work; what a
// worker that died has left is claimed by another.
func ExampleTx_Stream() {
	ctx := context.Background()
	c, stop := connect(ctx)
	defer stop()

	const orders, total = "{shop}orders", "{shop}total"
	// in runs a transaction on the stream and what the workers make of it.
	in := func(fn func(s client.Stream, sum client.Hash) error) {
		err := c.Update(ctx, []string{orders, total}, func(tx client.Tx) error {
			s, err1 := tx.Stream(orders)
			sum, err2 := tx.Hash(total)
			if err := errors.Join(err1, err2); err != nil {
				return err
			}
			return fn(s, sum)
		})
		if err != nil {
			log.Fatal(err)
		}
	}
	in(func(s client.Stream, _ client.Hash) error {
		_, err := s.CreateGroup("workers", stream.ID{})
		for _, pens := range []string{"3", "4"} {
			if err == nil {
				_, err = s.Append("article", "pen", "quantity", pens)
			}
		}
		return err
	})
	in(func(s client.Stream, _ client.Hash) error {
		_, err := s.Read("workers", "worker-1", 1) // which dies before it has done anything
		return err
	})
	in(func(s client.Stream, sum client.Hash) error {
		var left []stream.ID
		for p := range s.Pending("workers", "worker-1") {
			left = append(left, p.ID)
		}
		_, err1 := s.Claim("workers", "worker-2", left...)
		fresh, err2 := s.Read("workers", "worker-2", 10)
		for _, id := range append(left, fresh...) {
			entry, _ := s.Get(id)
			for field, value := range entry.All() {
				if field == "quantity" {
					have, _ := sum.Get("pen")
					err1 = errors.Join(err1, sum.Set("pen", fmt.Append(nil, number(have)+number(value))))
				}
			}
			s.Acknowledge("workers", id)
		}
		return errors.Join(err1, err2)
	})
	pens, err := c.Do(ctx, "HGET", total, "pen")
	fmt.Printf("%s %v\n", pens, err)
	// Output:
	// 7 <nil>
}
