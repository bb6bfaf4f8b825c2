package unikernel

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/lambdabench/lambdabench/runtime"
)

var fetchers = map[runtime.Language]string{
	runtime.NodeJS: `const http = require('http');
const get = (url) => new Promise((resolve, reject) => http.get(url, (res) => { let s = ''; res.on('data', (d) => s += d); res.on('end', () => resolve(s)); }).on('error', reject));
exports.handler = async ({ url, how }) => { try { return how === 'fetch' ? await (await fetch(url)).text() : await get(url); } catch (e) { return 'refused ' + (e.cause || e).code; } };`,
	runtime.Python: `import urllib.request
def handler(event, context):
    try:
        return urllib.request.urlopen(event["url"], timeout=10).read().decode()
    except OSError as e:
        return "refused " + str(e)`,
}

func TestFunctionsReachWhatTheListNames(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Write([]byte(strings.Repeat("hello ", 100_000)))
	}))
	defer server.Close()
	listed := strings.TrimPrefix(server.URL, "http://")
	for lang, source := range fetchers {
		t.Run(string(lang), func(t *testing.T) {
			for _, c := range []struct {
				allow []string
				how   string
				want  string
			}{{[]string{listed}, "get", "hello"}, {[]string{listed}, "fetch", "hello"}, {nil, "get", "refused"}} {
				b := newBackend(t, Config{Allow: c.allow, HibernateAfter: -1})
				snap := functionSnapshot(t, b, baseSnapshot(t, b, lang, nil), function(t, lang, source))
				sb := deployed(t, b, snap).(*sandbox)
				event, _ := json.Marshal(map[string]string{"url": server.URL, "how": c.how})
				for range 3 {
					res := invoke(t, sb, string(event))
					var got string
					json.Unmarshal(res.Payload, &got)
					if !strings.HasPrefix(got, c.want) || c.want == "hello" && len(got) != 600_000 {
						t.Errorf("%v %s: %d bytes %.60s, %v %s", c.allow, c.how, len(got), got, res.Error, res.Logs)
					}
					sb.hibernate(time.Nanosecond) // unless a connection's timer runs
				}
				sb.Close()
				snap.Close()
			}
		})
	}
}
