package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strconv"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/slotmesh/slotmesh/internal/frame"
	"github.com/slotmesh/slotmesh/slots"
	"github.com/slotmesh/slotmesh/storage"
)

// ReadManifest reads what a folder holds, and checks that all files are there, whole and
// unchanged. Errors about bytes match frame.ErrCorrupt.
func ReadManifest(dir string) (*Manifest, error) {
	d := storage.Dir(dir)
	data, err := storage.ReadFile(d, manifestName)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("admin: folder %s holds no complete backup: %w", dir, err)
	}
	if err != nil {
		return nil, err
	}
	m := new(Manifest)
	if err := json.Unmarshal(data, m); err != nil {
		return nil, fmt.Errorf("admin: %s: %w", filepath.Join(dir, manifestName), err)
	}
	if m.Format != backupFormat {
		return nil, fmt.Errorf("admin: the backup in %s has format %d; this version reads %d", dir, m.Format, backupFormat)
	}
	for _, f := range m.Files {
		if f.Name != filepath.Base(f.Name) {
			return nil, fmt.Errorf("admin: the manifest in %s names a file outside: %q", dir, f.Name)
		}
		if err := verify(d, f); err != nil {
			return nil, fmt.Errorf("admin: %s: %w", filepath.Join(dir, f.Name), err)
		}
	}
	return m, nil
}

func verify(d storage.Dir, f BackupFile) error {
	r, err := d.Open(f.Name)
	if err != nil {
		return err
	}
	defer r.Close()
	sum := xxhash.New()
	n, err := io.Copy(sum, r)
	if err != nil {
		return err
	}
	if got := fmt.Sprintf("%016x", sum.Sum64()); n != f.Bytes || got != f.Checksum {
		return fmt.Errorf("%d bytes with checksum %s, the manifest says %d and %s: %w", n, got, f.Bytes, f.Checksum,
			frame.ErrCorrupt)
	}
	return nil
}

// Restore writes a backup into a cluster of any size, which must hold no keys unless
// replace is set; then keys it has are overwritten. Nobody should write to it meanwhile.
// Keys that have expired since are left out. It returns the number of keys written.
func (c *Client) Restore(ctx context.Context, v *View, dir string, replace bool) (keys int64, err error) {
	if err := Check(v).err(v.Nodes[0].Address); err != nil {
		return 0, err
	}
	m, err := ReadManifest(dir)
	if err != nil {
		return 0, err
	}
	if s := Summarize(v); s.Keys > 0 && !replace {
		return 0, fmt.Errorf("%w: the cluster holds %d keys; --cluster-replace overwrites those that are in the backup",
			ErrNotEmpty, s.Keys)
	}
	t := &tracker{c: c, begin: time.Now()}
	t.p.TotalKeys = m.Keys
	err = each(len(m.Files), func(i int) error {
		c.step("", "restoring %s, %d keys", m.Files[i].Name, m.Files[i].Keys)
		r, err := storage.Dir(dir).Open(m.Files[i].Name)
		if err != nil {
			return err
		}
		defer r.Close()
		return readArchive(r, func(list []record) error { return c.restore(ctx, v, list, t) })
	})
	t.report(true)
	if err != nil {
		return t.p.Keys, &StepError{Verb: "restore", Step: "writing keys", Err: err,
			Left: fmt.Sprintf("%d of %d keys are written", t.p.Keys, m.Keys),
			Next: "the same command with --cluster-replace writes them all again"}
	}
	return t.p.Keys, nil
}

// restoreBatch bounds what is sent before the answers are read.
const restoreBatch = 1 << 20

// restore sends records to their owners.
func (c *Client) restore(ctx context.Context, v *View, list []record, t *tracker) error {
	now := time.Now().UnixMilli()
	batches := make(map[*Node]*batch)
	for _, r := range list {
		if r.expires != 0 && r.expires <= now {
			continue
		}
		owner := v.Owner(slots.OfString(r.key))
		b := batches[owner]
		if b == nil {
			b = &batch{}
			batches[owner] = b
		}
		if b.add(r); b.size >= restoreBatch {
			if err := c.sendBatch(ctx, owner, b, t); err != nil {
				return err
			}
		}
	}
	for owner, b := range batches {
		if err := c.sendBatch(ctx, owner, b, t); err != nil {
			return err
		}
	}
	return nil
}

// batch is commands for one node.
type batch struct {
	commands [][]string
	size     int
}

// add restores a key. One that the scan met twice is in the backup twice, the later
// state last: therefore always REPLACE.
func (b *batch) add(r record) {
	cmd := []string{"RESTORE", r.key, strconv.FormatInt(r.expires, 10), string(r.payload), "REPLACE"}
	if r.expires != 0 {
		cmd = append(cmd, "ABSTTL")
	}
	b.commands = append(b.commands, cmd)
	b.size += len(r.key) + len(r.payload)
}

func (c *Client) sendBatch(ctx context.Context, n *Node, b *batch, t *tracker) error {
	replies, err := c.pipe(ctx, n.Address, b.commands)
	if err != nil {
		return err
	}
	for i := range replies {
		if err := replies[i].Err(); err != nil {
			return &NodeError{n.Address, "RESTORE " + strconv.Quote(b.commands[i][1]), err}
		}
	}
	t.addBytes(int64(b.size))
	t.add(0, int64(len(replies)))
	*b = batch{}
	return nil
}
