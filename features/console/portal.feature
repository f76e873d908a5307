Feature: The provider's portal

  Scenario: Who has not the link of the portal sees nothing
    Given a sandbox with the sample's application
    When Mallory opens the portal without its link
    Then he sees "The command that started the portal has printed a link"
    And he does not see "acme"

  Scenario: A connection that fails says what to check
    Given a sandbox with the sample's application
    When Ada signs in to the portal of the sandbox
    And she opens "acme"
    And she enters "nonsense" as "SCIM Bearer Token"
    And she clicks "Save and enable"
    Then she sees "check the SCIM bearer token"
    When she enters "http://127.0.0.1:1/scim/v2" as "Base URL"
    And she clicks "Save and enable"
    Then she sees "check the base URL, and that the server runs"
    When she clicks "Disable"
    Then she sees "The API connection is disabled"

  Scenario: Two who change the account's file do not overwrite one another
    Given a sandbox with the sample's application
    When Ada signs in to the portal of the sandbox
    And she opens "acme → Provisioning"
    And somebody changes "instance: acme # and no other" to "instance: acme # changed" in the file "account.yaml"
    And she ticks "Create User"
    And she clicks "Save"
    Then she sees "have been changed since you opened this page"
    And the file "account.yaml" of the sandbox has "create: false"
    When she opens "Provisioning"
    And she ticks "Create User"
    And she clicks "Save"
    Then she sees "The settings are saved."
    And the file "account.yaml" of the sandbox has "create: true"
    And the file "account.yaml" of the sandbox has "instance: acme # changed"
    And the file "account.yaml" of the sandbox has "# The application of the scenario."

  Scenario: What cannot be is refused, and the file stays
    Given a sandbox with the sample's application
    When Ada signs in to the portal of the sandbox
    And she opens "acme → Access"
    And she enters "nobody@acme.example" as "Users by name, one on a line"
    And she clicks "Save"
    Then she sees "is nobody in users.csv"
    And the file "account.yaml" of the sandbox has not "nobody"
    When she opens "Rules"
    And she enters "x" as "Name"
    And she chooses "set a group for each role that matches" as "then"
    And she enters "(" as "groups, with commas between, or a pattern"
    And she clicks "Add rule"
    Then she sees "error parsing regexp"
    And the field "groups, with commas between, or a pattern" holds "("

  Scenario: People are created, edited and deleted in the file of users
    Given a sandbox with the sample's application
    When Ada signs in to the portal of the sandbox
    And she opens "Users → Create a user"
    And she enters "20001" as "id"
    And she enters "new.one@acme.example" as "username"
    And she enters "new.one@acme.example" as "email"
    And she enters "New" as "firstname"
    And she enters "O'Ne" as "lastname"
    And she clicks "Create"
    Then she sees "The user is created."
    When she enters "new.one" as "Search"
    Then she sees only "New O'Ne" of "New O'Ne, Liam Smith"
    When she opens "New O'Ne"
    And she enters "Tester" as "title"
    And she clicks "Save"
    Then she sees "The person is saved."
    And the file "users.csv" of the sandbox has "Tester"
    When she enters "new.one@acme.example" as "Type"
    And she clicks "Delete"
    Then she sees "The person is deleted"
    And the file "users.csv" of the sandbox has not "Tester"

  Scenario: A file is imported after a look at what it changes
    Given a sandbox with the sample's application
    When Ada signs in to the portal of the sandbox
    And she opens "Users → Import a file"
    And she chooses the file "export.csv" with:
      """
      id;username;email;title
      10001;liam.smith@acme.example;liam.smith@acme.example;Chief of IT
      20002;ada@acme.example;ada@acme.example;Analyst
      """
    And she clicks "Show what would change"
    Then she sees "2 people."
    And she sees "Chief of IT" beside "liam.smith@acme.example"
    And the file "users.csv" of the sandbox has not "Chief of IT"
    When she clicks "Import"
    Then she sees "2 people were added, changed or removed."
    And the file "users.csv" of the sandbox has "Chief of IT"

  Scenario: A person's page tells what would be sent, and what was
    Given a sandbox with the sample's application
    When Ada signs in to the portal of the sandbox
    And she opens "acme → Users → liam.smith@acme.example"
    Then she sees "Will be looked up by the user name liam.smith@acme.example."
    When she clicks "Foretell the next cycle"
    Then she sees "Foretold: picked up"
    When she opens "Run a cycle"
    And she clicks "Run"
    And she waits until it is done
    And she opens "liam.smith@acme.example"
    Then she sees "Is the account"
    And she sees "GET /Users"
    And a picture "person" is taken

  Scenario: A cycle over a bad line comes through, and one to a server that is down is told
    Given a sandbox with the sample's application
    When Ada signs in to the portal of the sandbox
    And she opens "acme → Run a cycle"
    And she chooses "a bad line" as "The line"
    And she clicks "Run"
    And she waits until it is done
    Then she sees "0 to look at"
    And she sees "Fault"
    When she opens "Users of acme → Run a cycle"
    And she chooses "a server that is down" as "The line"
    And she clicks "Run"
    Then she sees "Stop"
    When she clicks "Stop"
    Then she sees "It was stopped."

  Scenario: A rollout is foretold, mended, rehearsed, and its last wave taken back
    Given a sandbox with the sample's application
    And somebody changes "roles: [Pilot]" to "roles: [Employees]" in the file "account.yaml"
    When Ada signs in to the portal of the sandbox
    And she opens "Rollout"
    And she clicks "Preflight"
    And she waits until it is done
    Then she sees "near miss"
    And a picture "preflight" is taken
    When she opens "To the rollout, and what can be mended here"
    And she clicks "Take the name ben.brown@acme.test"
    Then she sees "is called ben.brown@acme.test in the account now"
    And the file "users.csv" of the sandbox has "ben.brown@acme.test"
    When she clicks "Rehearse"
    And she waits until it is done
    Then she sees "Not everything is as planned."
    When she opens "Rollout"
    Then she sees "stopped" beside "1. Pilot"
    And she sees "groups matched: expected project managers, got none"
    When she opens "acme → Rules"
    And she enters "Project managers" as "Name"
    And she chooses "the person has the role" as "If"
    And she enters "Project Managers" as "which"
    And she enters "Project Managers" as "groups, with commas between, or a pattern"
    And she clicks "Add rule"
    And she opens "Rollout"
    And she clicks "Resume where it stopped"
    And she waits until it is done
    And she opens "Rollout"
    Then she sees "passed" beside "1. Pilot"
    And a picture "rollout" is taken
    When she enters "acme" as "Type"
    And she clicks "Roll back"
    And she waits until it is done
    Then she sees "is taken back"

  Scenario: What waits is skipped, and who failed is tried again, several at once
    Given a sandbox with the sample's application
    And somebody changes "create: false" to "create: true" in the file "account.yaml"
    When Ada signs in to the portal of the sandbox
    And she opens "acme → Run a cycle"
    And she clicks "Run"
    And she waits until it is done
    And she opens "Users of acme"
    And she clicks "Skip"
    Then she sees "Tick whom it is about."
    When she ticks "anna.dubois@acme.example"
    And she ticks "liam.smith@acme.example"
    And she clicks "Skip"
    Then she sees "2: skipped."
    When she chooses "skipped" as "State"
    And she clicks "Search"
    Then she sees "anna.dubois@acme.example"
    And she does not see "ben.bjornsson@acme.example"

  Scenario: What was changed at the application by hand is shown, and corrected
    Given a sandbox with the sample's application
    When Ada signs in to the portal of the sandbox
    And she opens "acme → Run a cycle"
    And she clicks "Run"
    And she waits until it is done
    And Grace signs in to the console of the sandbox
    And she opens "acme → Users"
    And she enters "liam.smith@" as "Search"
    Then she sees only "Liam Smith" of "Liam Smith"
    When she opens "Liam Smith"
    And she clicks "Suspend"
    Then she sees "Do it at the provider instead."
    When Ada is at the window again
    And she opens "Users of acme → Run a cycle"
    And she ticks "Show what was changed at the application"
    And she clicks "Run"
    And she waits until it is done
    Then she sees "liam.smith@acme.example"
    When she opens "Users of acme → Run a cycle"
    And she ticks "Reapply the mappings"
    And she clicks "Run"
    And she waits until it is done
    Then she sees "corrected" beside "liam.smith@acme.example"
    When Grace is at the window again
    And she reads the page again
    Then she sees "active"
