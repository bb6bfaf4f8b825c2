package unikernel

import (
	"encoding/json"
	"testing"

	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/runtimetest"
)

// Functions that start as many threads as they can, up to 40, and say how many
// that were, and why not more.
var threadStarters = map[isolation.Language]string{
	isolation.NodeJS: `
const { Worker } = require('node:worker_threads');
exports.handler = async () => {
  const all = [];
  let why = '';
  for (let i = 0; i < 40 && !why; i++) {
    try {
      const w = new Worker('require("node:worker_threads").parentPort.once("message", () => {})', { eval: true });
      await new Promise((resolve, reject) => { w.once('online', resolve); w.once('error', reject); });
      all.push(w);
    } catch (e) {
      why = e.message;
    }
  }
  await Promise.all(all.map((w) => w.terminate()));
  return [all.length, why];
};
`,
	isolation.Python: `
import threading

def handler(event, context):
    done, all, why = threading.Event(), [], ""
    for _ in range(40):
        t = threading.Thread(target=done.wait)
        try:
            t.start()
        except RuntimeError as e:
            why = str(e)
            break
        all.append(t)
    done.set()
    for t in all:
        t.join()
    return [len(all), why]
`,
}

func TestThreadsAreLimitedAsProcessesAre(t *testing.T) {
	for lang, refusal := range map[isolation.Language]string{isolation.NodeJS: "EAGAIN",
		isolation.Python: "can't start new thread"} {
		t.Run(string(lang), func(t *testing.T) {
			be := newBackend(t, Config{})
			base := baseSnapshot(t, be, lang, nil)
			fn := function(t, lang, threadStarters[lang])
			started := func(sb isolation.Sandbox) (n int, why string) {
				defer sb.Close()
				res := runtimetest.Invoke(t, sb, "{}")
				if err := json.Unmarshal(res.Payload, &[]any{&n, &why}); err != nil {
					t.Fatalf("%v: %+v", err, res)
				}
				return n, why
			}
			fn.Limits = isolation.Limits{Processes: 24}
			sb := deployed(t, be, base)
			if err := sb.Import(t.Context(), fn); err != nil {
				t.Fatal(err)
			}
			snap, err := be.Capture(t.Context(), sb)
			if err != nil {
				t.Fatal(err)
			}
			defer snap.Close()
			if n, why := started(sb); n == 0 || n > 24 || why != refusal {
				t.Errorf("%d threads under a limit of 24, then %q", n, why)
			}
			// The limit is the deploy's, not the snapshot's.
			free, err := be.Deploy(t.Context(), snap, isolation.DeploySpec{})
			if err != nil {
				t.Fatal(err)
			}
			if n, why := started(free); n != 40 || why != "" {
				t.Errorf("without a limit %d of 40 threads, then %q", n, why)
			}
			bound, err := be.Deploy(t.Context(), snap, isolation.DeploySpec{Limits: isolation.Limits{Processes: 24}})
			if err != nil {
				t.Fatal(err)
			}
			if n, why := started(bound); n == 0 || n > 24 || why != refusal {
				t.Errorf("%d threads under a limit of 24 at the deploy, then %q", n, why)
			}
		})
	}
}
