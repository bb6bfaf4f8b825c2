// Package csrc embeds the programs that are written in C below it: the library
// OS and the tender. They are checked in beside their sources, and tests fail
// where the two disagree.
package csrc

import (
	"bytes"
	"debug/elf"
	_ "embed"
	"fmt"
	"io"

	"github.com/lambdabench/lambdabench/runtime/unikernel/abi"
)

//go:generate sh tender/build.sh
//go:generate sh libos/build.sh

// Tender is the program whose processes host UCs.
//
//go:embed tender/tender.elf
var Tender []byte

// LibOS is the kernel of a UC: one read-execute segment at UC_LIBOS.
//
//go:embed libos/libos.elf
var LibOS []byte

// LibOSHeader reads struct uc_libos out of the library OS.
func LibOSHeader() (abi.LibOSHeader, error) {
	f, err := elf.NewFile(bytes.NewReader(LibOS))
	if err != nil {
		return abi.LibOSHeader{}, fmt.Errorf("embedded library OS: %w", err)
	}
	defer f.Close()
	if len(f.Progs) == 0 {
		return abi.LibOSHeader{}, fmt.Errorf("embedded library OS: no segment")
	}
	segment, err := io.ReadAll(f.Progs[0].Open())
	if err != nil {
		return abi.LibOSHeader{}, fmt.Errorf("embedded library OS: %w", err)
	}
	return abi.ParseLibOS(segment)
}
