package platform

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	logtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/lambdabench/lambdabench/platform/openwhisk"
	"github.com/lambdabench/lambdabench/runtime/isolation"
	"github.com/lambdabench/lambdabench/runtime/runtimetest"
)

// logClient is AWS's client for CloudWatch Logs. It tries again: where an answer
// comes before the client has seen the end of its own request, it closes the
// connection (smithy-go closes the body while net/http reads it).
func logClient(t testing.TB, url string) *cloudwatchlogs.Client {
	hc := &http.Client{Transport: &http.Transport{}}
	t.Cleanup(hc.CloseIdleConnections)
	return cloudwatchlogs.NewFromConfig(aws.Config{
		Region: "us-east-1", BaseEndpoint: aws.String(url), HTTPClient: hc,
		Credentials: credentials.NewStaticCredentialsProvider("any", "thing", ""),
	})
}

// messages are all that a group holds, in the order of FilterLogEvents.
func messages(t testing.TB, c *cloudwatchlogs.Client, in *cloudwatchlogs.FilterLogEventsInput) (all []string) {
	t.Helper()
	pages := cloudwatchlogs.NewFilterLogEventsPaginator(c, in)
	for pages.HasMorePages() {
		page, err := pages.NextPage(context.Background())
		if err != nil {
			var missing *logtypes.ResourceNotFoundException
			if errors.As(err, &missing) {
				return nil
			}
			t.Fatal(err)
		}
		for _, e := range page.Events {
			all = append(all, *e.Message)
		}
	}
	return all
}

// awaitLog waits until a function's log has all texts.
func awaitLog(t testing.TB, c *cloudwatchlogs.Client, name string, texts ...string) {
	t.Helper()
	var all string
	runtimetest.Eventually(t, "the log of "+name+" has "+strings.Join(texts, ", "), func() bool {
		all = strings.Join(messages(t, c, &cloudwatchlogs.FilterLogEventsInput{LogGroupName: aws.String("/aws/lambda/" +
			name)}), "")
		for _, text := range texts {
			if !strings.Contains(all, text) {
				return false
			}
		}
		return true
	})
}

// However an invocation is asked for and however it ends, its log can be read.
func TestLogsOfEveryInvocationCanBeRead(t *testing.T) {
	r := serve(t, Config{})
	logs := logClient(t, r.url)
	in := runtimetest.Interpreter(t, isolation.NodeJS)
	create(t, r.Client, in, "talks", `
const fs = require('fs');
fs.writeSync(1, 'loaded\n');
exports.handler = async (event) => {
  console.log('%s\nand more', event.say);
  fs.writeSync(1, 'raw ' + event.say + '\n');
  if (event.end === 'throw') throw new RangeError('thrown');
  if (event.end === 'exit') process.exit(3);
  if (event.end === 'later') setImmediate(() => { throw new RangeError('after the reply'); });
  if (event.end === 'hang') await new Promise((r) => setTimeout(r, 1e8));
};`, func(c *lambda.CreateFunctionInput) { c.Timeout = aws.Int32(1) })
	create(t, r.Client, in, "broken", "console.log('said before'); throw new RangeError('at init');", nil)
	ctx := t.Context()
	event := func(name, payload string) {
		t.Helper()
		if _, err := r.Client.Invoke(ctx, &lambda.InvokeInput{FunctionName: &name,
			InvocationType: types.InvocationTypeEvent, Payload: []byte(payload)}); err != nil {
			t.Fatal(err)
		}
	}
	event("talks", `{"say":"evented","end":"throw"}`)
	awaitLog(t, logs, "talks", "START RequestId: ", "Version: $LATEST\n", "loaded\n", "\tINFO\tevented\nand more\n",
		"raw evented\n", "ERROR\tInvoke Error \t{\"errorType\":\"RangeError\"", "END RequestId: ", "REPORT RequestId: ")
	for _, c := range []struct{ payload, text string }{
		{`{"say":"called","end":"exit"}`, "Error: Runtime exited with error: exit status 3\nRuntime.ExitError\n"},
		{`{"say":"slow","end":"hang"}`, "Task timed out after 1.00 seconds\n"},
		{`{"say":"replied","end":"later"}`,
			"ERROR\tUncaught Exception \t{\"errorType\":\"RangeError\",\"errorMessage\":\"after the reply\""},
	} {
		invoke(t, r.Client, "talks", c.payload)
		var said string
		_, rest, _ := strings.Cut(c.payload, `"say":"`)
		said, _, _ = strings.Cut(rest, `"`)
		lines := strings.SplitAfter(c.text, "\n")
		awaitLog(t, logs, "talks", append(lines, "raw "+said+"\n")...)
	}
	event("broken", `{}`)
	awaitLog(t, logs, "broken", "INFO\tsaid before\n",
		"ERROR\tUncaught Exception \t{\"errorType\":\"RangeError\",\"errorMessage\":\"at init\"", "REPORT RequestId: ")
}

