Feature: Settings, Extensions, User Provisioning, Setup
  "Click Setup to view and define how the user attributes are mapped from your newly
  created application in OneLogin to the User entity fields."

  Background:
    Given an instance with these people, made by hand:
      | userName         | firstName | lastName | displayName  | email            | mobilePhone |
      | ada@acme.example | Ada       | Lovelace | Ada Lovelace | ada@acme.example | +44 1       |
    And Grace is signed in to the console
    When she opens "Extensions → Setup"

  Scenario: The first few mappings are read-only
    Then she sees "Read-only: every account needs it" beside "userName"
    And she sees "Read-only: every account needs it" beside "name.familyName"
    And a picture "setup" is taken

  Scenario: Both sides of a row can be changed
    When she enters "nickName" as "Attribute" beside "title"
    And she clicks "Save"
    Then she sees "The mapping is saved."
    And "muster-server mapping list --instance {acme}" prints "nickName"

  Scenario: A new mapping is added to a custom field
    Given somebody runs "muster-server field create country --title Country --instance {acme}"
    When she reads the page again
    And she clicks "Add New Mapping"
    Then she sees "These rows are not saved yet."
    When she enters "addresses[type eq "work"].country" as "Attribute of row 9"
    And she chooses "Country" as "Field of row 9"
    And she clicks "Save"
    Then she sees "The mapping is saved."
    And the change history has a "mapping.update" of "" by Grace

  Scenario: Only text can be mapped to
    Given somebody runs "muster-server field create born --title Born --type date --instance {acme}"
    When she reads the page again
    And she clicks "Add New Mapping"
    Then "Born (date: only text can be mapped to)" cannot be chosen as "Field of row 9"

  Scenario: A mapping that cannot be is refused beside its row, and nothing is lost
    When she clicks "Add New Mapping"
    And she enters "nick" as "Attribute of row 9"
    And she chooses "Office Phone" as "Field of row 9"
    And she clicks "Save"
    Then she sees "Office Phone is mapped to phoneNumbers"
    And the field "Attribute of row 9" holds "nick"
    And "muster-server mapping list --instance {acme}" prints "title"

  Scenario: A mapping is deleted
    When she clicks "Delete row 6"
    Then she sees "These rows are not saved yet."
    When she clicks "Save"
    Then she sees "The mapping is saved."
    And there is no field "Attribute of row 8"
    And the change history has a "mapping.update" of "" by Grace

  Scenario: Defaults are restored after a look at what changes
    Given somebody runs "muster-server mapping set nickName mobilePhone --instance {acme}"
    When she reads the page again
    And she clicks "Restore defaults"
    Then she sees "nickName" beside "Mobile Phone"
    And she is asked to fill "Type"
    When she enters "acme" as "Type"
    And she clicks "Restore defaults"
    Then she sees "To do this, type acme-"
    When she enters "{acme}" as "Type"
    And she clicks "Restore defaults"
    Then she sees "The default mapping is restored."

  Scenario: Rows that are not saved are tried with a user and with a SCIM body
    When she enters "nickName" as "Attribute" beside "title"
    And she enters "ada@acme.example" as "User Name of somebody who is here"
    And she clicks "Preview"
    Then she sees "+44 1" beside "Mobile Phone"
    And she sees "These rows are not saved yet."
    When she enters "" as "User Name of somebody who is here"
    And she enters as "or a SCIM body, as the provider would send it":
      """
      {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "x", "nickName": "The Countess"}
      """
    And she clicks "Preview"
    Then she sees "The Countess" beside "Scim Sync Job Title"
    And "muster-server mapping list --instance {acme}" prints "title"

  Scenario: The mapping is re-applied to all
    When she enters "phoneNumbers[type eq "mobile"].value" as "Attribute" beside "title"
    And she clicks "Save"
    And she clicks "Re-apply to all"
    And she clicks "Re-apply to all"
    Then she sees "Done: 2 users, 1 of them changed."
    And "muster-server user show ada@acme.example --instance {acme}" prints "+44 1"

  Scenario: Two administrators save, and neither overwrites the other
    Given Hopper is signed in to the console
    And she opens "Extensions → Setup"
    When Grace is at the window again
    And she enters "nickName" as "Attribute" beside "title"
    And she clicks "Save"
    Then she sees "The mapping is saved."
    When Hopper is at the window again
    And she enters "locale" as "Attribute" beside "title"
    And she clicks "Save"
    Then she sees "Somebody else has saved the mapping since you opened this page."
    And she sees "nickName" beside "Scim Sync Job Title"
    And the field "Attribute of row 8" holds "locale"
    And "muster-server mapping list --instance {acme}" prints "nickName"
    When she clicks "Go on with mine"
    And she clicks "Save"
    Then she sees "The mapping is saved."
    And "muster-server mapping list --instance {acme}" prints "locale"
