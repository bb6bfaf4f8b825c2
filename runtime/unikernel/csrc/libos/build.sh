#!/bin/sh
# Builds libos.elf from the sources in the folders beside it (go generate calls this). The sha256 over the list of
# sources and their sums is part of the binary (struct uc_libos). A test compares it with the sources. The binary goes
# to the directory that the first argument names (an absolute path), or beside this script.
set -eu
cd "$(dirname "$0")"
LC_ALL=C; export LC_ALL
CC=${CC:-gcc}
out=${1:-.}
sources=$(ls */*.[chS] *.ld build.sh vdso/*.ld vdso/*.map ../common/*.[ch] ../../abi/*.h)
tmp=$(mktemp -d); trap 'rm -rf "$tmp"' EXIT
mkdir "$tmp/vdso"
id=$(sha256sum $sources | sha256sum | cut -c1-64)
echo "#define LIBOS_ID { $(echo "$id" | sed 's/../0x&,/g') }" >"$tmp/libos_id.h"
flags="-O2 -g0 -std=gnu11 -Wall -Wextra -Werror -ffreestanding -nostdlib -fno-stack-protector -fcf-protection=none
 -fno-asynchronous-unwind-tables -fno-ident -mgeneral-regs-only -fno-strict-aliasing -fno-builtin"
$CC $flags -fPIC -shared -Wl,-soname=linux-vdso.so.1 -Wl,--hash-style=both -Wl,--build-id=none -Wl,-T,vdso/vdso.ld \
	-Wl,--version-script=vdso/vdso.map -o "$tmp/vdso/vdso.so" vdso/vdso.c
strip --strip-debug "$tmp/vdso/vdso.so"
set -- # the C files of all folders but vdso, in the order of their names
for c in */*.c; do
	case $c in vdso/*) ;; *) set -- "$@" "$c" ;; esac
done
$CC $flags -I. -I.. -I"$tmp" -fpie -static -no-pie -Wa,-I,"$tmp" -Wl,-T,link.ld -Wl,--build-id=none -Wl,-z,noexecstack \
	-Wl,--no-warn-rwx-segments -Wl,-z,max-page-size=4096 -o "$tmp/libos.elf" core/start.S "$@" ../common/*.c
cp "$tmp/libos.elf" "$out/libos.debug"
strip --strip-all "$tmp/libos.elf"
cp "$tmp/libos.elf" "$out/libos.elf"
