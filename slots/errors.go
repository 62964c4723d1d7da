package slots

import (
	"errors"
	"strconv"
)

// The errors of Route. Their texts are the error replies of the Redis protocol
// (docs/spec.md §11), so that a server can send Error() as it is.
var (
	// ErrCrossSlot says that the keys of a request lie in different slots.
	ErrCrossSlot = errors.New("CROSSSLOT Keys in request don't hash to the same slot")
	// ErrTryAgain says that some of the keys of a request are already at the
	// slot's new owner and some still here: retry a little later.
	ErrTryAgain = errors.New("TRYAGAIN Multiple keys request during rehashing of slot")
	// ErrClusterDown says that the cluster does not serve at present. The other
	// two forms match it under errors.Is.
	ErrClusterDown = errors.New("CLUSTERDOWN The cluster is down")
	// ErrDownReadOnly refuses a write where reads are still served.
	ErrDownReadOnly error = &downError{"CLUSTERDOWN The cluster is down and only accepts read commands"}
	// ErrSlotNotServed says that nobody owns the slot.
	ErrSlotNotServed error = &downError{"CLUSTERDOWN Hash slot not served"}
	// ErrReadOnly refuses a write to a replica outside cluster routing.
	ErrReadOnly = errors.New("READONLY You can't write against a read only replica.")
)

type downError struct{ text string }

func (e *downError) Error() string        { return e.text }
func (e *downError) Is(target error) bool { return target == ErrClusterDown }

// MovedError says that another node owns the slot: send this and later requests
// about it there.
type MovedError struct {
	Slot Slot
	Node NodeID
	Addr Addr
}

// Error returns "MOVED slot host:port".
func (e *MovedError) Error() string { return redirect("MOVED ", e.Slot, e.Addr) }

// AskError says that the slot is on its way to another node and the key is not
// here: send this request, after ASKING, there; later ones here first.
type AskError struct {
	Slot Slot
	Node NodeID
	Addr Addr
}

// Error returns "ASK slot host:port".
func (e *AskError) Error() string { return redirect("ASK ", e.Slot, e.Addr) }

// redirect writes the address without brackets around an IPv6 host: clients
// split it at the last colon, as Redis does.
func redirect(kind string, slot Slot, addr Addr) string {
	b := make([]byte, 0, 64)
	b = append(b, kind...)
	b = strconv.AppendUint(b, uint64(slot), 10)
	b = append(b, ' ')
	b = append(b, addr.Host...)
	b = append(b, ':')
	b = strconv.AppendUint(b, uint64(addr.ClientPort(false)), 10)
	return string(b)
}
