@admin @own
Feature: Limits
  A server may let each key send so many requests a second. A provider that is
  faster is told to wait, waits, and completes its cycle all the same.

  Scenario: A provider that is too fast waits as it is told
    Given an instance "acme"
    And OneLogin has an app for "acme"
    And the app "acme" puts users into groups named like their roles "Everybody"
    And OneLogin has 10 users, assigned to the app "acme"
    And the server lets each key send 6 requests a second
    When OneLogin runs a provisioning cycle of the app "acme"
    Then the cycle succeeded
    And each of the 10 users has exactly one account in "acme"
    And the group "Everybody" of "acme" has 10 members
    And the server answered 429 with Retry-After at least once
