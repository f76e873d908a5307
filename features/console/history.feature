Feature: Change History
  "To monitor/debug the user provisioning process, go to Change History in Clarizen
  settings."

  Background:
    Given an instance with these people, made by hand:
      | userName           | displayName  | email              |
      | ada@acme.example   | Ada Lovelace | ada@acme.example   |
      | grace@acme.example | Grace Hopper | grace@acme.example |
    And somebody runs "muster-server user suspend ada@acme.example --instance {acme}"
    And Ines is signed in to the console
    When she opens "Change History"

  Scenario: The newest row comes first, and opens field by field
    Then she sees "user.suspend"
    When she opens "user.suspend"
    Then she sees "false" beside "active"
    And a picture "history-row" is taken

  Scenario: Rows are filtered, and the filter is in the address
    When she chooses "user.create" as "Action"
    And she enters "grace@acme.example" as "User"
    And she clicks "Filter"
    Then she sees "grace@acme.example"
    And she does not see "ada@acme.example"
    And the address has "action=user.create"
    When she reads the page again
    Then she does not see "ada@acme.example"

  Scenario: What is filtered is exported
    When she chooses "user.suspend" as "Action"
    And she clicks "Filter"
    Then the file behind "Export as CSV" has "user.suspend"
    And the file behind "Export as CSV" has not "user.create"

  Scenario: The history is verified, and that is in the history
    When she clicks "Verify"
    Then she sees "It was never done."
    When she clicks "Verify"
    Then she sees "rows are as they were written."
    And the change history has a "history.verify" of "{acme}" by Ines
    When she opens "Overview"
    Then she does not see "The change history was never verified."

  Scenario: A time that is none is refused
    When she goes to the page "/console/instances/{acme}/history?from=yesterday"
    Then she sees "give a date such as"
