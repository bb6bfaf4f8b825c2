#!/usr/bin/env bash
# The commands of LambdaBench:
#
#   ./run.sh [FLAGS]   install what is missing, build, run configs/quick.yaml on every backend that this host can run
#   ./run.sh test      install what is missing, build, run every test
#   ./run.sh check     formatters, vet, linters, the comment of every exported name, lines to 120 columns, builds for
#                      other systems (.ci/check)
#   ./run.sh fidelity FLAGS python|node DIRECTORY
#                      how much of an interpreter's own suite passes in a unikernel context (runtime/unikernel/fidelity)
#   ./run.sh hosts [HOST…]
#                      try what was built on other hosts than this one (needs root; .ci/hosts/all has the table)
#
# `--with gvisor` before a command builds gVisor's runsc into bin/, and backend container/runsc is there from then on.
# `--with chromium` installs the browser in which `test` looks at report.html and at the page of `watch`; without a
# browser those tests skip.
#
# FLAGS go to `bin/lambdabench run configs/quick.yaml`. The script asks no questions. Where it may not install, it says
# what is missing and goes on with what the host has.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

say() { printf '\033[1m==> %s\033[0m\n' "$*" >&2; }

# have_node and have_python ask for a version that the drivers support, not merely for a file.
have_node() {
	command -v node >/dev/null && node -e 'process.exit(+process.versions.node.split(".")[0] >= 18 ? 0 : 1)'
}
have_python() { command -v python3 >/dev/null && python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))'; }

install_missing() {
	local want=()
	have_node                      || want+=(nodejs)
	have_python                    || want+=(python3)
	command -v runc >/dev/null     || want+=(runc)
	command -v crun >/dev/null     || want+=(crun)
	command -v tini-static >/dev/null || want+=(tini) # the first process of a container
	command -v gcc >/dev/null      || want+=(gcc libc6-dev) # the unikernel's tiny test guests, and the race detector
	command -v git >/dev/null      || want+=(git)
	[ "$1" != test ] || command -v bwrap >/dev/null || want+=(bubblewrap) # the template of a backend
	[[ " ${with[*]} " != *" chromium "* ]] || command -v chromium >/dev/null || want+=(chromium)
	[ ${#want[@]} -eq 0 ] && return
	local as=()
	if [ "$(id -u)" != 0 ]; then
		if ! sudo -n true 2>/dev/null; then
			say "missing: ${want[*]}. Not root and no sudo without a password:" \
				"going on without them (lambdabench doctor says what that costs)."
			return
		fi
		as=(sudo)
	fi
	if ! command -v apt-get >/dev/null; then
		say "missing: ${want[*]}. This is no Debian: install them with your system's packages; going on without them."
		return
	fi
	say "installing ${want[*]} (Debian packages)"
	"${as[@]}" apt-get update -qq
	"${as[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${want[@]}" >/dev/null
}

# need_go asks the Go that is installed, not the one that go.mod would have it fetch.
need_go() {
	if ! command -v go >/dev/null && [ -x /usr/local/go/bin/go ]; then PATH=$PATH:/usr/local/go/bin; fi
	if ! command -v go >/dev/null; then
		say "Go $(go_wanted) or later is needed: install it as the Go project describes and put it on the PATH."
		exit 1
	fi
	local have
	have=$(GOTOOLCHAIN=local go version | sed 's/^go version go\([0-9.]*\).*/\1/')
	if older "$have" 1.21; then
		say "Go $have is too old: install Go $(go_wanted) or later and put it first on the PATH" \
			"(from 1.21 on, Go fetches the version that a project names by itself)."
		exit 1
	fi
	if older "$have" "$(go_wanted)" && ! go version >/dev/null 2>&1; then
		say "Go $have could not fetch Go $(go_wanted), which LambdaBench needs: run this where the Go module proxy" \
			"can be reached (go env GOPROXY), or install Go $(go_wanted)."
		exit 1
	fi
}

go_wanted() { sed -n 's/^go //p' go.mod; }

# older A B: version A comes before version B.
older() { [ "$1" != "$2" ] && [ "$(printf '%s\n' "$1" "$2" | sort -V | head -1)" = "$1" ]; }

# fetch_modules says in one sentence what the go command says in one line for each module.
fetch_modules() {
	local errors
	errors=$(go mod download 2>&1) && return
	say "the Go modules that LambdaBench is built from could not be fetched." \
		"This needs the Go module proxy once (go env GOPROXY): $(head -1 <<<"$errors")"
	exit 1
}

build() {
	say "building bin/lambdabench"
	mkdir -p bin
	go build -o bin/lambdabench ./cmd/lambdabench
}

# build_gvisor takes minutes the first time. The module beside the backend pins the version and every checksum.
build_gvisor() {
	local module=runtime/container/gvisor version
	say "building bin/runsc (gVisor)"
	if ! version=$(go list -C $module -m -f '{{.Version}}' gvisor.dev/gvisor) ||
		! CGO_ENABLED=0 go build -C $module -buildvcs=false -trimpath \
			-ldflags "-X gvisor.dev/gvisor/runsc/version.version=$version" -o "$PWD/bin/runsc" gvisor.dev/gvisor/runsc
	then
		say "gVisor could not be built. This needs the Go module proxy once (go env GOPROXY)."
		exit 1
	fi
}

run_tests() {
	say "go vet"
	go vet ./...
	say "go test (every package, race detector on)"
	# testgate prints the tests as go test does, and fails a run in which a backend that works here had no test that
	# ran.
	go test -race -timeout 25m -json ./... | go run ./cmd/testgate
}

with=()
while [ "${1:-}" = --with ]; do
	case ${2:-} in
	gvisor | chromium) with+=("$2") ;;
	*) say "--with ${2:-}: there are gvisor and chromium"; exit 2 ;;
	esac
	shift 2
done

PATH=$PWD/bin:$PATH # what was built with --with; tests look there too
need_go
fetch_modules
[ "${1:-}" != check ] || exec .ci/check
install_missing "${1:-}"
build
[[ " ${with[*]} " != *" gvisor "* ]] || build_gvisor
case ${1:-} in
test) run_tests ;;
hosts) exec .ci/hosts/all "${@:2}" ;;
fidelity) exec go run ./cmd/fidelity "${@:2}" ;;
*) exec bin/lambdabench run configs/quick.yaml "$@" ;;
esac
