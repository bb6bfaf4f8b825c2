#!/bin/sh
# Builds tender.elf from the sources beside it (go generate calls this). The sha256 over the list of sources
# and their sums is part of the binary (id.c). A test compares it with the sources. The binary goes to the
# directory that the first argument names (an absolute path), or beside this script.
set -eu
cd "$(dirname "$0")"
LC_ALL=C; export LC_ALL
CC=${CC:-gcc}
out=${1:-.}
sources=$(ls *.[chS] *.ld build.sh ../common/*.[ch] ../../abi/*.h)
tmp=$(mktemp -d); trap 'rm -rf "$tmp"' EXIT
id=$(sha256sum $sources | sha256sum | cut -c1-64)
echo "#define TENDER_ID { $(echo "$id" | sed 's/../0x&,/g') }" >"$tmp/tender_id.h"
$CC -I.. -I"$tmp" -O2 -g0 -std=gnu11 -Wall -Wextra -Werror -ffreestanding -nostdlib -static -fno-pie -no-pie \
	-mcmodel=large -fno-stack-protector -fcf-protection=none -fno-asynchronous-unwind-tables -fno-ident \
	-mgeneral-regs-only -fno-builtin -fno-tree-loop-distribute-patterns \
	-Wl,-T,tender.ld -Wl,--build-id=none -Wl,-z,noexecstack -Wl,-z,max-page-size=4096 \
	-o "$tmp/tender.elf" *.S *.c ../common/*.c
strip --strip-all "$tmp/tender.elf"
cp "$tmp/tender.elf" "$out/tender.elf"
