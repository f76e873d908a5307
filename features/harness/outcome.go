package harness

// Outcome is what came of one scenario.
type Outcome struct {
	// File is the feature file, Scenario the name.
	File, Scenario string
	// Unsupported is what the scenario needs and the server does not
	// announce; it was left out then.
	Unsupported string
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
