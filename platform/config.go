package platform

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/lambdabench/lambdabench/platform/dispatch"
	"github.com/lambdabench/lambdabench/platform/openwhisk"
	"github.com/lambdabench/lambdabench/platform/origin"
	"github.com/lambdabench/lambdabench/platform/worker"
)

// Config of a platform; the zero value works. configs/platform.yaml shows every
// field with the value that Default has for it.
type Config struct {
	Data    string `yaml:"data"`    // directory of functions and code; default "data"
	Region  string `yaml:"region"`  // in ARNs; default us-east-1
	Account string `yaml:"account"` // in ARNs; default 000000000000
	// Hosts are names under which clients reach a loopback listener, as behind a reverse
	// proxy.
	Hosts []string `yaml:"hosts"`
	// Bodies bounds the memory of all request bodies together; default: an eighth of the
	// host's, 256 MiB to 4 GiB.
	Bodies worker.Bytes  `yaml:"bodies"`
	Events int           `yaml:"events"` // asynchronous invocations of one function that may wait; default 1000
	Grace  time.Duration `yaml:"grace"`  // for what runs when the platform shuts down; default 10s
	Pprof  bool          `yaml:"pprof"`  // profiles of the platform's own process at /debug/pprof/

	Credentials Credentials `yaml:"credentials"` // that Lambda functions are given; default none

	Network Network `yaml:"network"`

	Logs      Logs               `yaml:"logs"`
	Worker    worker.Config      `yaml:"worker"`
	Dispatch  dispatch.Config    `yaml:"dispatch"`
	OpenWhisk openwhisk.Settings `yaml:"openwhisk"`
}

// Network is what functions reach.
type Network struct {
	// Allow lists the destinations that functions may reach on a backend that otherwise
	// denies the network, as host:port: "api.example.com:443", "*.example.com:443",
	// "10.1.0.0/16:*". Default: nothing. The caller that opens the backend passes the list on.
	Allow []string `yaml:"allow"`
}

// Credentials of AWS, or of a service that functions use in its place.
type Credentials struct {
	AccessKeyID     string `yaml:"access_key_id"`
	SecretAccessKey string `yaml:"secret_access_key"`
	SessionToken    string `yaml:"session_token"`
}

// variables are those in which AWS's SDKs look for credentials.
func (c Credentials) variables() map[string]string {
	if c.AccessKeyID == "" {
		return nil
	}
	v := map[string]string{"AWS_ACCESS_KEY_ID": c.AccessKeyID, "AWS_SECRET_ACCESS_KEY": c.SecretAccessKey}
	if c.SessionToken != "" {
		v["AWS_SESSION_TOKEN"] = c.SessionToken
	}
	return v
}

// Logs bounds the logs of invocations.
type Logs struct {
	Bytes worker.Bytes  `yaml:"bytes"` // of all; default 256MiB
	Age   time.Duration `yaml:"age"`   // default 168h
}

// minLogs is the least bound of the logs' size: a few segments.
const minLogs = 1 << 20

// Default is the configuration of `lambdabench serve`: the zero value.
func Default() Config { return Config{}.withDefaults() }

// ReadConfig reads a file. An unknown key or a wrong value is an error that
// names its line. What the file leaves out is as in Default.
func ReadConfig(path string) (Config, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return Config{}, fmt.Errorf("read platform configuration: %w", err)
	}
	cfg := Default()
	dec := yaml.NewDecoder(bytes.NewReader(data))
	dec.KnownFields(true)
	if err := dec.Decode(&cfg); err != nil && !errors.Is(err, io.EOF) {
		return Config{}, fmt.Errorf("%s: %w", filepath.Clean(path), err)
	}
	if err := dec.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return Config{}, fmt.Errorf("%s: a configuration is one document, without ---", filepath.Clean(path))
	}
	if err := cfg.Validate(); err != nil {
		return Config{}, fmt.Errorf("%s: %w", filepath.Clean(path), err)
	}
	return cfg, nil
}

var (
	regionName    = regexp.MustCompile(`^[a-z0-9-]*$`)
	accountNumber = regexp.MustCompile(`^([0-9]{12})?$`)
)

// Validate reports every field whose value makes no sense.
func (c Config) Validate() error {
	errs := []error{origin.Validate(c.Hosts), c.Worker.Validate(), c.Dispatch.Validate(), c.OpenWhisk.Validate()}
	if !regionName.MatchString(c.Region) {
		errs = append(errs, fmt.Errorf("region is %q: it has small letters, digits and -, such as us-east-1", c.Region))
	}
	if !accountNumber.MatchString(c.Account) {
		errs = append(errs, fmt.Errorf("account is %q: it has 12 digits, in quotes", c.Account))
	}
	if c.Bodies < 0 {
		errs = append(errs, fmt.Errorf("bodies is %d: it cannot be negative", c.Bodies))
	}
	if c.Events < 0 {
		errs = append(errs, fmt.Errorf("events is %d: it cannot be negative", c.Events))
	}
	k := c.Credentials
	if (k.AccessKeyID == "") != (k.SecretAccessKey == "") || k.SessionToken != "" && k.AccessKeyID == "" {
		errs = append(errs,
			errors.New("credentials: access_key_id and secret_access_key come together, session_token only with them"))
	}
	if b := c.Logs.Bytes; b < 0 || b > 0 && b < minLogs {
		errs = append(errs, fmt.Errorf("logs.bytes is %v: it is at least %v", b, worker.Bytes(minLogs)))
	}
	if c.Logs.Age < 0 {
		errs = append(errs, fmt.Errorf("logs.age is %v: it cannot be negative", c.Logs.Age))
	}
	if c.Grace < 0 {
		errs = append(errs, fmt.Errorf("grace is %v: it cannot be negative", c.Grace))
	}
	return errors.Join(errs...)
}

func (c Config) withDefaults() Config {
	c.Data = cmp.Or(c.Data, "data")
	c.Region = cmp.Or(c.Region, "us-east-1")
	c.Account = cmp.Or(c.Account, "000000000000")
	c.Events = cmp.Or(c.Events, 1000)
	c.Grace = cmp.Or(c.Grace, 10*time.Second)
	c.Logs.Bytes = cmp.Or(c.Logs.Bytes, 256<<20)
	c.Logs.Age = cmp.Or(c.Logs.Age, 7*24*time.Hour)
	return c
}
