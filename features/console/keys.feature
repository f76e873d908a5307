Feature: API keys in the console
  "Clarizen provides a dedicated API Key mechanism to authenticate SCIM-based user
  provisioning service."

  Background:
    Given an instance with these people, made by hand:
      | userName         | email            |
      | ada@acme.example | ada@acme.example |
    And Grace is signed in to the console
    When she opens "API keys"

  Scenario: A key is made, and shown once with the base URL beside it
    When she clicks "Create API key"
    Then she sees "The new API key, shown this once"
    And she sees "/scim/v2"
    And the key that is shown reads the users over SCIM
    And a picture "key" is taken
    When she reads the list of keys again
    Then she does not see "The new API key, shown this once"
    And she sees "valid"

  Scenario: A key is rotated with an overlap, and revoked
    When she clicks "Create API key"
    And she opens the newest key
    And she enters "2" as "Overlap in hours"
    And she clicks "Rotate"
    Then she sees "The new API key, shown this once"
    And the key that is shown reads the users over SCIM
    When she opens the newest key
    And she enters the id of the key as "Type"
    And she clicks "Revoke"
    Then she sees "is revoked; it stopped working at once."
    And the key that was shown reads nothing over SCIM

  Scenario: A number that is none is refused
    When she enters "many" as "Valid for days"
    And she clicks "Create API key"
    Then she sees "many days: give a number."

  Scenario: An OAuth client is registered and revoked
    When she opens "OAuth clients"
    And she enters as "or the key set itself, as JSON":
      """
      {"keys": []}
      """
    And she clicks "Register"
    Then she sees "The key set"
    When she enters a key set as "or the key set itself, as JSON"
    And she clicks "Register"
    Then she sees "The client is registered. Its client_id is"
