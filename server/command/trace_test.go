package command

import (
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	spans "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// TestTraces: a request is a span of the trace that its client names, with
// its SQL below it, and the log has the trace and the request.
func TestTraces(t *testing.T) {
	var mu sync.Mutex
	var got []*spans.Span
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		text, err := io.ReadAll(r.Body)
		var export collector.ExportTraceServiceRequest
		if err == nil {
			err = proto.Unmarshal(text, &export)
		}
		if err != nil || r.URL.Path != "/v1/traces" {
			t.Errorf("%s: %v", r.URL.Path, err)
		}
		mu.Lock()
		defer mu.Unlock()
		for _, resource := range export.GetResourceSpans() {
			for _, scope := range resource.GetScopeSpans() {
				got = append(got, scope.GetSpans()...)
			}
		}
	}))
	defer receiver.Close()
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.URL)
	t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
	db := setUp(t)
	key := strings.Fields(must(t, db, "key", "create", "--instance", "acme", "--user",
		"scim-sync"))[0]
	log := serving(t, db)
	base := log.find(t, `url=(http://\S+/scim/v2)`)
	const trace, parent = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
	status, _ := fetch(t, http.DefaultClient, base+"/Users", "Authorization", "Bearer "+key,
		"traceparent", "00-"+trace+"-"+parent+"-01", "X-Request-Id", "of-the-provider")
	if status != 200 {
		t.Fatalf("got %d", status)
	}
	log.find(t, `(requestId=of-the-provider .*traceId=`+trace+`)`)
	fetch(t, http.DefaultClient, strings.TrimSuffix(base, "/scim/v2")+"/healthz") // has no span
	var request, sql *spans.Span
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline) &&
		(request == nil || sql == nil); time.Sleep(20 * time.Millisecond) {
		mu.Lock()
		for _, s := range got {
			switch {
			case hex.EncodeToString(s.GetTraceId()) != trace:
				t.Errorf("a span of another trace: %s", s.GetName())
			case s.GetName() == "GET /scim/v2/Users":
				request = s
			case s.GetName() == "read":
				sql = s
			}
		}
		mu.Unlock()
	}
	if request == nil || sql == nil {
		t.Fatalf("the spans are %v", got)
	}
	if hex.EncodeToString(request.GetParentSpanId()) != parent ||
		string(sql.GetParentSpanId()) != string(request.GetSpanId()) {
		t.Error("the spans are not below each other")
	}
	attributes := make(map[string]string)
	for _, a := range append(request.GetAttributes(), sql.GetAttributes()...) {
		attributes[a.GetKey()] = a.GetValue().GetStringValue()
	}
	if attributes["muster.instance"] != "acme" ||
		attributes["muster.request_id"] != "of-the-provider" ||
		!strings.HasPrefix(attributes["db.query.text"], "SELECT") {
		t.Errorf("the attributes are %v", attributes)
	}
}
