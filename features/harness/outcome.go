package harness

// Levels are what a scenario can be of, the most binding first; see [Outcome.Level].
func Levels() []string { return []string{"must", "guide", "should", "may", "ours", "tolerance"} }

// Outcome is what came of one scenario.
type Outcome struct {
	// File is the feature file, Scenario the name.
	File, Scenario string
	// Unsupported is what the scenario needs and the server does not
	// announce; it was left out then.
	Unsupported string
	// Level is that of the sentence which the scenario shows: must, should and may
	// as in RFC 2119; ours for choices of our own where the standards are silent;
	// tolerance for requests that only a tolerant server takes; and guide for what
	// no RFC asks for.
	Level string
	// Place is where the sentence stands: "RFC 7644 §3.5.2"; empty for the guide.
	Place string
	// Refusal is the answer that the scenario failed for, without names and ids, so
	// that scenarios with the same cause have the same; empty if it was no error.
	Refusal string
	// Remarks are what was not as it should be, and failed nothing.
	Remarks []string
	// ID is that of the scenario's pickle.
	ID string
	// Err is nil if the scenario passed. Exchanges are what it sent and got.
	Err       error
	Exchanges []string
	// Steps are those that were run, in their order.
	Steps []StepOutcome
}

// StepOutcome is what came of one step.
type StepOutcome struct {
	Text   string
	Passed bool
	// Skipped: an earlier step failed, or the scenario was left out.
	Skipped bool
	// Exchanges are the requests behind the step with their answers. There is
	// no secret in them.
	Exchanges []string
}
