package conformance

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/lambdabench/lambdabench/runtime/isolation"
)

// linkSources read a package's symbolic links, in each language.
var linkSources = map[isolation.Language]string{
	isolation.NodeJS: `const fs = require('fs'), path = require('path');
exports.handler = async () => {
  const at = (p) => path.join(process.env.LAMBDA_TASK_ROOT, p);
  const read = (p) => fs.readFileSync(at(p), 'utf8');
  return [String(fs.lstatSync(at('file')).isSymbolicLink()), fs.readlinkSync(at('file')), read('file'),
    read('dir/inner'), read('deep/up'), String(fs.existsSync(at('missing'))), fs.readlinkSync(at('missing'))].join(' ');
};`,
	isolation.Python: `import os
def handler(event, context):
    at = lambda p: os.path.join(os.environ['LAMBDA_TASK_ROOT'], p)
    read = lambda p: open(at(p)).read()
    return ' '.join([str(os.path.islink(at('file'))).lower(), os.readlink(at('file')), read('file'),
        read('dir/inner'), read('deep/up'), str(os.path.exists(at('missing'))).lower(), os.readlink(at('missing'))])
`,
}

// links are symbolic ones in a package, as npm and shared libraries have them;
// the handler's own module is one.
func (s *suite) links(t *testing.T) {
	packages := unpackFunctions(t, s.in.Language)
	module := "real.js"
	if !s.node() {
		module = "real.py"
	}
	for name, content := range map[string]string{
		"code/" + module: linkSources[s.in.Language], "real/inner": "content",
	} {
		path := filepath.Join(packages, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(filepath.Join(packages, "deep"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, target := range map[string]string{
		"linked" + filepath.Ext(module): "code/" + module, "file": "real/inner", "dir": "real",
		"deep/up": "../file", "missing": "not/there",
	} {
		if err := os.Symlink(target, filepath.Join(packages, name)); err != nil {
			t.Fatal(err)
		}
	}
	fn := s.function("linked.handler")
	fn.Package = packages
	wantResult(t, invoke(t, s.load(t, fn), `{}`), `"true real/inner content content content false not/there"`)
}
