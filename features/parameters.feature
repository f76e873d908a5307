@guide-set-up-mappings
Feature: Parameters
  Under the tab Parameters an administrator of OneLogin defines, modifies and
  reviews which attributes of a user are sent. Those that the integration does
  not use are best deleted.

  Background:
    Given an instance "acme"
    And OneLogin has an app for "acme"
    And OneLogin has these users, assigned to the app "acme":
      | Username          | First Name | Last Name | Title   | Department |
      | anna@acme.example | Anna       | Novak     | Analyst | Sales      |

  Rule: Define, modify, and review the user's attributes, and delete the ones that are not used

    Scenario: The default attributes arrive
      When OneLogin runs a provisioning cycle of the app "acme"
      Then the account of "anna@acme.example" in "acme" has:
        | First Name          | Anna    |
        | Last Name           | Novak   |
        | Scim Sync Job Title | Analyst |

    Scenario: A deleted attribute is not sent
      Given the parameter "title" of the app "acme" is deleted
      When OneLogin runs a provisioning cycle of the app "acme"
      Then the account of "anna@acme.example" in "acme" has:
        | First Name          | Anna  |
        | Last Name           | Novak |
        | Scim Sync Job Title |       |

    Scenario: An attribute is taken from another field
      Given the parameter "title" of the app "acme" is the field "department" of OneLogin
      When OneLogin runs a provisioning cycle of the app "acme"
      Then the account of "anna@acme.example" in "acme" has:
        | Scim Sync Job Title | Sales |
