package mpsc

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"regexp"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/lambdabench/lambdabench/platform/origin"
)

// Config is read once, at start. Keys of a provider are the paper's where it
// has them (type, ApiHost, Namespace, Cost). Credentials are never in it: each
// provider names a prefix of environment variables.
//
//	interval: 30s
//	functions: [nop]
//	providers:
//	  - name: cloud
//	    type: aws
//	    ApiHost: http://127.0.0.1:9000
//	    Namespace: us-east-1
//	    Cost: 0.0000002
//	    credentials: CLOUD   # CLOUD_ACCESS_KEY_ID, CLOUD_SECRET_ACCESS_KEY
type Config struct {
	Interval time.Duration `yaml:"interval"` // between two tests of a provider; default 30s, below 0: on demand only
	Timeout  time.Duration `yaml:"timeout"`  // of one test or proxied call; default 10s
	Window   time.Duration `yaml:"window"`   // how far back statistics look; default 5m
	Samples  int           `yaml:"samples"`  // the most tests of a provider that statistics use; default 1000
	Schedule string        `yaml:"schedule"` // the schedule that answers; default "fastest"
	Latency  time.Duration `yaml:"latency"`  // the bound of schedule "cheapest"; default 100ms
	Limit    time.Duration `yaml:"limit"`    // the time a user's schedule may take; default 2s
	// Hedge asks a second provider when the first is slow; functions may then run twice.
	Hedge    bool   `yaml:"hedge"`
	Database string `yaml:"database"` // SQLite file; default "mpsc.db"
	// Hosts are names under which clients reach a loopback listener, as behind a reverse proxy.
	Hosts     []string   `yaml:"hosts"`
	Functions []string   `yaml:"functions"` // the functions that the monitor tests
	Providers []Provider `yaml:"providers"`
}

// Provider is one place where functions run.
type Provider struct {
	Name        string  `yaml:"name"`
	Type        string  `yaml:"type"`      // "aws", "openwhisk" or "http"
	APIHost     string  `yaml:"ApiHost"`   // base URL
	Namespace   string  `yaml:"Namespace"` // aws: region, default us-east-1; openwhisk: default "_"
	Cost        float64 `yaml:"Cost"`      // USD a request
	Credentials string  `yaml:"credentials"`
	URL         string  `yaml:"url"` // http: template with {host}, {namespace}, {function}
}

// ReadConfig reads and checks a file. An unknown key is an error that names
// its line.
func ReadConfig(path string) (Config, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return Config{}, fmt.Errorf("read MPSC configuration: %w", err)
	}
	cfg, err := ParseConfig(data)
	if err != nil {
		return Config{}, fmt.Errorf("%s: %w", path, err)
	}
	return cfg, nil
}

// ParseConfig is ReadConfig on the file's content.
func ParseConfig(data []byte) (Config, error) {
	var cfg Config
	dec := yaml.NewDecoder(bytes.NewReader(data))
	dec.KnownFields(true)
	switch err := dec.Decode(&cfg); {
	case errors.Is(err, io.EOF):
		return Config{}, errors.New("the configuration is empty; see configs/mpsc.yaml for one")
	case err != nil:
		return Config{}, err
	}
	if err := dec.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return Config{}, errors.New("a configuration is one document, without ---")
	}
	cfg = cfg.withDefaults()
	return cfg, cfg.validate()
}

func (c Config) withDefaults() Config {
	c.Interval = cmp.Or(c.Interval, 30*time.Second)
	c.Timeout = cmp.Or(c.Timeout, 10*time.Second)
	c.Window = cmp.Or(c.Window, 5*time.Minute)
	c.Latency = cmp.Or(c.Latency, 100*time.Millisecond)
	c.Limit = cmp.Or(c.Limit, 2*time.Second)
	c.Samples = cmp.Or(c.Samples, 1000)
	c.Schedule = cmp.Or(c.Schedule, ScheduleFastest)
	c.Database = cmp.Or(c.Database, "mpsc.db")
	return c
}

var providerName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$`)

func (c Config) validate() error {
	errs := []error{origin.Validate(c.Hosts)}
	if len(c.Providers) == 0 {
		errs = append(errs, errors.New("providers: at least one is needed"))
	}
	if len(c.Functions) == 0 {
		errs = append(errs, errors.New("functions: name at least one to test"))
	}
	if c.Timeout < 0 || c.Window < 0 || c.Latency < 0 || c.Limit < 0 || c.Samples < 0 {
		errs = append(errs, errors.New("timeout, window, latency, limit and samples cannot be negative"))
	}
	seen := map[string]bool{}
	for i, p := range c.Providers {
		if err := p.validate(); err != nil {
			errs = append(errs, fmt.Errorf("providers[%d] (%s): %w", i, p.Name, err))
		}
		if seen[p.Name] {
			errs = append(errs, fmt.Errorf("providers[%d]: the name %q is taken", i, p.Name))
		}
		seen[p.Name] = true
	}
	return errors.Join(errs...)
}

func (p Provider) validate() error {
	if !providerName.MatchString(p.Name) {
		return fmt.Errorf("name %q: use letters, digits, '.', '_' and '-'", p.Name)
	}
	if u, err := url.Parse(p.APIHost); err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return fmt.Errorf("ApiHost %q is not a URL such as http://127.0.0.1:9000", p.APIHost)
	}
	if p.Cost < 0 {
		return fmt.Errorf("the Cost of %s, %v, is negative", p.Name, p.Cost)
	}
	switch {
	case p.Type != TypeAWS && p.Type != TypeOpenWhisk && p.Type != TypeHTTP:
		return fmt.Errorf("type %q is not aws, openwhisk or http", p.Type)
	case p.Type == TypeHTTP && p.URL == "":
		return errors.New(`type http needs url, such as "{host}/run/{function}"`)
	case p.Type != TypeHTTP && p.URL != "":
		return fmt.Errorf("url belongs to type http, not to %q", p.Type)
	}
	return nil
}
