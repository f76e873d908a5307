@guide-configuration
Feature: Connecting an app
  An administrator enters the base URL and the SCIM bearer token, and clicks
  Enable to verify that the connection works. Nothing is provisioned by it.

  Background:
    Given the instances "acme" and "globex"
    And OneLogin has an app for "acme"
    And OneLogin has the user "anna@acme.example", assigned to the app "acme"

  Rule: Click Enable to verify that the connection is working

    Scenario: With the right key the app is connected, and nothing is written
      When an administrator clicks Enable in the app "acme"
      Then the app is connected to "acme"
      And nothing was written
      And "acme" has 0 users

    Scenario Outline: A key that <what> does not connect
      Given the app "acme" has a key that <what>
      When an administrator clicks Enable in the app "acme"
      Then the connection fails, because "<reason>"

      Examples:
        | what           | reason                          |
        | was never made | the API key is not known here   |
        | is mistyped    | its checksum does not match     |
        | is cut off     | is not complete                 |

    @admin
    Scenario: A revoked key does not connect, and the attempt is in the change history
      Given the key of "acme" is revoked
      When an administrator clicks Enable in the app "acme"
      Then the connection fails, because "the API key was revoked"

    @admin
    Scenario Outline: A key whose integration user <what happened> does not connect
      Given the integration user of "acme" <what happened>
      When an administrator clicks Enable in the app "acme"
      Then the connection fails, because "<reason>"

      Examples:
        | what happened             | reason                          |
        | is suspended              | the integration user is suspended |
        | is deleted                | the API key was revoked         |
        | loses the role lite admin | needs at least lite-admin       |

    Scenario: A server that does not run is told from a wrong key
      Given the app "acme" has the base URL of a server that does not run
      When an administrator clicks Enable in the app "acme"
      Then the connection fails, because "the server does not answer"

    @admin @own
    Scenario: A wrong path in the base URL passes, as it does in OneLogin, and is told
      Given the app "acme" has a base URL without "/scim/v2"
      When an administrator clicks Enable in the app "acme"
      Then the app is connected to "acme"
      But the connection test notes "check that the base URL ends in /scim/v2"

  Rule: SCIM-based user provisioning is available to Enterprise and Unlimited Edition customers

    @admin
    Scenario Outline: The <edition> edition has it
      Given an instance "initech" of the <edition> edition
      And OneLogin has an app for "initech"
      When an administrator clicks Enable in the app "initech"
      Then the app is connected to "initech"

      Examples:
        | edition    |
        | enterprise |
        | unlimited  |

    @admin
    Scenario: The professional edition does not
      Given an instance "initech" of the professional edition
      And OneLogin has an app for "initech"
      When an administrator clicks Enable in the app "initech"
      Then the connection fails, because "enterprise and unlimited editions"

  Rule: The API key says which instance to provision to; use the right key in each application

    Scenario: The key of another instance is valid, and goes to that instance
      Given the app "acme" has the key of "globex"
      When an administrator clicks Enable in the app "acme"
      Then the app is connected to "globex"

    Scenario: An app that knows its instance notices the key of another one before anything is written
      Given the app "acme" is configured for the instance "acme"
      And the app "acme" has the key of "globex"
      When an administrator clicks Enable in the app "acme"
      Then the connection fails, because "give the app the key of its own instance"

    Scenario: And so does its provisioning cycle
      Given the app "acme" is configured for the instance "acme"
      And the app "acme" has the key of "globex"
      When OneLogin runs a provisioning cycle of the app "acme"
      Then OneLogin says "give the app the key of its own instance"
      And nothing was written
      And "acme" has 0 users
      And "globex" has 0 users

    @admin
    Scenario: A key that is revoked in mid-operation stops the cycle, and nobody is marked as failed
      Given OneLogin has run a provisioning cycle of the app "acme"
      And the title of "anna@acme.example" becomes "Director" in OneLogin
      And the key of "acme" is revoked
      When OneLogin runs a provisioning cycle of the app "acme"
      Then OneLogin says "the API key was revoked"
      And OneLogin shows "anna@acme.example" in the app "acme" as provisioned
