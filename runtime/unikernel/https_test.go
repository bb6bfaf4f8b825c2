package unikernel

import (
	"encoding/json"
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/runtimetest"
)

// secureFetchers get a URL over TLS, and trust the certificates in the event's
// ca beside no others.
var secureFetchers = map[isolation.Language]string{
	isolation.NodeJS: `const https = require('https');
const request = (url, ca) => new Promise((resolve, reject) => {
  const req = https.request(url, { ca, agent: false }, (res) => {
    let s = ''; res.on('data', (d) => s += d); res.on('end', () => resolve(s));
  });
  req.on('error', reject).end();
});
const trusting = async (ca) => {
  await fetch('data:,'); // loads undici, whose Agent is not exported otherwise
  const { constructor: Agent } = globalThis[Symbol.for('undici.globalDispatcher.1')];
  return new Agent({ connect: { ca } });
};
exports.handler = async ({ url, how, ca }) => {
  try {
    if (how === 'fetch') return await (await fetch(url, { dispatcher: await trusting(ca) })).text();
    return await request(url, ca);
  } catch (e) { return 'refused ' + ((e.cause || e).code || e); }
};`,
	isolation.Python: `import ssl, urllib.request
def handler(event, context):
    try:
        trust = ssl.create_default_context(cadata=event["ca"]) if event["ca"] else ssl.create_default_context()
        return urllib.request.urlopen(event["url"], timeout=10, context=trust).read().decode()
    except OSError as e:
        return "refused " + str(e)`,
}

func TestFunctionsReachHTTPSServersThatTheListNames(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Write([]byte(strings.Repeat("secret ", 100_000)))
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // clients that do not trust it hang up
	server.StartTLS()
	defer server.Close()
	listed := strings.TrimPrefix(server.URL, "https://")
	ca := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))
	ways := map[isolation.Language][]string{isolation.NodeJS: {"request", "fetch"}, isolation.Python: {"urllib"}}
	errs := map[isolation.Language]map[string]string{
		isolation.NodeJS: {"loopback": "ECONNREFUSED", "address": "EACCES", "name": "ENOTFOUND",
			"untrusted": "DEPTH_ZERO_SELF_SIGNED_CERT"},
		isolation.Python: {"loopback": "<urlopen error [Errno 111] Connection refused>",
			"address":   "<urlopen error [Errno 13] Permission denied>",
			"name":      "<urlopen error [Errno -2] Name or service not known>",
			"untrusted": "<urlopen error [SSL: CERTIFICATE_VERIFY_FAILED]"},
	}
	for lang, source := range secureFetchers {
		t.Run(string(lang), func(t *testing.T) {
			for _, c := range []struct {
				url, ca, want string
				allow         []string
			}{
				{server.URL, ca, "secret ", []string{listed}},
				{server.URL, "", "refused " + errs[lang]["untrusted"], []string{listed}},
				{server.URL, ca, "refused " + errs[lang]["loopback"], nil},
				{"https://192.0.2.1", ca, "refused " + errs[lang]["address"], []string{listed}},
				{"https://api.example.com", ca, "refused " + errs[lang]["name"], []string{listed}},
			} {
				b := newBackend(t, Config{Allow: c.allow})
				sb := deployed(t, b, functionSnapshot(t, b, baseSnapshot(t, b, lang, nil), function(t, lang, source)))
				for _, how := range ways[lang] {
					event, _ := json.Marshal(map[string]string{"url": c.url, "how": how, "ca": c.ca})
					for range 2 {
						res := runtimetest.Invoke(t, sb, string(event))
						var got string
						json.Unmarshal(res.Payload, &got)
						if !strings.HasPrefix(got, c.want) || c.want == "secret " && len(got) != 700_000 {
							t.Errorf("%s by %s, %v allowed: %d bytes %.150s, want %s; %v %s", c.url, how, c.allow,
								len(got), got, c.want, res.Error, res.Logs)
						}
					}
				}
			}
		})
	}
}
