package live

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/dustin/go-humanize"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// Names of the platform's metrics. A test of the command compares them with those of a
// platform.
const (
	metricInvocations = "lambdabench_invocations_total"
	metricRefusals    = "lambdabench_refusals_total"
	metricLatency     = "lambdabench_invocation_seconds"
	metricSandboxes   = "lambdabench_sandboxes"
	metricWaiting     = "lambdabench_waiting"
	metricCacheBytes  = "lambdabench_cache_bytes"
	metricFunctions   = "lambdabench_functions"
	metricResident    = "process_resident_memory_bytes"
)

// Metrics follows a platform by its /metrics.
type Metrics struct {
	address string
	client  *http.Client
	history history
	before  *scrape
	misses  int
	state   State // the last one that was seen
}

const (
	// patience bounds a scrape. On a busy host a process of policy SCHED_IDLE waits for seconds
	// between the answer and its turn to read the answer.
	patience = 30 * time.Second

	// maxScrape bounds what is read of an answer; a platform's is some 30 KB.
	maxScrape = 4 << 20

	// maxMisses is the number of scrapes in a row that may fail before the platform counts
	// as gone.
	maxMisses = 5
)

// OpenMetrics follows the platform at an address such as http://127.0.0.1:9000.
func OpenMetrics(address string) (*Metrics, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("%q is no address of a platform: want one as in http://127.0.0.1:9000", address)
	}
	u.Path, u.RawQuery, u.Fragment = "/metrics", "", ""
	return &Metrics{address: u.String(), client: &http.Client{Timeout: patience}}, nil
}

// Look implements Source.
func (m *Metrics) Look(ctx context.Context) (State, error) {
	now, err := m.scrape(ctx)
	if err != nil {
		if m.before == nil {
			return State{}, err
		}
		m.misses++
		s := m.state
		s.At = time.Now()
		s.Errors = []string{err.Error()}
		if m.misses >= maxMisses {
			s.Ended = "the platform no longer answers"
		}
		return s, nil
	}
	m.misses = 0
	if m.before != nil {
		m.history.add(m.before, now)
	}
	m.before = now
	m.state = State{Title: "platform " + m.address, At: now.at, Facts: now.facts(),
		Figures: Figures{Version: m.state.Figures.Version + 1, Charts: m.history.charts()}}
	return m.state, nil
}

func (m *Metrics) scrape(ctx context.Context) (*scrape, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, m.address, nil)
	if err != nil {
		return nil, err
	}
	res, err := m.client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("ask the platform: %w", err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("ask the platform: %s answers %s; is it lambdabench serve?", m.address, res.Status)
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(io.LimitReader(res.Body, maxScrape))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", m.address, err)
	}
	if families[metricSandboxes] == nil {
		return nil, errors.New("read " + m.address + ": it has no " + metricSandboxes + "; is it lambdabench serve?")
	}
	return &scrape{time.Now(), families}, nil
}

// scrape is the answer of a platform at one moment.
type scrape struct {
	at       time.Time
	families map[string]*dto.MetricFamily
}

// by sums a counter or gauge over everything but one label.
func (s *scrape) by(metric, label string) map[string]float64 {
	all := map[string]float64{}
	for _, m := range s.families[metric].GetMetric() {
		v := m.GetCounter().GetValue() + m.GetGauge().GetValue()
		all[labelOf(m, label)] += v
	}
	return all
}

func (s *scrape) sum(metric string) float64 {
	sum := 0.0
	for _, v := range s.by(metric, "") {
		sum += v
	}
	return sum
}

// buckets sums the histograms of a metric by a label: the cumulative count up to each bound.
func (s *scrape) buckets(metric, label string) map[string]map[float64]float64 {
	all := map[string]map[float64]float64{}
	for _, m := range s.families[metric].GetMetric() {
		name := labelOf(m, label)
		if all[name] == nil {
			all[name] = map[float64]float64{}
		}
		for _, b := range m.GetHistogram().GetBucket() {
			all[name][b.GetUpperBound()] += float64(b.GetCumulativeCount())
		}
	}
	return all
}

func labelOf(m *dto.Metric, label string) string {
	for _, l := range m.GetLabel() {
		if l.GetName() == label {
			return l.GetValue()
		}
	}
	return ""
}

func (s *scrape) facts() []Fact {
	backend := ""
	for _, m := range s.families[metricSandboxes].GetMetric() {
		backend = labelOf(m, "backend")
	}
	all := []Fact{{"backend", backend}, {"invocations", humanize.Comma(int64(s.sum(metricInvocations)))},
		{"refused", humanize.Comma(int64(s.sum(metricRefusals)))},
		{"waiting", humanize.Comma(int64(s.sum(metricWaiting)))},
		{"functions", humanize.Comma(int64(s.sum(metricFunctions)))}}
	for outcome, n := range sorted(s.by(metricInvocations, "outcome")) {
		all = append(all, Fact{"outcome " + outcome, humanize.Comma(int64(n))})
	}
	for state, n := range sorted(s.by(metricSandboxes, "state")) {
		all = append(all, Fact{"sandboxes " + state, humanize.Comma(int64(n))})
	}
	for cache, n := range sorted(s.by(metricCacheBytes, "cache")) {
		all = append(all, Fact{"memory of " + cache, humanize.Bytes(uint64(max(0, n)))})
	}
	return append(all, Fact{"memory of the platform", humanize.Bytes(uint64(max(0, s.sum(metricResident))))})
}
