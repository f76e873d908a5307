@admin @guide-best-practices
Feature: API keys
  A dedicated API key mechanism authenticates user provisioning. A key is made
  on behalf of an integration user, who needs at least lite admin privileges.

  Background:
    Given the instances "acme" and "globex"
    And OneLogin has an app for "acme"
    And OneLogin has the user "anna@acme.example", assigned to the app "acme"

  Rule: The integration user requires at minimum Lite Admin privileges

    Scenario Outline: A user with the role <role> <can> hold a key
      Given "acme" has an integration user with the role <role>
      When an administrator makes a key for that user
      Then the key is <outcome>

      Examples:
        | role       | can    | outcome                                   |
        | admin      | can    | made                                      |
        | lite-admin | can    | made                                      |
        | user       | cannot | refused, because "at least lite-admin"    |

    Scenario: Somebody who is no integration user holds no key
      Given "acme" has the user "boss@acme.example", made by hand
      When an administrator makes a key for "boss@acme.example"
      Then the key is refused, because "no integration user"

    Scenario: The integration user is not visible over SCIM, and cannot be changed there
      When the client sends GET for the integration user of "acme"
      Then the answer is 404
      When the client sends DELETE for the integration user of "acme"
      Then the answer is 404

    Scenario: A role that comes back makes the keys work again
      Given the integration user of "acme" loses the role lite admin
      And the integration user of "acme" gets the role lite admin
      When an administrator clicks Enable in the app "acme"
      Then the app is connected to "acme"

    @own
    Scenario Outline: The keys end at once, on every replica: the user <what>
      Given the client has the key of "acme"
      And the client turns to the other replica
      And the client sends GET "/ServiceProviderConfig"
      And the answer is 200
      And the client turns to the first replica
      And the client sends GET "/ServiceProviderConfig"
      And the answer is 200
      When the integration user of "acme" <what>
      And the client sends GET "/ServiceProviderConfig"
      Then the answer is 401
      And its detail says "<detail>"
      When the client turns to the other replica
      And the client sends GET "/ServiceProviderConfig"
      Then the answer is 401
      And its detail says "<detail>"

      Examples:
        | what                      | detail                     |
        | is suspended              | is suspended               |
        | loses the role lite admin | needs at least lite-admin  |
        | is deleted                | was revoked                |

    Scenario: Integration users are not visible over SCIM
      Given a rollout of the app "acme" in these waves:
        | Wave      | Users     | Created |
        | Everybody | everybody | 1       |
      When the rollout is rehearsed
      Then everything went as planned
      And the check after wave "Everybody" found 1 account as sent and 0 untouched

  Rule: A key is rotated with an overlap

    Scenario: Both keys work for a while
      Given the key of "acme" is rotated with an overlap of 1h
      When an administrator clicks Enable in the app "acme"
      Then the app is connected to "acme"
      Given the app "acme" has the new key of "acme"
      When an administrator clicks Enable in the app "acme"
      Then the app is connected to "acme"

    Scenario: Without an overlap the old key ends at once
      Given the key of "acme" is rotated with an overlap of 0s
      When an administrator clicks Enable in the app "acme"
      Then the connection fails, because "the API key expired"
      Given the app "acme" has the new key of "acme"
      When an administrator clicks Enable in the app "acme"
      Then the app is connected to "acme"

    Scenario: A key that ends soon says so
      Given the key of "acme" is rotated with an overlap of 1h
      When an administrator clicks Enable in the app "acme"
      Then the connection test notes "the token expires on"

  Rule: Enter the base URL of the instance, and the key of the same instance

    @own
    Scenario: The base URL can name the instance
      Given the app "acme" has the base URL of the instance "acme"
      When OneLogin runs a provisioning cycle of the app "acme"
      Then "anna@acme.example" was created
      And "acme" has 1 user

    @own
    Scenario: The key of another instance is refused there
      Given the app "acme" has the base URL of the instance "acme"
      And the app "acme" has the key of "globex"
      When an administrator clicks Enable in the app "acme"
      Then the connection fails, because "use the key of the instance that the URL names"
      And "globex" has 0 users

  Rule: A key is for one job

    Scenario: One that reads changes nothing
      Given the client has a key of "acme" with the access "read"
      When the client sends GET "/Users"
      Then the answer is 200
      When the client sends DELETE "/Users/01900000-0000-7000-8000-000000000000"
      Then the answer is 403
      And its detail says "for reading only"

    Scenario: One that is for users knows no groups
      Given the client has a key of "acme" with the access "users"
      When the client sends GET "/Users"
      Then the answer is 200
      When the client sends GET "/Groups"
      Then the answer is 403
      And its detail says "for users only"
