package oplog

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"

	"github.com/cespare/xxhash/v2"

	"github.com/slotmesh/slotmesh/internal/frame"
	"github.com/slotmesh/slotmesh/replication"
)

// The names of the files.
const (
	manifestName  = "log.manifest"
	filePrefix    = "log."
	baseSuffix    = ".base"
	segmentSuffix = ".segment"
)

func baseName(number uint64) string { return filePrefix + strconv.FormatUint(number, 10) + baseSuffix }
func segmentName(number uint64) string {
	return filePrefix + strconv.FormatUint(number, 10) + segmentSuffix
}

// fileNumber returns the number in the name of a base or segment.
func fileNumber(name, suffix string) (number uint64, ok bool) {
	digits, prefixed := strings.CutPrefix(name, filePrefix)
	digits, suffixed := strings.CutSuffix(digits, suffix)
	number, err := strconv.ParseUint(digits, 10, 63)
	if !prefixed || !suffixed || err != nil || digits != strconv.FormatUint(number, 10) {
		return 0, false
	}
	return number, true
}

// A segment begins with this magic, which has the version of the format in it, then its
// number, the stream offset at which it begins, the History there, and the xxhash64 of all
// of that. All numbers are little-endian.
const (
	segmentMagic  = "SMLOG1\n\x00"
	historySize   = 20 + 20 + 8 + 8
	segmentHeader = len(segmentMagic) + 8 + 8 + historySize + 8
)

// maxOffset bounds offsets and terms. No stream gets that far, and adding to one does not
// overflow.
const maxOffset = 1 << 62

// header is what a segment begins with.
type header struct {
	number  uint64
	history replication.History // its Offset is where the segment begins
}

func appendHeader(dst []byte, h *header) []byte {
	start := len(dst)
	dst = append(dst, segmentMagic...)
	dst = binary.LittleEndian.AppendUint64(dst, h.number)
	dst = binary.LittleEndian.AppendUint64(dst, uint64(h.history.Offset))
	dst = appendHistory(dst, &h.history)
	return binary.LittleEndian.AppendUint64(dst, xxhash.Sum64(dst[start:]))
}

func corrupt(format string, args ...any) error {
	return fmt.Errorf(format+": %w", append(args, frame.ErrCorrupt)...)
}

// decodeHeader reads a segment's header from the first segmentHeader bytes of b.
func decodeHeader(b []byte) (h header, err error) {
	if len(b) < segmentHeader {
		return h, corrupt("%d bytes are too few for a segment", len(b))
	}
	b = b[:segmentHeader]
	if magic := b[:len(segmentMagic)]; string(magic) != segmentMagic {
		return h, corrupt("it starts with %q, not with %q; it is no segment of this version", magic, segmentMagic)
	}
	body := b[:len(b)-8]
	if xxhash.Sum64(body) != binary.LittleEndian.Uint64(b[len(body):]) {
		return h, corrupt("the checksum of the segment's header does not match")
	}
	body = body[len(segmentMagic):]
	h.number = binary.LittleEndian.Uint64(body)
	offset := binary.LittleEndian.Uint64(body[8:])
	if h.history, err = decodeHistory(body[16:]); err != nil {
		return h, err
	}
	if offset > maxOffset {
		return h, corrupt("the segment begins at offset %d", offset)
	}
	h.history.Offset = int64(offset)
	return h, nil
}

// appendHistory appends the names of a history, not its Offset.
func appendHistory(dst []byte, h *replication.History) []byte {
	dst = append(append(dst, h.ID[:]...), h.PrevID[:]...)
	dst = binary.LittleEndian.AppendUint64(dst, uint64(h.PrevLimit))
	return binary.LittleEndian.AppendUint64(dst, h.Term)
}

func decodeHistory(b []byte) (h replication.History, err error) {
	if len(b) != historySize {
		return h, corrupt("names of a history in %d bytes", len(b))
	}
	b = b[copy(h.ID[:], b):]
	b = b[copy(h.PrevID[:], b):]
	limit := binary.LittleEndian.Uint64(b)
	h.Term = binary.LittleEndian.Uint64(b[8:])
	if limit > maxOffset || h.Term > maxOffset {
		return h, corrupt("a history with limit %d and term %d", limit, h.Term)
	}
	h.PrevLimit = int64(limit)
	return h, nil
}

