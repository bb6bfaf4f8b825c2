package workloads_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/lambdabench/lambdabench/workloads"
)

func ExampleReadTrial() {
	t, err := workloads.ReadTrial(strings.NewReader("0,alice,nop,2\n0,bob,spin,150,1\n1,alice,nop,1\n"))
	if err != nil {
		fmt.Println(err)
		return
	}
	names, pick := t.Functions()
	for n := range t.Calls() {
		fmt.Printf("%s(%s)\n", names[pick(n)], t.At(n).Param)
	}
	// Output:
	// alice/nop()
	// alice/nop()
	// bob/spin(150)
	// alice/nop()
}

func TestABadTrialLineIsNamed(t *testing.T) {
	for line, want := range map[string]string{
		"0,u,f":              "3 fields",
		"0,u,f,p,1,2":        "6 fields",
		"x,u,f,1":            `batch "x"`,
		"0,u,f,0":            `count "0"`,
		"0,u,f,999999999":    `count "999999999"`,
		"0,,f,1":             "must not be empty",
		"0,u,f,p,many":       `count "many"`,
		"0,u,f,100000000":    "calls in all",
		"-1,u,f,1":           `batch "-1"`,
		"0,u,f,1,1\x00,five": "6 fields",
	} {
		_, err := workloads.ReadTrial(strings.NewReader("# header\n0,u,f,1\n" + line))
		if err == nil || !strings.Contains(err.Error(), "line 3") || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want one that names line 3 and %q", line, err, want)
		}
	}
}

func FuzzReadTrial(f *testing.F) {
	f.Add("0,u,f,1\n")
	f.Add("0,u,f,p,3\n# c\n\n1,v,g,2")
	f.Add("9,a,b,,100000000\n")
	f.Fuzz(func(t *testing.T, text string) {
		trial, err := workloads.ReadTrial(strings.NewReader(text))
		if err != nil {
			return
		}
		names, pick := trial.Functions()
		total := 0
		for i, l := range trial.Lines {
			if trial.At(total) != trial.Lines[i] || names[pick(total)] != l.User+"/"+l.Function {
				t.Fatalf("call %d is not line %d", total, i)
			}
			total += l.Count
		}
		if total != trial.Calls() {
			t.Fatalf("%d calls, lines say %d", trial.Calls(), total)
		}
	})
}
