package slotmesh

import (
	"fmt"

	"github.com/slotmesh/slotmesh/internal/resp"
)

// Status is a reply of a command that the Redis protocol shows without quotes, such as OK.
type Status string

// appendValue appends what a host's command returns as a reply: see [Handler].
func appendValue(w *resp.Writer, v any) error {
	switch v := v.(type) {
	case nil:
		w.Null()
	case Status:
		w.Simple(string(v))
	case string:
		w.BulkString(v)
	case []byte:
		w.Bulk(v)
	case int:
		w.Int(int64(v))
	case int64:
		w.Int(v)
	case float64:
		w.Double(v)
	case bool:
		w.Bool(v)
	case []string:
		w.Array(len(v))
		for _, s := range v {
			w.BulkString(s)
		}
	case []any:
		w.Array(len(v))
		for _, e := range v {
			if err := appendValue(w, e); err != nil {
				return err
			}
		}
	default:
		return fmt.Errorf("ERR the command returned a %T: use nil, Status, string, []byte, int, int64, float64, bool, "+
			"[]string or []any", v)
	}
	return nil
}
