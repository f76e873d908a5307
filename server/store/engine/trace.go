package engine

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// Span begins a span of the trace that ctx belongs to, if there is one, and
// returns what ends it. Statements hold no values: those go beside them.
func (db *DB) Span(
	ctx context.Context, name string, list ...Statement,
) (context.Context, func(error)) {
	parent := trace.SpanFromContext(ctx)
	if !parent.IsRecording() {
		return ctx, func(error) {}
	}
	about := []attribute.KeyValue{attribute.String("db.system.name", db.system())}
	if len(list) > 0 {
		about = append(about, attribute.String("db.query.text", list[0].Query),
			attribute.Int("db.operation.batch.size", len(list)))
	}
	ctx, span := parent.TracerProvider().Tracer("muster/server/store").Start(ctx, name,
		trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(about...))
	return ctx, func(err error) {
		if err != nil {
			span.SetStatus(codes.Error, "")
			span.RecordError(err)
		}
		span.End()
	}
}

// system is how OpenTelemetry calls the engine.
func (db *DB) system() string {
	if db.Postgres {
		return "postgresql"
	}
	return "sqlite"
}
