package platform

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/lambdabench/lambdabench/platform/dispatch"
	"github.com/lambdabench/lambdabench/platform/worker"
)

// Config of a platform; the zero value works. configs/platform.yaml shows every
// field with its default.
type Config struct {
	Data    string        `yaml:"data"`    // directory of functions and code; default "data"
	Region  string        `yaml:"region"`  // in ARNs; default us-east-1
	Account string        `yaml:"account"` // in ARNs; default 000000000000
	Events  int           `yaml:"events"`  // asynchronous invocations that may wait; default 1000
	Grace   time.Duration `yaml:"grace"`   // for what runs when the platform shuts down; default 10s

	Worker   worker.Config   `yaml:"worker"`
	Dispatch dispatch.Config `yaml:"dispatch"`
}

// ReadConfig reads a file. An unknown key or a wrong value is an error that
// names its line.
func ReadConfig(path string) (Config, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return Config{}, fmt.Errorf("read platform configuration: %w", err)
	}
	var cfg Config
	dec := yaml.NewDecoder(bytes.NewReader(data))
	dec.KnownFields(true)
	if err := dec.Decode(&cfg); err != nil && !errors.Is(err, io.EOF) {
		return Config{}, fmt.Errorf("%s: %w", filepath.Clean(path), err)
	}
	if err := errors.Join(cfg.Worker.Validate(), cfg.Dispatch.Validate()); err != nil {
		return Config{}, fmt.Errorf("%s: %w", filepath.Clean(path), err)
	}
	if cfg.Events < 0 || cfg.Grace < 0 {
		return Config{}, fmt.Errorf("%s: events and grace cannot be negative", filepath.Clean(path))
	}
	return cfg, nil
}

func (c Config) withDefaults() Config {
	if c.Data == "" {
		c.Data = "data"
	}
	if c.Grace == 0 {
		c.Grace = 10 * time.Second
	}
	return c
}
