package unikernel

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/lambdabench/lambdabench/runtime/driver"
	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/unikernel/abi"
	"github.com/lambdabench/lambdabench/runtime/unikernel/csrc"
	"github.com/lambdabench/lambdabench/runtime/unikernel/snapshot"
	"github.com/lambdabench/lambdabench/runtime/unikernel/zygote"
)

// Save writes one snapshot, without those below it, and returns the sum that
// names it. The stack is saved by saving each of its snapshots.
func (b *Backend) Save(s isolation.Snapshot, w io.Writer) (snapshot.Sum, error) {
	sn, ok := s.(*snap)
	if !ok || sn.backend != b {
		return snapshot.Sum{}, fmt.Errorf("save snapshot: %w", isolation.ErrForeignObject)
	}
	h, err := sn.header()
	if err != nil {
		return snapshot.Sum{}, fmt.Errorf("save snapshot: %w", err)
	}
	if sn.layer.File != nil {
		return sn.layer.WriteLarge(w, h)
	}
	return sn.layer.WriteSmall(w, h)
}

// sum is the name of a snapshot: what Save would return.
func (s *snap) sum() (snapshot.Sum, error) {
	s.naming.Do(func() {
		if s.name == (snapshot.Sum{}) {
			s.name, s.nameErr = s.backend.Save(s, io.Discard)
		}
	})
	return s.name, s.nameErr
}

func (s *snap) header() (snapshot.Header, error) {
	h, err := s.backend.identity(s.in)
	if err != nil {
		return h, err
	}
	if s.parent != nil {
		sum, err := s.parent.sum()
		if err != nil {
			return h, err
		}
		h.Parent = sum.String()
	}
	h.Tenant, h.Holes = s.layer.Tenant, s.layer.Holes
	h.Seq, h.Imported = s.state.Seq, s.state.Imported
	h.Written, h.Read = s.prefetch.Ranges(snapshot.PrefetchWrite), s.prefetch.Ranges(snapshot.PrefetchRead)
	return h, nil
}

// identity is what a snapshot of this host and platform belongs to.
func (b *Backend) identity(in isolation.Interpreter) (snapshot.Header, error) {
	l, err := b.language(context.Background(), in)
	if err != nil {
		return snapshot.Header{}, err
	}
	lib, err := csrc.LibOSHeader()
	if err != nil {
		return snapshot.Header{}, err
	}
	cpu, err := cpuFeatures()
	return snapshot.Header{
		ABI: abi.Version, LibOS: hex.EncodeToString(lib.ID[:]), Runtime: in.Runtime, Version: in.Version, Image: l.key,
		CPU: cpu, XSave: b.tender().XSaveSize(),
	}, err
}

// cpuFeatures are the flags of the first processor, sorted (proc(5), cpuinfo).
func cpuFeatures() ([]string, error) {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(text)) {
		if name, flags, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "flags" {
			list := strings.Fields(flags)
			slices.Sort(list)
			return list, nil
		}
	}
	return nil, errors.New("/proc/cpuinfo names no flags")
}

// fits reports why a file does not fit this host, platform, interpreter and
// parent.
func fits(got, here snapshot.Header) error {
	differ := func(what string, made, have any) error {
		return fmt.Errorf("%w: it was made with %s %v, here is %v", snapshot.ErrMismatch, what, made, have)
	}
	switch {
	case got.ABI != here.ABI:
		return differ("ABI", got.ABI, here.ABI)
	case got.LibOS != here.LibOS:
		return differ("library OS", got.LibOS, here.LibOS)
	case got.Runtime != here.Runtime || got.Version != here.Version:
		return differ("runtime", got.Runtime+" "+got.Version, here.Runtime+" "+here.Version)
	case got.Image != here.Image:
		return differ("file image", got.Image, here.Image)
	case got.XSave != here.XSave:
		return differ("an XSAVE area of bytes", got.XSave, here.XSave)
	case got.Parent != here.Parent:
		return differ("parent", got.Parent, here.Parent)
	}
	var missing []string
	for _, f := range got.CPU {
		if _, ok := slices.BinarySearch(here.CPU, f); !ok {
			missing = append(missing, f)
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("%w: this CPU lacks %s", snapshot.ErrMismatch, strings.Join(missing, ", "))
	}
	return nil
}

// Load reads a snapshot that Save wrote. parent is the one that it was captured
// over, loaded or captured; nil for a base. A file that was altered is
// snapshot.ErrBroken; one of another host, platform, interpreter or parent
// snapshot.ErrMismatch.
func (b *Backend) Load(
	ctx context.Context, r io.Reader, in isolation.Interpreter, parent isolation.Snapshot,
) (isolation.Snapshot, error) {
	if err := b.prepare(ctx); err != nil {
		return nil, fmt.Errorf("load snapshot: %w", err)
	}
	s := &snap{backend: b, in: in, refs: 1}
	if parent != nil {
		p, ok := parent.(*snap)
		if !ok || p.backend != b {
			return nil, fmt.Errorf("load snapshot: %w", isolation.ErrForeignObject)
		}
		s.parent = p
	}
	if err := s.load(ctx, r); err != nil {
		return nil, fmt.Errorf("load snapshot: %w", err)
	}
	if s.parent != nil {
		b.ref(s.parent)
	}
	return s, nil
}

func (s *snap) load(ctx context.Context, r io.Reader) (err error) {
	here, err := s.backend.identity(s.in)
	if err != nil {
		return err
	}
	var below *snapshot.Layer
	if s.parent != nil {
		sum, err := s.parent.sum()
		if err != nil {
			return err
		}
		here.Parent, below = sum.String(), s.parent.layer
	}
	var fill snapshot.Filler
	accept := func(h snapshot.Header, runs []snapshot.Range) error {
		if err := fits(h, here); err != nil {
			return err
		}
		s.state = driver.State{Seq: h.Seq, Imported: h.Imported}
		s.owner = zygote.Tenancy{Account: h.Tenant, Ran: h.Imported}
		s.prefetch = snapshot.Plan(nil).With(snapshot.PrefetchWrite, h.Written).With(snapshot.PrefetchRead, h.Read)
		fill, err = s.filler(ctx, h, runs, below)
		return err
	}
	s.name, err = snapshot.Read(r, accept, func(vpn uint32, p []byte) error { return fill.Page(vpn, p) })
	if err != nil {
		if fill != nil {
			fill.Drop()
		}
		return err
	}
	s.layer = fill.Layer()
	if s.parent == nil {
		s.candidates = snapshot.NewCandidates(s.backend.arena)
		if err := s.growZygotes(); err != nil {
			s.layer.Close()
			return err
		}
		return nil
	}
	s.backend.commitLater(s)
	return nil
}

func (s *snap) filler(
	ctx context.Context, h snapshot.Header, runs []snapshot.Range, below *snapshot.Layer,
) (snapshot.Filler, error) {
	if below != nil {
		return snapshot.NewSmallFiller(s.backend.arena, below, h.Tenant, runs, h.Holes)
	}
	var got []snapshot.Captured
	for _, r := range runs {
		got = append(got, snapshot.Captured{Extent: snapshot.Extent{VPN: r.VPN, Pages: r.Pages}})
	}
	extents, size := snapshot.LayOut(got)
	file, err := s.backend.memory(ctx, size)
	if err != nil {
		return nil, err
	}
	return snapshot.NewLargeFiller(file, extents), nil
}
