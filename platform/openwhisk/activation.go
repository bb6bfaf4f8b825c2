package openwhisk

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/lambdabench/lambdabench/platform/logs"
	"github.com/lambdabench/lambdabench/platform/store"
	"github.com/lambdabench/lambdabench/platform/worker"
	"github.com/lambdabench/lambdabench/runtime/isolation"
)

// Activation is the record of an invocation.
type Activation struct {
	ID          string     `json:"activationId"`
	Namespace   string     `json:"namespace"`
	Name        string     `json:"name"`
	Version     string     `json:"version"`
	Publish     bool       `json:"publish"`
	Subject     string     `json:"subject"`
	Start       int64      `json:"start"` // ms since 1970
	End         int64      `json:"end"`
	Duration    int64      `json:"duration"` // ms
	Annotations []KeyValue `json:"annotations"`
	Logs        []string   `json:"logs"`
	Response    response   `json:"response"`

	// Log is where the log is, of which Logs are the lines. It is in the database
	// alone; nil: there is none.
	Log *logs.Position `json:"log,omitempty"`
}

type response struct {
	Status  string          `json:"status"`
	Success bool            `json:"success"`
	Result  json.RawMessage `json:"result"`
	Size    int             `json:"size"`
	code    statusCode
}

// statusCode is how an activation ended (OpenWhisk's ActivationResponse).
type statusCode int

const (
	success statusCode = iota
	applicationError
	developerError
	internalError
)

var statusNames = [...]string{"success", "application error", "action developer error", "whisk internal error"}

func newResponse(code statusCode, result json.RawMessage) response {
	return response{Status: statusNames[code], Success: code == success, Result: result, Size: len(result), code: code}
}

func failure(code statusCode, format string, args ...any) response {
	result, err := json.Marshal(map[string]string{"error": fmt.Sprintf(format, args...)})
	if err != nil {
		result = []byte(`{"error":"unknown"}`) // of a string, none fails
	}
	return newResponse(code, result)
}

// code reads it back from a stored record.
func (a *Activation) code() statusCode {
	for i, name := range statusNames {
		if name == a.Response.Status {
			return statusCode(i)
		}
	}
	return internalError
}

func (a *Activation) summary() map[string]any {
	return map[string]any{
		"activationId": a.ID, "namespace": a.Namespace, "name": a.Name, "version": a.Version, "publish": a.Publish,
		"start": a.Start, "end": a.End, "duration": a.Duration, "annotations": notNil(a.Annotations),
		"statusCode": int(a.code()),
	}
}

// begun is the record as far as it is known before the call runs.
func (c *call) begun() *Activation {
	return &Activation{
		ID: c.id, Namespace: c.shown.namespace, Name: c.action.Name, Version: c.action.Version,
		Subject: c.shown.subject,
		Start:   c.started.UnixMilli(), Logs: []string{},
		Annotations: []KeyValue{
			annotation("path", c.action.path()+"/"+c.action.Name), annotation("kind", c.action.Exec.Kind),
			annotation("limits", c.action.Limits),
			annotation("timeout", false),
		},
	}
}

// unrun is the record that stays if the platform is killed before the call has ended.
func (c *call) unrun() *Activation {
	r := c.begun()
	r.End = r.Start
	r.Response = failure(internalError, "The platform ended before the activation did.")
	return r
}

// ended is the record of a call that has run, or could not be.
func (c *call) ended(res worker.Response, err error) *Activation {
	r := c.begun()
	end := time.Now()
	r.End = end.UnixMilli()
	init := res.Stages.Boot + res.Stages.Deploy + res.Stages.Import + res.Stages.Capture
	r.Duration = (init + res.Stages.Run).Milliseconds()
	r.Annotations = append(r.Annotations, annotation("waitTime", res.Stages.Queue.Milliseconds()))
	if init > 0 {
		r.Annotations = append(r.Annotations, annotation("initTime", init.Milliseconds()))
	}
	switch {
	case err != nil:
		r.Response = failure(internalError, "The action was not run: %v", err)
		return r
	case res.Outcome == isolation.OK:
		r.Response = returned(res.Payload)
	default:
		r.Response = c.failed(res)
		if res.Outcome == isolation.TimedOut {
			r.Annotations[3] = annotation("timeout", true)
		}
	}
	return r
}

