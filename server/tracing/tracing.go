// Package tracing sends OpenTelemetry traces of requests to a collector.
package tracing

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.37.0"
)

// Provider makes spans and sends them. Its zero value, and nil, make none.
type Provider struct {
	provider *sdk.TracerProvider
}

// Configured reports whether OpenTelemetry's own variables name a collector.
func Configured() bool {
	return !strings.EqualFold(os.Getenv("OTEL_SDK_DISABLED"), "true") &&
		(os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT") != "" ||
			os.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") != "")
}

// Start begins to send spans, by OTLP over HTTP, to the collector that
// OTEL_EXPORTER_OTLP_ENDPOINT names; the other variables of OpenTelemetry
// (headers, time-outs, sampling, the service's name) count too. It returns nil
// if none is named.
func Start(ctx context.Context, version string) (*Provider, error) {
	if !Configured() {
		return nil, nil
	}
	exporter, err := otlptracehttp.New(ctx)
	if err != nil {
		return nil, fmt.Errorf("OTEL_EXPORTER_OTLP_ENDPOINT: %w", err)
	}
	about, err := resource.New(ctx,
		resource.WithAttributes(semconv.ServiceName("muster-server"),
			semconv.ServiceVersion(version)),
		resource.WithFromEnv(), resource.WithHost(), resource.WithTelemetrySDK())
	if err != nil && !errors.Is(err, resource.ErrPartialResource) {
		return nil, err
	}
	return &Provider{sdk.NewTracerProvider(sdk.WithBatcher(exporter), sdk.WithResource(about))}, nil
}

// Stop sends what is left.
func (p *Provider) Stop(ctx context.Context) error {
	if p == nil {
		return nil
	}
	return p.provider.Shutdown(ctx)
}

// Wrap begins a span for each request that quiet does not report, as a part
// of the trace that a client names in the header traceparent.
func (p *Provider) Wrap(h http.Handler, quiet func(path string) bool) http.Handler {
	if p == nil {
		return h
	}
	return otelhttp.NewHandler(h, "request", otelhttp.WithTracerProvider(p.provider),
		otelhttp.WithPropagators(propagation.TraceContext{}),
		otelhttp.WithFilter(func(r *http.Request) bool { return !quiet(r.URL.Path) }))
}