// kind is what the body of a batch is.
type kind byte

const (
	kindStream  kind = 1 // bytes of the stream; none: the Writer was closed
	kindHistory kind = 2 // the names that the history has from here on
)

// A batch begins with a marker, then the length of its body (4 bytes), the number of its
// segment with the kind in the low byte, its stream offset, up to which byte the file was
// known to be on disk when the batch was written, and the xxhash64 of all of that and the
// body (8 bytes each).
const (
	marker      = 0x0a47_4f4c // "LOG\n"
	batchHeader = 4 + 4 + 8 + 8 + 8 + 8
	checksumAt  = batchHeader - 8
)

// Bounds of a batch's body, in bytes.
const (
	maxBody   = 1 << 20   // a reader takes no longer one
	batchBody = 256 << 10 // the Writer makes no longer one
)

// batch is one write's piece of a segment.
type batch struct {
	kind    kind
	offset  int64  // in the stream, of the body's first byte
	durable int64  // in the file: all before that byte was on disk when this was written
	body    []byte // aliases what was decoded
}

// finishBatch fills in the header of the batch that begins at start and ends with b.
func finishBatch(b []byte, start int, segment uint64, k kind, offset, durable int64) {
	b = b[start:]
	binary.LittleEndian.PutUint32(b, marker)
	binary.LittleEndian.PutUint32(b[4:], uint32(len(b)-batchHeader))
	binary.LittleEndian.PutUint64(b[8:], segment<<8|uint64(k))
	binary.LittleEndian.PutUint64(b[16:], uint64(offset))
	binary.LittleEndian.PutUint64(b[24:], uint64(durable))
	binary.LittleEndian.PutUint64(b[checksumAt:], batchChecksum(b))
}

// batchChecksum covers header and body.
func batchChecksum(b []byte) uint64 {
	var d xxhash.Digest
	d.Reset()
	d.Write(b[:checksumAt])
	d.Write(b[batchHeader:])
	return d.Sum64()
}

// decodeBatchHeader reads the header of a batch of a segment that begins at byte at of the
// file, without its checksum. size is that of header and body.
func decodeBatchHeader(b []byte, segment uint64, at int64) (h batch, size int, err error) {
	if got := binary.LittleEndian.Uint32(b); got != marker {
		return h, 0, corrupt("a batch begins with %#08x, not with %#08x", got, uint32(marker))
	}
	n := binary.LittleEndian.Uint32(b[4:])
	of := binary.LittleEndian.Uint64(b[8:])
	offset, durable := binary.LittleEndian.Uint64(b[16:]), binary.LittleEndian.Uint64(b[24:])
	h = batch{kind: kind(of), offset: int64(offset), durable: int64(durable)}
	switch {
	case n > maxBody:
		return h, 0, corrupt("a batch of %d bytes exceeds the limit of %d", n, maxBody)
	case of>>8 != segment:
		return h, 0, corrupt("a batch of segment %d", of>>8)
	case h.kind != kindStream && h.kind != kindHistory:
		return h, 0, corrupt("a batch of unknown kind %d", h.kind)
	case h.kind == kindHistory && n != historySize:
		return h, 0, corrupt("names of a history in %d bytes", n)
	case offset > maxOffset:
		return h, 0, corrupt("a batch at stream offset %d", offset)
	case durable > uint64(at):
		return h, 0, corrupt("a batch at byte %d says that byte %d is on disk", at, durable)
	}
	return h, batchHeader + int(n), nil
}

// decodeBatch reads a batch that is all of b.
func decodeBatch(b []byte, h batch) (batch, error) {
	if batchChecksum(b) != binary.LittleEndian.Uint64(b[checksumAt:]) {
		return h, corrupt("the checksum of a batch of %d bytes does not match", len(b))
	}
	h.body = b[batchHeader:len(b):len(b)]
	return h, nil
}
