package store_test

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/lambdabench/lambdabench/platform/store"
)

func Example() {
	dir, err := os.MkdirTemp("", "store-")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	s, err := store.Open(dir)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()
	mine := s.Of(store.Owner{Door: "lambda", Account: "000000000000"})

	hello := store.Function{Name: "hello", Runtime: "nodejs20.x", Handler: "index.handler"}
	if _, err := mine.Create(hello, packed("exports.handler = async () => 'hello'")); err != nil {
		fmt.Println(err)
	}
	first, err := mine.Publish("hello", "", "the first")
	fmt.Println(first.Version, err)

	_, err = mine.Create(hello, packed(""))
	fmt.Println(errors.Is(err, store.ErrExists))

	fn, err := mine.Get("hello", store.Latest)
	if err != nil {
		fmt.Println(err)
		return
	}
	code, err := os.ReadFile(filepath.Join(fn.Package, "index.js"))
	fmt.Println(string(code), err)
	// Output:
	// 1 <nil>
	// true
	// exports.handler = async () => 'hello' <nil>
}

// packed is a package of one file.
func packed(source string) []byte {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	if f, err := w.Create("index.js"); err == nil {
		f.Write([]byte(source))
	}
	w.Close()
	return b.Bytes()
}
