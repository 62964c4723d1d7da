package shard

import (
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/slotmesh/slotmesh/replication"
	"github.com/slotmesh/slotmesh/replication/replicator"
	"github.com/slotmesh/slotmesh/slots"
)

// Libraries keeps the sources of a node's functions in the metadata of its stream, one note
// for each library: so replicas get them in order with the writes around them, and they are
// in full syncs and snapshots. It is a functions.Store.
type Libraries struct{ backlog *replicator.Backlog }

// libraryNote begins the names of the notes.
const libraryNote = "function/"

// Libraries returns what keeps the node's functions.
func (s *Shard) Libraries() Libraries { return Libraries{s.Backlog} }

// Version returns a number that grows with each change.
func (l Libraries) Version() uint64 { return l.backlog.MetadataVersion() }

// Sources returns the sources by the names of the libraries, and the version.
func (l Libraries) Sources() (sources map[string][]byte, version uint64) {
	metadata, version := l.backlog.VersionedMetadata()
	sources = make(map[string][]byte)
	for name, source := range metadata {
		if library, ok := strings.CutPrefix(name, libraryNote); ok {
			sources[library] = source
		}
	}
	return sources, version
}

// Update changes sources, all in one record of the stream, if they still have the version.
func (l Libraries) Update(version uint64, changes map[string][]byte) (done bool, err error) {
	notes := make([]replication.Note, 0, len(changes))
	for _, library := range slices.Sorted(maps.Keys(changes)) {
		notes = append(notes, replication.Note{Name: libraryNote + library, Data: changes[library]})
	}
	switch err := l.backlog.UpdateMetadata(version, notes); {
	case err == nil:
		return true, nil
	case errors.Is(err, replicator.ErrMetadataChanged):
		return false, nil
	case errors.Is(err, replication.ErrNotMaster):
		return false, slots.ErrReadOnly
	default:
		return false, err
	}
}

// MarkUnsaved makes the next snapshot due if there are libraries: the last one is gone.
func (l Libraries) MarkUnsaved() {
	if sources, _ := l.Sources(); len(sources) > 0 {
		l.backlog.MarkChanged()
	}
}

// Clear removes all libraries, of a node that leaves its shard.
func (l Libraries) Clear() error {
	for {
		sources, version := l.Sources()
		clear := make(map[string][]byte, len(sources))
		for library := range sources {
			clear[library] = nil
		}
		if done, err := l.Update(version, clear); done || err != nil {
			return err
		}
	}
}
