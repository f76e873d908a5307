Feature: Custom fields, objects, workflow rules and the update of a field
  "The best practice for mapping OneLogin's user attributes to objects is to do it in two
  stages."

  Background:
    Given an instance with these people, made by hand:
      | userName         | displayName  | email               |
      | ALove.{acme}     | Ada Lovelace | ada@acme.example    |
      | GHopp.{acme}     | Grace Hopper | grace@acme.example  |
      | Taken.{acme}     | Grace Two    | grace@acme.example  |
    And Ines is signed in to the console

  Scenario: A custom field is added, and a rule that links users to objects
    When she opens "Custom fields"
    And she enters "Department" as "Title"
    And she enters "department" as "Name"
    And she clicks "Add field"
    Then she sees "The field Department is added."
    When she opens "Objects"
    And she enters "department" as "New type"
    And she clicks "Define type"
    Then she sees "The object type department is defined."
    When she opens "Workflow rules"
    And she enters "departments" as "Name"
    And she chooses "Department" as "When this field"
    And she chooses "link to it, and create it if it is missing, of type" as "then"
    And she enters "department" as "type, group or field"
    And she clicks "Add rule"
    Then she sees "The rule “departments” is added."
    And she sees "when department changed, create:department" beside "departments"
    When she enters "departments" as "Type its name to do it"
    And she clicks "Delete rule"
    Then she sees "The rule “departments” is deleted."

  Scenario: A rule that cannot be is refused
    When she opens "Workflow rules"
    And she enters "nonsense" as "Name"
    And she enters "no-such-type" as "type, group or field"
    And she clicks "Add rule"
    Then she sees "no-such-type"
    And the field "Name" holds "nonsense"

  Scenario: User names are updated after a preview that shows conflicts
    When she opens "Update a field"
    And she chooses "User Name" as "Field to change"
    And she chooses "Email" as "Take the value from"
    And she clicks "Preview"
    Then she sees "ada@acme.example" beside "ALove.{acme}"
    And she sees "3 users, 1 of whom cannot be changed."
    When she enters "{acme}" as "Type"
    And she clicks "Change them"
    Then she sees "2 users changed, 1 could not be"
    And "muster-server user show ada@acme.example --instance {acme}" prints "Ada Lovelace"
