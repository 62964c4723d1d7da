package member

import (
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/slotmesh/slotmesh/gossip"
	"github.com/slotmesh/slotmesh/storage"
)

// loadState reads the state file; nil if there is none.
func loadState(disk storage.Disk, name string) (*gossip.State, error) {
	file, err := storage.ReadFile(disk, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("gossip: reading the state file %s: %w", name, err)
	}
	st, err := gossip.DecodeState(file)
	if err != nil {
		return nil, fmt.Errorf("gossip: the state file %s is damaged and was left untouched; restore it from a copy, "+
			"or move it away to start as a new node: %w", name, err)
	}
	return st, nil
}

// save makes st durable; false if the core's promises are not.
func (m *Member) save(now time.Time, st *gossip.State) bool {
	if st == nil {
		return true
	}
	if m.saveErr == nil || !now.Before(m.retryAt) {
		err := storage.WriteFile(m.cfg.Disk, m.cfg.File, gossip.EncodeState(st))
		switch {
		case err != nil && m.saveErr == nil:
			m.log.Error("the state cannot be saved; this node is silent until it can", "file", m.cfg.File, "error", err)
		case err == nil && m.saveErr != nil:
			m.log.Info("the state is saved again", "file", m.cfg.File)
		}
		m.saveErr, m.retryAt = err, now.Add(gossip.TickEvery)
	}
	if m.saveErr != nil {
		m.core.SaveFailed()
		return false
	}
	return true
}
