package slotmesh

import (
	"fmt"
	"strconv"

	"github.com/slotmesh/slotmesh/internal/resp"
)

// commandLine turns what Do is given into the arguments of a command.
func commandLine(command string, args []any) ([][]byte, error) {
	line := make([][]byte, 1, 1+len(args))
	line[0] = []byte(command)
	for i, arg := range args {
		var b []byte
		switch v := arg.(type) {
		case string:
			b = []byte(v)
		case []byte:
			b = v
		case int:
			b = strconv.AppendInt(nil, int64(v), 10)
		case int64:
			b = strconv.AppendInt(nil, v, 10)
		case uint64:
			b = strconv.AppendUint(nil, v, 10)
		case float64:
			b = strconv.AppendFloat(nil, v, 'g', -1, 64)
		default:
			return nil, fmt.Errorf("slotmesh: argument %d of %s is a %T: use string, []byte, int, int64, uint64 or float64", i+
				1, command, arg)
		}
		line = append(line, b)
	}
	return line, nil
}

// valueOf turns a reply into what Do returns.
func valueOf(r *resp.Reply) any {
	switch r.Kind {
	case resp.Simple:
		return string(r.Str)
	case resp.ErrorMsg: // inside an array: the others are worth having
		return ReplyError(r.Str)
	case resp.Int:
		return r.Int
	case resp.Bulk:
		return r.Str
	case resp.Double:
		return r.Float
	case resp.Bool:
		return r.Int == 1
	case resp.Map:
		m := make(map[string]any, len(r.Elems)/2)
		for i := 0; i+1 < len(r.Elems); i += 2 {
			m[r.Elems[i].Text()] = valueOf(&r.Elems[i+1])
		}
		return m
	case resp.Array, resp.Set, resp.Push:
		list := make([]any, len(r.Elems))
		for i := range r.Elems {
			list[i] = valueOf(&r.Elems[i])
		}
		return list
	}
	return nil
}

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