func TestLogGroupsStreamsAndEventsAreThoseOfTheFunction(t *testing.T) {
	r := serve(t, Config{})
	logs := logClient(t, r.url)
	ctx := t.Context()
	in := runtimetest.Interpreter(t, isolation.NodeJS)
	create(t, r.Client, in, "one",
		`exports.handler = async (e, c) => {
  console.log('line', e.n);
  const {AWS_LAMBDA_LOG_GROUP_NAME: group, AWS_LAMBDA_LOG_STREAM_NAME: stream} = process.env;
  return [c.logGroupName, c.logStreamName, group, stream];
};`, nil)
	create(t, r.Client, in, "two", `exports.handler = async () => null`, nil)
	begin := time.Now().Add(-time.Second)
	out := invoke(t, r.Client, "one", `{"n":0}`)
	for range 4 {
		invoke(t, r.Client, "one", `{"n":1}`)
	}
	invoke(t, r.Client, "two", `{}`)
	if _,
		err := r.Client.DeleteFunction(ctx, &lambda.DeleteFunctionInput{FunctionName: aws.String("one")}); err != nil {
		t.Fatal(err)
	}
	groups,
		err := logs.DescribeLogGroups(ctx,
		&cloudwatchlogs.DescribeLogGroupsInput{LogGroupNamePrefix: aws.String("/aws/lambda/")})
	if err != nil || len(groups.LogGroups) != 2 || *groups.LogGroups[0].LogGroupName != "/aws/lambda/one" {
		t.Fatalf("%+v %v", groups, err)
	}
	group := groups.LogGroups[0].LogGroupName
	streams, err := logs.DescribeLogStreams(ctx, &cloudwatchlogs.DescribeLogStreamsInput{LogGroupName: group,
		OrderBy: logtypes.OrderByLastEventTime, Descending: aws.Bool(true)})
	if err != nil || len(streams.LogStreams) != 1 {
		t.Fatalf("%+v %v", streams, err)
	}
	stream := *streams.LogStreams[0].LogStreamName
	if want := `["/aws/lambda/one","` + stream + `","/aws/lambda/one","` + stream + `"]`; string(out.Payload) != want {
		t.Errorf("the function knows %s, want %s", out.Payload, want)
	}
	if all := messages(t, logs, &cloudwatchlogs.FilterLogEventsInput{LogGroupName: group,
		FilterPattern: aws.String(`"line 1" -REPORT`), StartTime: aws.Int64(begin.UnixMilli()),
		Limit: aws.Int32(3)}); len(all) != 4 {
		t.Errorf("%q", all)
	}
	if all := messages(t, logs, &cloudwatchlogs.FilterLogEventsInput{LogGroupName: group,
		StartTime: aws.Int64(time.Now().Add(time.Hour).UnixMilli())}); len(all) != 0 {
		t.Errorf("the future has %q", all)
	}
	var head, back []string
	forth := &cloudwatchlogs.GetLogEventsInput{LogGroupName: group, LogStreamName: &stream,
		StartFromHead: aws.Bool(true), Limit: aws.Int32(3)}
	for {
		page, err := logs.GetLogEvents(ctx, forth)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page.Events {
			head = append(head, *e.Message)
		}
		if forth.NextToken != nil && *forth.NextToken == *page.NextForwardToken {
			break
		}
		forth.NextToken = page.NextForwardToken
	}
	last := &cloudwatchlogs.GetLogEventsInput{LogGroupName: group, LogStreamName: &stream, Limit: aws.Int32(7)}
	for {
		page, err := logs.GetLogEvents(ctx, last)
		if err != nil {
			t.Fatal(err)
		}
		var texts []string
		for _, e := range page.Events {
			texts = append(texts, *e.Message)
		}
		back = append(texts, back...)
		if last.NextToken != nil && *last.NextToken == *page.NextBackwardToken {
			break
		}
		last.NextToken = page.NextBackwardToken
	}
	if len(head) != 20 || strings.Join(head, "") != strings.Join(back, "") {
		t.Errorf("forwards %q, backwards %q", head, back)
	}
	if _, err := logs.GetLogEvents(ctx, &cloudwatchlogs.GetLogEventsInput{LogGroupName: group, LogStreamName: &stream,
		NextToken: aws.String("nonsense")}); err == nil {
		t.Error("a token of nonsense is taken")
	}
	_,
		err = logs.DescribeLogStreams(ctx,
		&cloudwatchlogs.DescribeLogStreamsInput{LogGroupName: aws.String("/aws/lambda/none")})
	var missing *logtypes.ResourceNotFoundException
	if !errors.As(err, &missing) {
		t.Errorf("a group that is not there: %v", err)
	}
	if _, err := logs.CreateLogGroup(ctx, &cloudwatchlogs.CreateLogGroupInput{LogGroupName: group}); err == nil ||
		!strings.Contains(err.Error(), "UnknownOperation") {
		t.Errorf("a call that is not there: %v", err)
	}
}

