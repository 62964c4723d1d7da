package admin

import (
	"context"

	"github.com/slotmesh/slotmesh/slots"
)

// Why is the former name of Explanation.
//
// Deprecated: use Explanation.
type Why = Explanation

// Why is the former name of Explain.
//
// Deprecated: use Explain.
func (c *Client) Why(ctx context.Context, v *View, slot slots.Slot) (*Explanation, error) {
	return c.Explain(ctx, v, slot)
}

// Settle is the former name of WaitAgreed.
//
// Deprecated: use WaitAgreed.
func (c *Client) Settle(ctx context.Context, v *View) (*View, error) { return c.WaitAgreed(ctx, v) }
