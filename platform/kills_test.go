package platform

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/lambdabench/lambdabench/platform/lambdatest"
	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/process"
	"github.com/lambdabench/lambdabench/runtime/runtimetest"
)

// killsVariable, in the environment, is how often the platform is killed;
// the ordinary suite does it a few times.
const killsVariable = "LAMBDABENCH_TEST_KILLS"

func kills(t *testing.T) int {
	text := os.Getenv(killsVariable)
	if text == "" {
		return 3
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("%s is %q: it is a number of kills", killsVariable, text)
	}
	return n
}

// promises are what platforms acknowledged before they were killed.
type promises struct {
	mu        sync.Mutex
	tried     map[string]bool // functions and actions
	functions []string
	actions   []string
	events    []string
	runs      []string // ids of activations
	ran       map[string]bool
	said      int // by the platform that runs now
}

func (p *promises) try(name string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.tried[name] = true
	return name
}

// keep notes what was acknowledged, and returns how much was by this platform.
func (p *promises) keep(list *[]string, name string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	*list = append(*list, name)
	p.said++
	return p.said
}

// ServeHTTP is asked by the events' function.
func (p *promises) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ran[r.URL.Query().Get("id")] = true
}

// lost are the events that never ran.
func (p *promises) lost() (ids []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, id := range p.events {
		if !p.ran[id] {
			ids = append(ids, id)
		}
	}
	return ids
}

const marks = `exports.handler = (e) => new Promise((resolve, reject) => {
  require('http').get(e.door + '?id=' + e.id, (r) => { r.resume(); resolve() }).on('error', reject)
})`

// prepare makes the function of the events and the action of the activations.
func prepare(t *testing.T, url string, in isolation.Interpreter) {
	t.Helper()
	create(t, lambdatest.Client(t, url), in, "marks", marks, func(c *lambda.CreateFunctionInput) {
		c.Timeout = aws.Int32(60)
	})
	putAction(t, url, "nap", "slept")
}

// strain has a platform promise things until it is killed, after so many.
func (p *promises) strain(t *testing.T, url, door string, round int, in isolation.Interpreter, after int, kill func()) {
	c := lambdatest.Client(t, url)
	var all sync.WaitGroup
	work := func(do func(i int) (list *[]string, name string)) {
		all.Go(func() {
			for i := 0; ; i++ {
				list, name := do(i)
				if list == nil { // refused: the platform is gone
					return
				}
				if p.keep(list, name) >= after {
					kill()
				}
			}
		})
	}
	work(func(i int) (*[]string, string) {
		name := p.try(fmt.Sprintf("f-%d-%d", round, i))
		_, err := c.CreateFunction(t.Context(), &lambda.CreateFunctionInput{
			FunctionName: &name, Runtime: types.Runtime(in.Runtime), Handler: aws.String("index.handler"),
			Role: aws.String("arn:aws:iam::000000000000:role/any"),
			Code: &types.FunctionCode{ZipFile: lambdatest.Zip(t, "index.js",
				"exports.handler = async () => '"+name+"'")},
		})
		if err != nil {
			return nil, ""
		}
		return &p.functions, name
	})
	work(func(i int) (*[]string, string) {
		name := p.try(fmt.Sprintf("a-%d-%d", round, i/2)) // each is updated once
		code := fmt.Sprintf("function main() { return {word: '%s', i: %d} }", name, i)
		exec := map[string]any{"exec": map[string]any{"kind": "nodejs:default", "code": code}}
		if status, _, err := askWhisk(t.Context(), url, "PUT", "/_/actions/"+name+"?overwrite=true",
			exec); err != nil || status != http.StatusOK {
			return nil, ""
		}
		return &p.actions, name
	})
	work(func(i int) (*[]string, string) {
		if i%2 == 0 {
			_, m, err := askWhisk(t.Context(), url, "POST", "/_/actions/nap", struct{}{})
			id, _ := m["activationId"].(string)
			if err != nil || id == "" {
				return nil, ""
			}
			return &p.runs, id
		}
		id := fmt.Sprintf("%d-%d", round, i)
		payload := fmt.Appendf(nil, `{"door":%q,"id":%q}`, door, id)
		if _, err := c.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("marks"),
			InvocationType: types.InvocationTypeEvent, Payload: payload}); err != nil {
			return nil, ""
		}
		return &p.events, id
	})
	all.Wait()
}

