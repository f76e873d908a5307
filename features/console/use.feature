Feature: The console without a mouse, and what wants attention

  Background:
    Given an instance with these people, made by hand:
      | userName         | displayName  | email            | directManager |
      | ada@acme.example | Ada Lovelace | ada@acme.example | gone@acme     |

  Scenario: The overview tells what wants attention, and where to mend it
    Given Ines is signed in to the console
    Then she sees "There is no valid API key: no provider can reach this instance."
    And she sees "1 user waits for a manager who is not here."
    And she sees "The change history was never verified."
    And a picture "overview" is taken
    When she opens "They are linked when the manager arrives."
    Then she sees "Ada Lovelace"

  Scenario: Everything is reached by the keyboard
    Given Ines is signed in to the console
    When she goes to "Skip to the content" by the Tab key
    And she goes to "Users" by the Tab key
    And she presses Enter
    Then she sees "Ada Lovelace"
    When she goes to "Ada Lovelace" by the Tab key
    And she presses Enter
    And she goes to "Suspend" by the Tab key
    And she presses Enter
    Then she sees "Ada Lovelace is suspended."

  Scenario: A page that is not there says so
    Given Ines is signed in to the console
    When she goes to the page "/console/instances/{acme}/nonsense"
    Then she sees "There is no such page."
    When she goes to the page "/console/instances/{acme}/users/nonsense"
    Then she sees "not found"

  Scenario: A form of another site does nothing
    Given Ines is signed in to the console
    When a page of another site sends a form that suspends "ada@acme.example"
    Then she sees "This was sent by a page of another site."
    And "muster-server user show ada@acme.example --instance {acme}" prints "active"

  Scenario: Production looks different from a sandbox
    Given somebody runs "muster-server instance create live-{acme} --edition enterprise"
    And Ines is signed in to the console of all instances
    When she opens "live-{acme}"
    Then she sees "production"
    And the page is marked as production
