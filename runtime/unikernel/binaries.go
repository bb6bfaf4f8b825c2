package unikernel

import (
	"bytes"
	"debug/elf"
	_ "embed"
	"fmt"
	"io"

	"github.com/lambdabench/lambdabench/runtime/unikernel/abi"
)

//go:generate sh csrc/tender/build.sh

// tenderELF hosts UCs; like the library OS, it is checked in beside its source.
//
//go:embed csrc/tender/tender.elf
var tenderELF []byte

// libosHeader reads struct uc_libos out of the embedded library OS.
func libosHeader() (abi.LibOSHeader, error) {
	f, err := elf.NewFile(bytes.NewReader(libosELF))
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
