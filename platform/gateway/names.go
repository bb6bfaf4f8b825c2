package gateway

import (
	"net/http"
	"regexp"
	"strings"

	"github.com/lambdabench/lambdabench/platform/store"
)

var (
	functionName = regexp.MustCompile(`^[a-zA-Z0-9-_]{1,64}$`)
	// region, account, name, version
	fullName = regexp.MustCompile(`^(?:arn:aws[a-z-]*:lambda:([a-z0-9-]+):)?(?:(\d{12}):)?` +
		`(?:function:)?([^:]*)(?::([^:]*))?$`)
	versionName = regexp.MustCompile(`^(\$LATEST|[0-9]{1,9})$`)
)

// arn is a function's name in full, without a version.
func (g *Gateway) arn(fn *store.Function) string {
	return "arn:aws:lambda:" + g.cfg.Region + ":" + g.cfg.Account + ":function:" + fn.Name
}

// versionARN ends in the version, as the ARN of a published version does.
func (g *Gateway) versionARN(fn *store.Function) string {
	if fn.Version == store.Latest {
		return g.arn(fn)
	}
	return g.arn(fn) + ":" + fn.Version
}

// identify reads which function and version a request names. AWS takes a name,
// a partial ARN (account:function:name) or an ARN, each with a version at its
// end, or the version as a query parameter.
func (g *Gateway) identify(r *http.Request) (name, version string, err error) {
	name = r.PathValue("name")
	if strings.IndexByte(name, ':') >= 0 {
		if name, version, err = g.parseARN(name); err != nil {
			return "", "", err
		}
	}
	if r.URL.RawQuery != "" {
		if v := r.URL.Query().Get("Qualifier"); v != "" {
			if version != "" && version != v {
				return "", "",
					invalid("The derived qualifier from the function name does not match the specified qualifier.")
			}
			version = v
		}
	}
	if !functionName.MatchString(name) {
		return "", "",
			invalid("Value '" + name +
				"' at 'functionName' failed to satisfy constraint: letters, digits, - and _, at most 64")
	}
	if version != "" && !versionName.MatchString(version) {
		return "", "", apiError{http.StatusNotFound, "ResourceNotFoundException", "no version or alias " + version +
			" of function " + name}
	}
	return name, version, nil
}

// parseARN parses an ARN or a partial one. A function of another account or region is
// not found.
func (g *Gateway) parseARN(arn string) (name, version string, err error) {
	m := fullName.FindStringSubmatch(arn)
	if m == nil {
		return "", "", invalid("Value '" + arn + "' at 'functionName' is neither a name nor the ARN of a function")
	}
	if m[1] != "" && m[1] != g.cfg.Region || m[2] != "" && m[2] != g.cfg.Account {
		return "", "", apiError{http.StatusNotFound, "ResourceNotFoundException",
			arn + " is not of this platform's region and account (" + g.cfg.Region + ", " + g.cfg.Account + ")"}
	}
	return m[3], m[4], nil
}
