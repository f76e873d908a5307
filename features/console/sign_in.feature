Feature: Sign in to the console
  Who looks after the application signs in by a link that is made for him or her, which
  is good once. What somebody may see and do is a matter of the role.

  Background:
    Given an instance with these people, made by hand:
      | userName         | firstName | lastName | displayName  | email            |
      | ada@acme.example | Ada       | Lovelace | Ada Lovelace | ada@acme.example |

  Scenario: A link signs somebody in once
    Given there is a link that signs Grace in
    When Grace opens the link
    Then she sees "This link signs you in as Grace"
    When she clicks "Sign in"
    Then she sees "Overview"
    And she sees "What wants attention"
    When Mallory takes over the link of Grace
    And Mallory opens the link
    Then he sees "This link does not sign in any more"

  Scenario: Who is not signed in sees nothing
    Given Grace is signed in to the console
    When Mallory opens a window
    And he goes to the page "/console/instances/{acme}/users"
    Then he sees "Sign in"
    And he does not see "Ada Lovelace"

  Scenario: To sign out ends the session at every server
    Given Grace is signed in to the console
    When she opens "Users"
    And she clicks "Sign out"
    Then she sees "You are signed out."
    When she goes to the page "/console/instances/{acme}/users"
    Then she sees "An administrator of the server makes a link that signs you in"

  Scenario: To sign out everywhere ends the sessions in other windows
    Given Grace is signed in to the console
    And there is a link that signs Grace in
    And Hopper takes over the link of Grace
    When Hopper signs in by the link
    And Grace is at the window again
    And she goes to the page "/console/account"
    And she clicks "Sign out everywhere"
    Then she sees "You are signed out."
    When Hopper is at the window again
    And she reads the page again
    Then she sees "An administrator of the server makes a link that signs you in"

  Scenario: A command signs somebody out
    Given Grace is signed in to the console
    When Grace is signed out by a command
    And she reads the page again
    Then she sees "An administrator of the server makes a link that signs you in"

  Scenario: A reader sees the setup and the users, and changes nothing
    Given Rosa is signed in to the console as reader
    When she opens "User Provisioning"
    Then she sees "userName"
    And there is no button "Save"
    And there is no link "API keys"
    When she opens "Users → Ada Lovelace"
    Then there is no button "Suspend"
    When she goes to the page "/console/instances/{acme}/keys"
    Then she sees "This takes the role administrator, and yours is reader."
    And the change history has an "authenticate" of "Rosa" by Rosa

  Scenario: A lite administrator changes users, and neither keys nor the mapping
    Given Luis is signed in to the console as lite-administrator
    When he opens "User Provisioning"
    Then there is no button "Add New Mapping"
    And there is no link "API keys"
    When he opens "Users → Ada Lovelace"
    And he clicks "Suspend"
    Then he sees "Ada Lovelace is suspended."

  Scenario: An auditor sees the change history, and nothing else
    Given Otto is signed in to the console as auditor
    Then he sees "Change History"
    And there is no link "Users"
    When he goes to the page "/console/instances/{acme}/users"
    Then he sees "This takes the role reader, and yours is auditor."

  Scenario: An instance of somebody else is none that there is
    Given Rosa is signed in to the console as reader
    When she goes to the page "/console/instances/globex/users"
    Then she sees "You look after the instance acme-"
