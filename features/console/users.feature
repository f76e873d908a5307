Feature: Users and groups in the console

  Background:
    Given an instance with these people, made by hand:
      | userName            | firstName | lastName | displayName               | email               | directManager    |
      | ada@acme.example    | Ada       | Lovelace | Ada Lovelace              | ada@acme.example    |                  |
      | grace@acme.example  | Grace     | Hopper   | Grace Hopper              | grace@acme.example  | ada@acme.example |
      | robert@acme.example | Robert    | Tables   | <script>alert(1)</script> | robert@acme.example | nobody@acme      |
    And Ines is signed in to the console

  Scenario: Users are found as one types
    When she opens "Users"
    Then she sees "Ada Lovelace"
    When she enters "hopp" as "Search"
    Then she sees only "Grace Hopper" of "Grace Hopper, Ada Lovelace"
    And the address has "search=hopp"

  Scenario: Users are filtered by state, source and the manager they wait for
    Given somebody runs "muster-server user suspend ada@acme.example --instance {acme}"
    When she opens "Users"
    And she chooses "suspended" as "State"
    And she clicks "Search"
    Then she sees only "Ada Lovelace" of "Ada Lovelace, Grace Hopper"
    When she chooses "any" as "State"
    And she ticks "waits for a manager"
    And she clicks "Search"
    Then she sees only "<script>" of "<script>, Grace Hopper"

  Scenario: A name that is a script is a name
    When she opens "Users → <script>alert(1)</script>"
    Then she sees "<script>alert(1)</script>"
    And she sees "waits for nobody@acme"
    When she clicks "Suspend"
    Then she sees "<script>alert(1)</script> is suspended."

  Scenario: A user's page shows fields, resource, links and what was done
    When she opens "Users → Grace Hopper"
    Then she sees "name.familyName" beside "Last Name"
    And she sees "Ada Lovelace"
    And she sees "user.create"
    And a picture "user" is taken
    When she clicks "The SCIM resource"
    Then she sees "urn:ietf:params:scim:schemas:core:2.0:User"

  Scenario: A user is suspended, reactivated and deleted by hand
    When she opens "Users → Grace Hopper"
    And she clicks "Suspend"
    Then she sees "Grace Hopper is suspended."
    And she sees "user.suspend"
    When she clicks "Reactivate"
    Then she sees "Grace Hopper is active again."
    When she clicks "Delete"
    Then she sees "This deletes the account grace@acme.example"
    When she enters "ada@acme.example" as "Type"
    And she clicks "Delete"
    Then she sees "To do this, type grace@acme.example into the field. Nothing was done."
    When she enters "grace@acme.example" as "Type"
    And she clicks "Delete"
    Then she sees "grace@acme.example is deleted."
    And the change history has a "user.delete" of "grace@acme.example" by Ines

  Scenario: An account and a group are made by hand
    When she opens "Users"
    And she clicks "Create an account by hand"
    And she enters "linus@acme.example" as "User Name"
    And she enters "Linus" as "First Name"
    And she enters "linus@acme.example" as "Email"
    And she clicks "Create"
    Then she sees "The account linus@acme.example is created."
    When she opens "Groups"
    And she clicks "Create a group by hand"
    And she enters "Kernel" as "Display name"
    And she enters "linus@acme.example" as "User Names of the members, one on a line"
    And she clicks "Create"
    Then she sees "The group Kernel is created."
    And she sees "linus@acme.example"

  Scenario: A name that is taken is refused, and what was entered stays
    When she opens "Users"
    And she clicks "Create an account by hand"
    And she enters "ADA@acme.example" as "User Name"
    And she enters "Somebody" as "First Name"
    And she clicks "Create"
    Then she sees "is taken: another user of this instance has it."
    And the field "First Name" holds "Somebody"
