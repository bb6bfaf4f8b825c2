package unikernel

import _ "embed"

//go:generate sh csrc/libos/build.sh

// libosELF is the guest's half of a unikernel context, one read-execute segment at UC_LIBOS. It is checked in beside its
// source, and a test fails when the two disagree.
//
//go:embed csrc/libos/libos.elf
var libosELF []byte
