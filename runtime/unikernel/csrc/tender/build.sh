#!/bin/sh
# Builds tender.elf from the sources beside it (go generate calls this). The sha256 over the sources stands in tender.id:
# a test compares it, so another compiler's output does not matter but a changed source does. boot.c is a tool of its own.
set -eu
cd "$(dirname "$0")"
LC_ALL=C; export LC_ALL
CC=${CC:-gcc}
sources="spare.c pages.c capture.c main.c zygote.c private.c patches.c reset.c setup.c watch.c wire.c control.h sys.h tender.h start.S tender.ld build.sh ../common/linux.h ../common/string.c ../common/string.h ../common/types.h ../../abi/uc.h ../../abi/uc_filter.h"
tmp=$(mktemp -d); trap 'rm -rf "$tmp"' EXIT
$CC -I.. -O2 -g0 -std=gnu11 -Wall -Wextra -Werror -ffreestanding -nostdlib -static -fno-pie -no-pie -mcmodel=large -fno-stack-protector \
	-fcf-protection=none -fno-asynchronous-unwind-tables -fno-ident -mgeneral-regs-only -fno-builtin -fno-tree-loop-distribute-patterns \
	-Wl,-T,tender.ld -Wl,--build-id=none -Wl,-z,noexecstack -Wl,-z,max-page-size=4096 -o "$tmp/tender.elf" \
	start.S main.c setup.c zygote.c private.c reset.c spare.c pages.c capture.c patches.c watch.c wire.c ../common/string.c
strip --strip-all "$tmp/tender.elf"
cp "$tmp/tender.elf" tender.elf
sha256sum $sources | sha256sum | cut -c1-64 >tender.id
