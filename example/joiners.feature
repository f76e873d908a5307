Feature: How we let people join
  A team's own feature file: steps of the suite, and one of the team's own.

  Background:
    Given an instance "acme"
    And OneLogin has an app for "acme"
    And the app "acme" puts users into groups named like their roles "Team .*"

  Scenario: A new colleague is there on the first day
    Given OneLogin has these users, assigned to the app "acme":
      | Username          | First Name | Last Name | Roles      |
      | anna@acme.example | Anna       | Novak     | Team Sales |
    When OneLogin runs a provisioning cycle of the app "acme"
    Then "anna@acme.example" was created
    And "anna@acme.example" is in the group "Team Sales" of "acme"
    And the welcome desk knows "anna@acme.example"