func TestNoKillLosesOrLeavesAnything(t *testing.T) {
	in, dir, n := runtimetest.Interpreter(t, isolation.NodeJS), dataDir(t), kills(t)
	backendDir := filepath.Join(dir, "backend")
	if err := os.Mkdir(backendDir, 0o755); err != nil {
		t.Fatal(err)
	}
	p := &promises{tried: map[string]bool{"marks": true, "nap": true}, ran: map[string]bool{}}
	door := httptest.NewServer(p)
	defer door.Close()
	defer http.DefaultClient.CloseIdleConnections()
	rnd := rand.New(rand.NewPCG(13, uint64(n)))
	for round := range n {
		url, cmd := victimAt(t, dir)
		if round == 0 {
			prepare(t, url, in)
		}
		p.said = 0
		var once sync.Once
		p.strain(t, url, door.URL, round, in, 5+rnd.IntN(40), func() { once.Do(func() { cmd.Process.Kill() }) })
		cmd.Process.Kill() // in case all was refused
		cmd.Wait()
		http.DefaultClient.CloseIdleConnections()
		runtimetest.Eventually(t, "no process of the killed platform is left", func() bool {
			return len(inDirectory(backendDir)) == 0
		})
	}
	r := serveOn(t, Config{Data: filepath.Join(dir, "data")}, process.New(process.Config{Dir: backendDir}), backendDir)
	p.verify(t, r)
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d kills: %d functions, %d changes of actions, %d activations, %d events were acknowledged", n,
		len(p.functions), len(p.actions), len(p.runs), len(p.events))
}

// verify has all that was promised be there, and nothing else.
func (p *promises) verify(t *testing.T, r *running) {
	for _, name := range p.functions {
		if out := invokeSome(t, r, name); out != "" && out != `"`+name+`"` {
			t.Errorf("function %s: %s", name, out)
		}
	}
	for _, name := range p.actions {
		if status, m := whisk(t, r.url, "GET", "/_/actions/"+name, nil); status != http.StatusOK {
			t.Errorf("action %s: %d %v", name, status, m)
		}
	}
	for _, id := range p.runs {
		if status, m := whisk(t, r.url, "GET", "/_/activations/"+id, nil); status != http.StatusOK {
			t.Errorf("activation %s: %d %v", id, status, m)
		}
	}
	runtimetest.Eventually(t, "all events run", func() bool { return len(p.lost()) == 0 })
	mine := r.Store.Of(r.Store.Owners("lambda")[0])
	runtimetest.Eventually(t, "no event is kept that ended", func() bool {
		left, err := mine.Events()
		return err == nil && len(left) == 0
	})
	p.nothingElse(t, r)
}

// invokeSome invokes one function of twenty, and looks the others up.
func invokeSome(t *testing.T, r *running, name string) string {
	t.Helper()
	if rand.IntN(20) == 0 {
		return string(invoke(t, r.Client, name, "{}").Payload)
	}
	if _, err := r.GetFunction(t.Context(), &lambda.GetFunctionInput{FunctionName: &name}); err != nil {
		t.Error(err)
	}
	return ""
}

// nothingElse finds what nobody asked for, or what nobody needs.
func (p *promises) nothingElse(t *testing.T, r *running) {
	packages, functions := map[string]bool{}, 0
	for _, door := range []string{"lambda", "openwhisk"} {
		for _, owner := range r.Store.Owners(door) {
			for marker, more := "", true; more; more = marker != "" {
				page, next := r.Store.Of(owner).List(marker, 1000)
				marker = next
				for _, fn := range page {
					packages[fn.CodeSHA256] = true
					if door == "lambda" && !p.tried[fn.Name] {
						t.Errorf("function %s was never asked for", fn.Name)
					}
					if door == "openwhisk" {
						functions++
					}
				}
			}
		}
	}
	if _, m := whisk(t, r.url, "GET", "/_", nil); len(m["actions"].([]any)) != functions {
		t.Errorf("%d functions for %d actions", functions, len(m["actions"].([]any)))
	}
	if _, err := r.Store.Sweep(0); err != nil {
		t.Error(err)
	}
	data := r.Platform.cfg.Data
	for dir, want := range map[string]int{"code": len(packages), "temp": 0, "damaged": 0} {
		if found, _ := os.ReadDir(filepath.Join(data, dir)); len(found) != want {
			t.Errorf("%d entries in %s, want %d", len(found), dir, want)
		}
	}
}
