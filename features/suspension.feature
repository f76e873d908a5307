@guide-default-rules
Feature: Suspending users
  When a synced user is suspended in OneLogin, the user is suspended in the
  application. The account stays, with all that belongs to it.

  Background:
    Given an instance "acme"
    And OneLogin has an app for "acme"
    And the app "acme" puts users into groups named like their roles "Team .*"
    And OneLogin has these users, assigned to the app "acme":
      | Username          | First Name | Last Name | Roles      | Title   |
      | anna@acme.example | Anna       | Novak     | Team Sales | Analyst |
      | ben@acme.example  | Ben        | Smith     | Team Sales | Manager |
    And OneLogin has run a provisioning cycle of the app "acme"
    And one remembers the account of "anna@acme.example" in "acme"

  Rule: When a synced user is suspended in OneLogin, suspend the user

    Scenario: A suspended user is suspended, and is in no group any more
      When "anna@acme.example" is suspended in OneLogin
      And OneLogin runs a provisioning cycle of the app "acme"
      Then "anna@acme.example" was suspended
      And "anna@acme.example" is suspended in "acme"
      And "anna@acme.example" is not in the group "Team Sales" of "acme"
      And "ben@acme.example" is active in "acme"
      And "ben@acme.example" is in the group "Team Sales" of "acme"
      And the account of "anna@acme.example" in "acme" has:
        | First Name          | Anna    |
        | Scim Sync Job Title | Analyst |
      And OneLogin shows "anna@acme.example" in the app "acme" as suspended

    @admin
    Scenario: The change history tells of the suspension
      When "anna@acme.example" is suspended in OneLogin
      And OneLogin runs a provisioning cycle of the app "acme"
      Then the change history of "acme" has these rows about "anna@acme.example":
        | Action       | Outcome | Detail |
        | user.create  | done    |        |
        | user.suspend | done    |        |
      And the change history of "acme" shows that "active" changed for "anna@acme.example" from "true" to "false"

    Scenario: A user who is suspended already is left alone
      Given "anna@acme.example" is suspended in OneLogin
      And OneLogin has run a provisioning cycle of the app "acme"
      When OneLogin runs a provisioning cycle of the app "acme"
      Then nothing was written
      And "anna@acme.example" is suspended in "acme"

    Scenario: A user who was suspended before he or she was ever provisioned gets no account
      Given OneLogin has the user "carl@acme.example", assigned to the app "acme"
      And "carl@acme.example" is suspended in OneLogin
      When OneLogin runs a provisioning cycle of the app "acme"
      Then nothing happened to "carl@acme.example" in the cycle
      And "carl@acme.example" has no account in "acme"

  Rule: The provider can be set to do nothing

    Scenario: With Do Nothing a suspended user stays active
      Given when users are suspended in OneLogin, the app "acme" is set to Do Nothing
      When "anna@acme.example" is suspended in OneLogin
      And OneLogin runs a provisioning cycle of the app "acme"
      Then nothing was written
      And "anna@acme.example" is active in "acme"
      And "anna@acme.example" is in the group "Team Sales" of "acme"

  Rule: Who is active again in OneLogin is active again in the application

    Scenario: The same account is reactivated, with its groups
      Given "anna@acme.example" is suspended in OneLogin
      And OneLogin has run a provisioning cycle of the app "acme"
      When "anna@acme.example" is active again in OneLogin
      And OneLogin runs a provisioning cycle of the app "acme"
      Then "anna@acme.example" was reactivated
      And "anna@acme.example" is active in "acme"
      And "anna@acme.example" is in the group "Team Sales" of "acme"
      And the account of "anna@acme.example" in "acme" is the one it was

    @admin
    Scenario: The change history tells of the reactivation
      Given "anna@acme.example" is suspended in OneLogin
      And OneLogin has run a provisioning cycle of the app "acme"
      When "anna@acme.example" is active again in OneLogin
      And OneLogin runs a provisioning cycle of the app "acme"
      Then the change history of "acme" has these rows about "anna@acme.example":
        | Action          | Outcome | Detail |
        | user.create     | done    |        |
        | user.suspend    | done    |        |
        | user.reactivate | done    |        |

    Scenario: What changed meanwhile arrives with the reactivation
      Given "anna@acme.example" is suspended in OneLogin
      And OneLogin has run a provisioning cycle of the app "acme"
      When the title of "anna@acme.example" becomes "Director" in OneLogin
      And "anna@acme.example" is active again in OneLogin
      And OneLogin runs a provisioning cycle of the app "acme"
      Then the account of "anna@acme.example" in "acme" has:
        | Scim Sync Job Title | Director |

    Scenario: An update does not bring back somebody who was suspended by hand
      Given an administrator suspends "anna@acme.example" in "acme" by hand
      When OneLogin runs a provisioning cycle of the app "acme"
      Then nothing was written
      And "anna@acme.example" is suspended in "acme"
