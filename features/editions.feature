@admin @guide-features
Feature: Editions
  SCIM-based user provisioning is available to all Enterprise and Unlimited Edition
  customers.

  Rule: SCIM-based user provisioning is available to all Enterprise and Unlimited Edition customers

    Scenario Outline: The <edition> edition can be provisioned
      Given an instance "acme" of the <edition> edition
      And OneLogin has an app for "acme"
      And OneLogin has the user "anna@acme.example", assigned to the app "acme"
      When OneLogin runs a provisioning cycle of the app "acme"
      Then "anna@acme.example" was created

      Examples:
        | edition    |
        | enterprise |
        | unlimited  |

    Scenario: The professional edition cannot, and nobody is marked as failed
      Given an instance "acme" of the professional edition
      And OneLogin has an app for "acme"
      And OneLogin has the user "anna@acme.example", assigned to the app "acme"
      When OneLogin runs a provisioning cycle of the app "acme"
      Then OneLogin says "part of the enterprise and unlimited editions"
      And "acme" has 0 users
      And nothing was written

    Scenario Outline: An edition that does not exist is refused
      When somebody makes an instance of the <edition> edition
      Then it is refused, because "professional, enterprise or unlimited"

      Examples:
        | edition |
        | gold    |
