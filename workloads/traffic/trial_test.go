package traffic_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/lambdabench/lambdabench/workloads"
	"github.com/lambdabench/lambdabench/workloads/traffic"
)

func ExampleReadTrial() {
	t, err := traffic.ReadTrial("calls.csv", strings.NewReader("0,alice,nop,2\n0,bob,spin,15,1\n1,alice,nop,1\n"))
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
	// bob/spin(15)
	// alice/nop()
}

func TestABadTrialLineIsNamed(t *testing.T) {
	for line, want := range map[string]string{
		"0,u,f":              "3 fields",
		"0,u,f,1":            `no function "f"; want nop, spin, http_get or http_sleep`,
		"0,u,spin,1":         `spin's param ""`,
		"0,u,spin,41,1":      `spin's param "41"`,
		"0,u,http_sleep,x,1": `http_sleep's param "x"`,
		"0,u,f,p,1,2":        "6 fields",
		"x,u,f,1":            `batch "x"`,
		"0,u,f,0":            `count "0"`,
		"0,u,f,999999999":    `count "999999999"`,
		"0,,f,1":             "must not be empty",
		"0,u,f,p,many":       `count "many"`,
		"0,u,nop,100000000":  "calls in all",
		"-1,u,f,1":           `batch "-1"`,
		"0,u,f,1,1\x00,five": "6 fields",
	} {
		_, err := traffic.ReadTrial("calls.csv", strings.NewReader("# header\n0,u,nop,1\n"+line))
		if err == nil || !strings.Contains(err.Error(), "calls.csv, line 3") || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want one that names line 3 and %q", line, err, want)
		}
	}
}

func TestAFunctionOfATrialDoesWhatItsNameSays(t *testing.T) {
	file := "0,u,nop,1\n0,u,spin,10,1\n0,u,http_get,1\n0,u,http_sleep,250,1\n"
	trial, err := traffic.ReadTrial("calls.csv", strings.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []traffic.Work{
		{Kind: workloads.NOP}, {Kind: workloads.Loop, Turns: 1024}, {Kind: workloads.Wait},
		{Kind: workloads.Wait, Delay: 250 * ms},
	} {
		if got := trial.Lines[i].Work; got != want {
			t.Errorf("line %d does %+v, want %+v", i+1, got, want)
		}
	}
}

func FuzzReadTrial(f *testing.F) {
	f.Add("0,u,nop,1\n")
	f.Add("0,u,spin,3,3\n# c\n\n1,v,http_get,2")
	f.Add("9,a,http_sleep,250,100000000\n")
	f.Fuzz(func(t *testing.T, text string) {
		trial, err := traffic.ReadTrial("calls.csv", strings.NewReader(text))
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