// logOf is the log of a call that has run.
func (c *call) logOf(res worker.Response) logs.Record {
	end := time.Now()
	text := res.Logs
	if limit := *c.action.Limits.Logs << 20; len(text) > limit {
		text = append(text[:limit:limit],
			fmt.Sprintf("\n%s\t%s\tERROR\tLogs were truncated because the total bytes size exceeds the limit of "+
				"%d bytes.\n",
				end.UTC().Format("2006-01-02T15:04:05.000Z"), c.id, limit)...)
	}
	return logs.Record{
		Owner: store.Owner{Door: doorName, Account: c.action.Namespace}.String(), Group: c.action.path() + "/" +
			c.action.Name,
		Stream: res.LogStream, Request: c.id, Start: c.started, End: end, Text: text, Marks: res.Marks,
	}
}

// returned is the response of an action that gave a result. A result with the key
// error is an application error.
func returned(payload []byte) response {
	if len(payload) > maxParameters {
		return failure(applicationError,
			"The action produced a response that exceeded the allowed length: %d > %d bytes.", len(payload),
			maxParameters)
	}
	var object map[string]json.RawMessage
	if json.Unmarshal(payload, &object) == nil {
		if e, ok := object["error"]; ok && !bytes.Equal(e, []byte("null")) {
			return newResponse(applicationError, payload)
		}
	}
	return newResponse(success, payload)
}

// failed says in OpenWhisk's words why an action gave no result.
func (c *call) failed(res worker.Response) response {
	kind, message := "", "unknown"
	if res.Error != nil {
		kind, message = res.Error.Type, res.Error.Message
	}
	switch {
	case res.Outcome == isolation.TimedOut:
		return failure(developerError, "The action exceeded its time limits of %d milliseconds.",
			*c.action.Limits.Timeout)
	case res.Outcome == isolation.OutOfMemory:
		return failure(developerError, "The action exhausted its memory and was aborted.")
	case res.Outcome == isolation.Crashed, res.Outcome == isolation.Malformed:
		return failure(developerError, "The action did not produce a valid response and exited unexpectedly: %s",
			message)
	case kind == "OpenWhisk.NoDictionary", kind == "NoDictionary":
		return failure(developerError, "%s", message)
	case kind == "Function.ResponseSizeTooLarge":
		return failure(applicationError, "The action produced a response that exceeded the allowed length: %s", message)
	case kind == "OpenWhisk.Initialization", kind == "Initialization", strings.HasPrefix(kind, "Runtime."):
		return failure(developerError, "Initialization has failed due to: %s", message)
	}
	return failure(developerError, "An error has occurred: %s: %s", kind, message)
}

// stamped is a line of the Node.js driver: time, request, level, text.
var stamped = regexp.MustCompile(`(?s)^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z)\t[^\t]*\t([A-Z]+)\t(.*)$`)

// logLines are what the function printed as OpenWhisk shows it: time, stream
// and text.
func logLines(r logs.Record) []string {
	const layout = "2006-01-02T15:04:05.000000000Z" // OpenWhisk's, 30 characters
	lines := []string{}
	r.Lines(func(at time.Time, text string) {
		stream := "stdout"
		if m := stamped.FindStringSubmatch(text); m != nil {
			if t, err := time.Parse(time.RFC3339Nano, m[1]); err == nil {
				at = t
			}
			text = m[3]
			if m[2] == "ERROR" || m[2] == "WARN" {
				stream = "stderr"
			}
		}
		for line := range strings.SplitSeq(text, "\n") {
			lines = append(lines, at.UTC().Format(layout)+" "+stream+": "+line)
		}
	})
	return lines
}
