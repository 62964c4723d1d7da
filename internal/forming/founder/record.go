package founder

import (
	"errors"
	"time"

	"github.com/slotmesh/slotmesh/internal/forming"
	"github.com/slotmesh/slotmesh/storage"
)

// record is what is on the disk: the core's state, and how far the node's own part is.
type record struct {
	state []byte // by forming.EncodeState; nil if nothing was promised yet
	// settled says that this node has done its part of the decision. What the cluster has
	// become since is not the founders' business: a founder that was forgotten is not met
	// again.
	settled bool
}

// recordVersion begins the file; settled and the state follow.
const recordVersion = 1

var errRecord = errors.New("it is no record of how a cluster forms, or one of a later version")

func (r *record) encode() []byte {
	flag := byte(0)
	if r.settled {
		flag = 1
	}
	return append([]byte{recordVersion, flag}, r.state...)
}

// decodeRecord reads the file.
func (f *Founder) decodeRecord(data []byte) (*forming.State, error) {
	if len(data) < 2 || data[0] != recordVersion || data[1] > 1 {
		return nil, errRecord
	}
	st, err := forming.DecodeState(data[2:])
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.record = record{state: data[2:], settled: data[1] == 1}
	return st, nil
}

// save writes the core's state.
func (f *Founder) save(st *forming.State) error {
	f.mu.Lock()
	r := record{state: forming.EncodeState(st), settled: f.record.settled}
	f.mu.Unlock()
	return f.write(r)
}

// write writes the record. The loop alone calls it.
func (f *Founder) write(r record) error {
	if err := storage.WriteFile(f.cfg.Disk, f.cfg.File, r.encode()); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.record = r
	return nil
}

// saveSettled notes that this node has done its part.
func (f *Founder) saveSettled() {
	f.input(func(now time.Time) {
		f.mu.Lock()
		r := f.record
		f.mu.Unlock()
		r.settled = true
		if err := f.write(r); err != nil {
			f.warn("cannot save that the cluster has formed", err)
		}
	})
}
