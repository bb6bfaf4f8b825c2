// Command mkimage builds a file image by hand, for trying programs under csrc/tender/boot:
//
//	go run ./runtime/unikernel/image/mkimage -o node.img -program /usr/bin/node -tree /etc/ssl/certs
package main

import (
	"flag"
	"fmt"
	"os"
	"strings"

	"github.com/lambdabench/lambdabench/runtime/rootfs"
	"github.com/lambdabench/lambdabench/runtime/unikernel/image"
)

func main() {
	out := flag.String("o", "", "image file to write")
	programs := flag.String("program", "", "programs and shared objects, with their libraries; comma-separated")
	trees := flag.String("tree", "", "directories with all that lies under them; comma-separated")
	files := flag.String("file", "", "single files; comma-separated; host=guest renames")
	flag.Parse()
	if err := run(*out, *programs, *trees, *files); err != nil {
		fmt.Fprintln(os.Stderr, "mkimage:", err)
		os.Exit(1)
	}
}

func run(out, programs, trees, files string) error {
	var b rootfs.Tree
	for _, p := range list(programs) {
		if err := b.AddProgram(p); err != nil {
			return err
		}
	}
	for _, p := range list(trees) {
		if err := b.AddTree(p, nil); err != nil {
			return err
		}
	}
	for _, p := range list(files) {
		host, guest, renamed := strings.Cut(p, "=")
		if !renamed {
			if err := b.AddHost(host); err != nil {
				return err
			}
			continue
		}
		data, err := os.ReadFile(host)
		if err != nil {
			return err
		}
		b.AddFile(guest, 0o755, data)
	}
	f, err := os.Create(out)
	if err != nil {
		return err
	}
	if _, err := image.Write(f, &b); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}

func list(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, ",")
}
