package record_test

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"

	"github.com/lambdabench/lambdabench/analysis/record"
)

func TestATrialIsThereWhollyOrNotAtAll(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, record.Folder), 0o755); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, record.Folder, "0001-deploy"+record.Suffix)
	inv := record.Invocation{Kind: record.KindInvocation, Experiment: "deploy", Trial: 1, Backend: "process",
		Labels: map[string]string{"a": "b"}, Latency: 5, Outcome: "ok"}
	mea := record.Measurement{Kind: record.KindMeasurement, Metric: "instances", Value: 3.5, Source: "pss"}
	files := func() []string {
		t.Helper()
		f, err := record.Files(dir)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	w, err := record.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w.Trial(record.Trial{Number: 1, Block: 1})
	w.Invocation(inv)
	w.Measurement(mea)
	if got := files(); len(got) != 0 {
		t.Errorf("%v is there before Commit", got)
	}
	if err := w.Commit(); err != nil {
		t.Fatal(err)
	}
	if got := files(); !reflect.DeepEqual(got, []string{path}) {
		t.Errorf("files %v", got)
	}
	var gotInv []record.Invocation
	var gotMea []record.Measurement
	err = record.Read(path, func(r record.Invocation) { gotInv = append(gotInv, r) },
		func(r record.Measurement) { gotMea = append(gotMea, r) })
	if err != nil || !reflect.DeepEqual(gotInv, []record.Invocation{inv}) ||
		!reflect.DeepEqual(gotMea, []record.Measurement{mea}) {
		t.Errorf("read %v, %v, %v", gotInv, gotMea, err)
	}
	if w, err = record.Create(path); err != nil {
		t.Fatal(err)
	}
	w.Abort()
	if left, _ := os.ReadDir(filepath.Dir(path)); len(left) != 1 {
		t.Errorf("an aborted trial leaves %v", left)
	}
}

func TestAFileThatCannotTakeItsPlaceLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	taken := filepath.Join(dir, "taken") // by a folder
	if err := os.Mkdir(taken, 0o755); err != nil {
		t.Fatal(err)
	}
	w, err := record.Create(taken)
	if err != nil {
		t.Fatal(err)
	}
	for what, err := range map[string]error{"a trial": w.Commit(), "a file": record.WriteFile(taken, []byte("x"))} {
		if err == nil || !strings.Contains(err.Error(), "taken") {
			t.Errorf("%s in the place of a folder: %v", what, err)
		}
	}
	if left, _ := os.ReadDir(dir); len(left) != 1 {
		t.Errorf("beside the folder there are %v", left)
	}
}

func TestAFileTellsItsTrial(t *testing.T) {
	dir := t.TempDir()
	file := func(name string, lines string) string {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		z.Write([]byte(lines))
		z.Close()
		path := filepath.Join(dir, name+record.Suffix)
		if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	const row = `{"kind":"measurement","metric":"x","value":1}` + "\n"
	for _, c := range []struct {
		path string
		want record.Trial
	}{
		{file("0012-deploy-process-nodejs20.x-hot-r3", row), record.Trial{Schema: 1, Number: 12, Block: 3}},
		{file("0013-deploy", row), record.Trial{Schema: 1, Number: 13}},
		{file("0014-deploy-r1", `{"kind":"trial","schema":2,"trial":7,"block":2}`+"\n"+row),
			record.Trial{Schema: 2, Number: 7, Block: 2}},
	} {
		c.want.Kind = record.KindTrial
		got, err := record.ReadTrial(c.path)
		n := 0
		if e := record.Read(c.path, nil, func(record.Measurement) { n++ }); e != nil || n != 1 {
			t.Errorf("%s: %d rows, %v", c.path, n, e)
		}
		if err != nil || got != c.want {
			t.Errorf("%s: %+v, %v", c.path, got, err)
		}
	}
	later := file("0001-later", `{"kind":"trial","schema":99}`+"\n"+row)
	if err := record.Read(later, nil, func(record.Measurement) {}); err == nil ||
		!strings.Contains(err.Error(), "schema 99") {
		t.Errorf("records of a later schema: %v", err)
	}
	if _, err := record.ReadTrial(later); err == nil || !strings.Contains(err.Error(), "use a newer one") {
		t.Errorf("records of a later schema: %v", err)
	}
}

func TestDamagedFilesAreNamed(t *testing.T) {
	var good bytes.Buffer
	z := gzip.NewWriter(&good)
	z.Write([]byte("{\"kind\":\"measurement\",\"metric\":\"x\"}\n{\"kind\":\"other\"}\n"))
	z.Close()
	path := filepath.Join(t.TempDir(), "x"+record.Suffix)
	for _, c := range []struct {
		data []byte
		want string
	}{{good.Bytes(), "line 2"}, {good.Bytes()[:20], "line 1"}, {[]byte("plain"), "x" + record.Suffix}} {
		if err := os.WriteFile(path, c.data, 0o644); err != nil {
			t.Fatal(err)
		}
		err := record.Read(path, func(record.Invocation) {}, func(record.Measurement) {})
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), path) {
			t.Errorf("error %v does not name %s and %s", err, path, c.want)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"kind":"invocation","latency":1}`))
	f.Add([]byte(`{"kind":"measurement","value":1}` + "\n\n"))
	f.Add([]byte(`{"kind":"trial","schema":2,"trial":1,"block":1}` + "\n"))
	f.Fuzz(func(t *testing.T, lines []byte) {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		z.Write(lines)
		z.Close()
		n := 0
		err := record.Decode(&b, func(record.Invocation) { n++ }, func(record.Measurement) { n++ })
		want := 0
		for line := range strings.SplitSeq(strings.TrimSuffix(string(lines), "\n"), "\n") {
			if !strings.HasPrefix(line, `{"kind":"trial"`) {
				want++
			}
		}
		if err == nil && len(lines) > 0 && n != want {
			t.Errorf("%d records in %d lines", n, want)
		}
	})
}

func BenchmarkInvocation(b *testing.B) {
	w, err := record.Create(filepath.Join(b.TempDir(), "x"))
	if err != nil {
		b.Fatal(err)
	}
	defer w.Abort()
	for i := range b.N {
		w.Invocation(record.Invocation{Experiment: "deploy", Backend: "process", Runtime: "nodejs20.x",
			Function: "nop-00001", Latency: int64(i), Started: int64(i) * 1000, Outcome: "ok",
			Labels: map[string]string{"functions": "64"}})
	}
}
