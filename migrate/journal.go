package migrate

import (
	"fmt"
	"math"
	"time"

	"github.com/slotmesh/slotmesh/internal/frame"
	"github.com/slotmesh/slotmesh/internal/msgp"
	"github.com/slotmesh/slotmesh/slots"
)

const (
	journalMagic   = "SMMOVES"
	journalVersion = 1
)

// EncodeJournal returns the content of the journal: msgpack, sealed with a checksum. A
// job whose Source is this node runs here; one whose Target is this node brings slots here.
func EncodeJournal(jobs []Job) []byte {
	b := packArray(nil, len(jobs))
	for i := range jobs {
		b = appendJob(b, &jobs[i])
	}
	return frame.Seal(journalMagic, journalVersion, b)
}

func appendJob(b []byte, j *Job) []byte {
	b = packArray(b, 8)
	b = packBin(b, j.ID[:])
	b = packUint(b, uint64(j.Kind))
	b = packSet(b, &j.Slots)
	b = packBin(b, j.Source[:])
	b = packBin(b, j.Target[:])
	b = msgp.AppendBool(b, j.Cancelled)
	b = packArray(b, len(j.Successors))
	for _, id := range j.Successors {
		b = packBin(b, id[:])
	}
	return packUint(b, uint64(max(0, j.Created.UnixMilli())))
}

// DecodeJournal reads what EncodeJournal wrote. The error says what is wrong: the magic
// word, the length or the checksum of the file, or its content, when it matches
// ErrMalformed.
func DecodeJournal(file []byte) ([]Job, error) {
	version, payload, err := frame.Open(journalMagic, file)
	if err != nil {
		return nil, err
	}
	if version != journalVersion {
		return nil, fmt.Errorf("its format version is %d, this program reads version %d: %w", version, journalVersion,
			ErrMalformed)
	}
	r := newReader(payload)
	var jobs []Job
	for range r.Array("jobs", 1) {
		if r.Err() != nil {
			break
		}
		jobs = append(jobs, r.job())
	}
	if r.End(); r.Err() != nil {
		return nil, r.Err()
	}
	return jobs, nil
}

func (r *reader) job() (j Job) {
	r.need(r.Array("job", 1), 8)
	r.Fixed("id", j.ID[:])
	j.Kind = Kind(r.UintMax("kind", math.MaxUint8))
	if set := r.set("slots"); set != nil {
		j.Slots = *set
	}
	r.Fixed("source", j.Source[:])
	r.Fixed("target", j.Target[:])
	j.Cancelled = r.Bool("cancelled")
	for range r.Array("successors", 1) {
		if r.Err() != nil {
			break
		}
		var id slots.NodeID
		r.Fixed("successor", id[:])
		j.Successors = append(j.Successors, id)
	}
	j.Created = time.UnixMilli(int64(r.UintMax("time of creation", 1<<53)))
	return j
}
