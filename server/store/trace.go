package store

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// span begins a span of the trace that ctx belongs to, if there is one, and
// returns what ends it. Statements hold no values: those go beside them.
func (s *Store) span(ctx context.Context, name string, list ...statement) (context.Context, func(error)) {
	parent := trace.SpanFromContext(ctx)
	if !parent.IsRecording() {
		return ctx, func(error) {}
	}
	about := []attribute.KeyValue{attribute.String("db.system.name", s.system())}
	if len(list) > 0 {
		about = append(about, attribute.String("db.query.text", list[0].query), attribute.Int("db.operation.batch.size", len(list)))
	}
	ctx, span := parent.TracerProvider().Tracer("muster/server/store").Start(ctx, name, trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(about...))
	return ctx, func(err error) {
		if err != nil {
			span.SetStatus(codes.Error, "")
			span.RecordError(err)
		}
		span.End()
	}
}

// system is how OpenTelemetry calls the engine.
func (s *Store) system() string {
	if s.d.postgres {
		return "postgresql"
	}
	return "sqlite"
}
