package openwhisk

import (
	"archive/zip"
	"bytes"
	"embed"
	"encoding/base64"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/lambdabench/lambdabench/platform/store"
)

// The entry files: main(params) as a handler of AWS Lambda's convention, which
// is what the drivers run.
//
//go:embed all:adapter
var adapters embed.FS

const (
	entryHandler = "__ow_entry.handler"
	mainVariable = "LAMBDABENCH_OW_MAIN" // of the environment, what the entry file calls
)

var entryFile = map[string]string{"nodejs": "__ow_entry.cjs", "python": "__ow_entry.py"}

// inlineFile is where code goes that came as text.
var inlineFile = map[string]string{"nodejs": "__ow_action.js", "python": "__main__.py"}

func languageOf(runtime string) string {
	if strings.HasPrefix(runtime, "python") {
		return "python"
	}
	return "nodejs"
}

// kindsOf names the runtimes as OpenWhisk does: nodejs20.x is nodejs:20, and
// the newest of a language its default.
func kindsOf(runtimes []string) map[string]string {
	kinds, newest := map[string]string{}, map[string]string{}
	for _, rt := range runtimes {
		language := languageOf(rt)
		version := strings.TrimSuffix(strings.TrimPrefix(rt, language), ".x")
		kinds[language+":"+version] = rt
		if newest[language] == "" || newer(rt, newest[language]) {
			newest[language] = rt
		}
	}
	for language, rt := range newest {
		kinds[language+":default"] = rt
	}
	if rt := newest["python"]; rt != "" {
		kinds["python:3"] = rt
	}
	return kinds
}

var digits = regexp.MustCompile(`\d+`)

func newer(a, b string) bool {
	version := func(s string) (v []int) {
		for _, d := range digits.FindAllString(s, -1) {
			n, _ := strconv.Atoi(d)
			v = append(v, n)
		}
		return v
	}
	return slices.Compare(version(a), version(b)) > 0
}

var unfit = regexp.MustCompile(`[^a-zA-Z0-9_-]+`)

// functionName is a new name in the store: at most 64 letters, digits, '-' and
// '_', which backends make file names of.
func functionName(c *Action) string {
	readable := unfit.ReplaceAllString(strings.TrimPrefix(c.Package+"-"+c.Name, "-"), "-")
	return readable[:min(47, len(readable))] + "-" + newID()[:16]
}

// looksLikeZip tells base64 of a zip from a program: "PK\x03\x04" in base64.
func looksLikeZip(code string) bool { return strings.HasPrefix(code, "UEsDB") }

// packaged is the zip for the store: the action's code and the entry file.
func packaged(language string, e *Exec) ([]byte, error) {
	var buf bytes.Buffer
	w := zip.NewWriter(&buf)
	entry, err := adapters.ReadFile("adapter/" + entryFile[language])
	if err != nil {
		return nil, err
	}
	if err := add(w, entryFile[language], entry); err != nil {
		return nil, err
	}
	if e.Binary {
		err = addArchive(w, *e.Code)
	} else {
		err = add(w, inlineFile[language], []byte(*e.Code))
	}
	if err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("zip the action: %w", err)
	}
	return buf.Bytes(), nil
}

func add(w *zip.Writer, name string, data []byte) error {
	f, err := w.Create(name)
	if err == nil {
		_, err = f.Write(data)
	}
	if err != nil {
		return fmt.Errorf("zip the action: %w", err)
	}
	return nil
}

// addArchive copies the user's zip as it is; the store checks what is in it.
func addArchive(w *zip.Writer, code string) error {
	data, err := base64.StdEncoding.DecodeString(code)
	if err != nil {
		return malformed("the code of a binary action must be a zip in base64: %v", err)
	}
	if len(data) > maxCode {
		return &http.MaxBytesError{Limit: maxCode}
	}
	r, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return fmt.Errorf("%w: %w", store.ErrBadZip, err)
	}
	for _, f := range r.File {
		if strings.HasPrefix(f.Name, "__ow_") {
			return fmt.Errorf("%w: names that begin with __ow_ are the platform's, rename %q", store.ErrBadZip, f.Name)
		}
		if err := w.Copy(f); err != nil {
			return fmt.Errorf("%w: %q: %w", store.ErrBadZip, f.Name, err)
		}
	}
	return nil
}