// Whoever polls for events since the last one, as `aws logs tail --follow` does,
// sees each once, those of a long invocation among short ones too.
func TestFollowingALogMissesNothing(t *testing.T) {
	r := serve(t, Config{})
	logs := logClient(t, r.url)
	in := runtimetest.Interpreter(t, isolation.NodeJS)
	create(t, r.Client, in, "f",
		`exports.handler = async (e) => { console.log('begin', e.n); await new Promise((r) => setTimeout(r, e.ms)); };`,
		nil)
	done := make(chan struct{})
	go func() {
		defer close(done)
		invoke(t, r.Client, "f", `{"n":"long","ms":1500}`)
	}()
	seen, at := map[string]int{}, map[string]bool{}
	since := int64(0)
	poll := func() {
		in := &cloudwatchlogs.FilterLogEventsInput{LogGroupName: aws.String("/aws/lambda/f"), StartTime: &since}
		pages := cloudwatchlogs.NewFilterLogEventsPaginator(logs, in)
		now, latest := since, map[string]bool{}
		for pages.HasMorePages() {
			page, err := pages.NextPage(t.Context())
			var missing *logtypes.ResourceNotFoundException
			if errors.As(err, &missing) {
				return
			}
			if err != nil {
				t.Error(err)
				return
			}
			for _, e := range page.Events {
				if !at[*e.EventId] {
					seen[*e.Message]++
				}
				if *e.Timestamp > now {
					now, latest = *e.Timestamp, map[string]bool{}
				}
				if *e.Timestamp == now {
					latest[*e.EventId] = true
				}
			}
		}
		if now > since {
			since, at = now, latest
		}
	}
	for running := true; running; {
		invoke(t, r.Client, "f", `{"n":"short","ms":0}`)
		poll()
		select {
		case <-done:
			running = false
		case <-time.After(100 * time.Millisecond):
		}
	}
	poll()
	long := 0
	for message, n := range seen {
		if n != 1 {
			t.Errorf("%q was seen %d times", message, n)
		}
		if strings.HasSuffix(message, "begin long\n") {
			long++
		}
	}
	if long != 1 {
		t.Errorf("the long invocation's line was seen %d times", long)
	}
}

func TestLogsOutliveTheirPlatformAndStayTheOwners(t *testing.T) {
	r := serve(t, Config{})
	in := runtimetest.Interpreter(t, isolation.NodeJS)
	create(t, r.Client, in, "kept", `exports.handler = async () => { console.log('for later'); };`, nil)
	invoke(t, r.Client, "kept", `{}`)
	dir := r.Platform.cfg.Data
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	again := serve(t, Config{Data: dir})
	logs := logClient(t, again.url)
	awaitLog(t, logs, "kept", "for later\n")
	again.whisk(t, "PUT", "/actions/secret",
		`{"exec":{"kind":"nodejs:default","code":"function main() { console.log('of another door'); return {}; }"}}`)
	again.whisk(t, "POST", "/actions/secret?blocking=true", `{}`)
	groups, err := logs.DescribeLogGroups(t.Context(), &cloudwatchlogs.DescribeLogGroupsInput{})
	if err != nil || len(groups.LogGroups) != 1 {
		t.Errorf("%+v %v", groups, err)
	}
}

// whisk is a call of OpenWhisk's API as guest, which must succeed.
func (r *running) whisk(t testing.TB, method, path, payload string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, r.url+"/api/v1/namespaces/_"+path,
		strings.NewReader(payload))
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth(strings.SplitN(openwhisk.GuestKey, ":", 2)[0], strings.SplitN(openwhisk.GuestKey, ":", 2)[1])
	req.Close = true
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Fatalf("%s %s: %s", method, path, res.Status)
	}
}
