package migrate

import (
	"fmt"
	"time"

	"github.com/slotmesh/slotmesh/internal/frame"
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
	b = packBool(b, j.Cancelled)
	b = packArray(b, len(j.Successors))
	for _, id := range j.Successors {
		b = packBin(b, id[:])
	}
	return packUint(b, uint64(max(0, j.Created.UnixMilli())))
}

// DecodeJournal reads what EncodeJournal wrote. The error says what is wrong; it
// matches frame.ErrCorrupt or ErrMalformed.
func DecodeJournal(file []byte) ([]Job, error) {
	version, payload, err := frame.Open(journalMagic, file)
	if err != nil {
		return nil, err
	}
	if version != journalVersion {
		return nil, fmt.Errorf("its format version is %d, this program reads version %d: %w", version, journalVersion,
			ErrMalformed)
	}
	u := &unpacker{b: payload}
	var jobs []Job
	for range u.array() {
		if u.err != nil {
			break
		}
		jobs = append(jobs, u.job())
	}
	if u.err == nil && u.at != len(payload) {
		u.fail("bytes after the end")
	}
	if u.err != nil {
		return nil, u.err
	}
	return jobs, nil
}

func (u *unpacker) job() (j Job) {
	u.need(u.array(), 8)
	copy(j.ID[:], u.bytes(len(j.ID)))
	j.Kind = Kind(u.uint(255))
	if set := u.set(); set != nil {
		j.Slots = *set
	}
	copy(j.Source[:], u.bytes(len(j.Source)))
	copy(j.Target[:], u.bytes(len(j.Target)))
	j.Cancelled = u.bool()
	for range u.array() {
		if u.err != nil {
			break
		}
		var id slots.NodeID
		copy(id[:], u.bytes(len(id)))
		j.Successors = append(j.Successors, id)
	}
	j.Created = time.UnixMilli(int64(u.uint(1 << 53)))
	return j
}
