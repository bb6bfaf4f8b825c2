package experiment

import (
	"testing"

	"github.com/lambdabench/lambdabench/analysis/record"
	"github.com/lambdabench/lambdabench/platform/worker"
	"github.com/lambdabench/lambdabench/runtime/isolation"
)

// TestRecordsNamePathsAndOutcomesAsThePlatformDoes: analysis imports neither
// platform nor runtime, so that nothing else holds their names together.
func TestRecordsNamePathsAndOutcomesAsThePlatformDoes(t *testing.T) {
	for recorded, own := range map[string]string{
		record.PathHot: string(worker.Hot), record.PathWarm: string(worker.Warm), record.PathCold: string(worker.Cold),
		record.PathBoot:  string(worker.Boot),
		record.OutcomeOK: string(isolation.OK),
	} {
		if recorded != own {
			t.Errorf("the record's name is %q, the platform's %q", recorded, own)
		}
	}
}
