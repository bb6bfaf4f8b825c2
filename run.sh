#!/usr/bin/env bash
# The commands of LambdaBench:
#
#   ./run.sh [FLAGS]   install what is missing, build, run configs/quick.yaml on every backend that this host can run
#   ./run.sh test      install what is missing, build, run every test
#   ./run.sh fidelity FLAGS python|node DIRECTORY
#                      how much of an interpreter's own suite passes in a unikernel context (runtime/unikernel/fidelity)
#
# FLAGS go to `bin/lambdabench run configs/quick.yaml`. It asks for nothing; where it may not install, it says what is missing and
# goes on with what the host has.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

say() { printf '\033[1m==> %s\033[0m\n' "$*" >&2; }

# have_node and have_python ask for a version that the drivers support, not merely for a file.
have_node()   { command -v node >/dev/null && node -e 'process.exit(+process.versions.node.split(".")[0] >= 18 ? 0 : 1)'; }
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
	[ ${#want[@]} -eq 0 ] && return
	local as=()
	if [ "$(id -u)" != 0 ]; then
		if ! sudo -n true 2>/dev/null; then
			say "missing: ${want[*]}. Not root and no sudo without a password: going on without them (lambdabench doctor says what that costs)."
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

need_go() {
	if ! command -v go >/dev/null && [ -x /usr/local/go/bin/go ]; then PATH=$PATH:/usr/local/go/bin; fi
	if ! command -v go >/dev/null; then
		say "Go 1.26 or later is needed: install it as the Go project describes and put it on the PATH."
		exit 1
	fi
}

build() {
	say "building bin/lambdabench"
	mkdir -p bin
	go build -o bin/lambdabench ./cmd/lambdabench
}

run_tests() {
	say "go vet"
	go vet ./...
	say "go test (every package, race detector on)"
	# testgate prints the tests as go test does, and fails a run in which a backend that works here had no test that ran.
	go test -race -timeout 25m -json ./... | go run ./cmd/testgate
}

need_go
install_missing
build
if [ "${1:-}" = test ]; then
	run_tests
elif [ "${1:-}" = fidelity ]; then
	shift
	exec go run ./cmd/fidelity "$@"
else
	exec bin/lambdabench run configs/quick.yaml "$@"
fi
