@guide-default-rules
Feature: Deleting users
  When a synced user is deleted in OneLogin, or loses access to the app, the
  account in the application is deleted, suspended, or left as it is, as the
  app is set.

  Background:
    Given an instance "acme"
    And OneLogin has an app for "acme"
    And the app "acme" puts users into groups named like their roles "Team .*"
    And OneLogin has these users, assigned to the app "acme":
      | Username          | First Name | Last Name | Roles      |
      | anna@acme.example | Anna       | Novak     | Team Sales |
      | ben@acme.example  | Ben        | Smith     | Team Sales |
    And OneLogin has run a provisioning cycle of the app "acme"
    And one remembers the account of "anna@acme.example" in "acme"

  Rule: When a synced user is deleted from OneLogin, delete the user

    Scenario: A deleted user is deleted
      When "anna@acme.example" is deleted in OneLogin
      And OneLogin runs a provisioning cycle of the app "acme"
      Then "anna@acme.example" was deleted
      And "anna@acme.example" has no account in "acme"
      And "ben@acme.example" is active in "acme"
      And "acme" has the groups:
        | Group      | Members          |
        | Team Sales | ben@acme.example |
      And OneLogin shows nothing of "anna@acme.example" in the app "acme"

    @admin
    Scenario: The change history tells of the deletion
      When "anna@acme.example" is deleted in OneLogin
      And OneLogin runs a provisioning cycle of the app "acme"
      Then the change history of "acme" has these rows about "anna@acme.example":
        | Action      | Outcome | Detail |
        | user.create | done    |        |
        | user.delete | done    |        |

    Scenario: Who loses access to the app is deleted
      When "anna@acme.example" loses access to the app "acme"
      And OneLogin runs a provisioning cycle of the app "acme"
      Then "anna@acme.example" was deleted
      And "anna@acme.example" has no account in "acme"

    Scenario: An account that was deleted by hand before is no error
      Given an administrator deletes "anna@acme.example" in "acme" by hand
      When "anna@acme.example" is deleted in OneLogin
      And OneLogin runs a provisioning cycle of the app "acme"
      Then "anna@acme.example" was deleted
      And the cycle succeeded

    Scenario: A suspended user who is deleted then is deleted
      Given "anna@acme.example" is suspended in OneLogin
      And OneLogin has run a provisioning cycle of the app "acme"
      When "anna@acme.example" is deleted in OneLogin
      And OneLogin runs a provisioning cycle of the app "acme"
      Then "anna@acme.example" was deleted
      And "anna@acme.example" has no account in "acme"

    Scenario: Users who were never assigned are not deleted
      Given "acme" has the user "board@acme.example", made by hand
      When "anna@acme.example" is deleted in OneLogin
      And OneLogin runs a provisioning cycle of the app "acme"
      Then the account of "board@acme.example" in "acme" was made by hand

  Rule: The provider can be set to suspend instead

    Scenario Outline: With Suspend the account stays, suspended: <what happens>
      Given when users are deleted in OneLogin, the app "acme" is set to Suspend
      When "anna@acme.example" <what happens>
      And OneLogin runs a provisioning cycle of the app "acme"
      Then "anna@acme.example" was suspended
      And "anna@acme.example" is suspended in "acme"
      And "anna@acme.example" is not in the group "Team Sales" of "acme"

      Examples:
        | what happens                  |
        | is deleted in OneLogin        |
        | loses access to the app "acme" |

    Scenario: It is suspended once, and not in every cycle
      Given when users are deleted in OneLogin, the app "acme" is set to Suspend
      And "anna@acme.example" is deleted in OneLogin
      And OneLogin has run a provisioning cycle of the app "acme"
      When OneLogin runs a provisioning cycle of the app "acme"
      Then nothing was written

  Rule: The provider can be set to do nothing

    Scenario Outline: With Do Nothing the account stays as it is: <what happens>
      Given when users are deleted in OneLogin, the app "acme" is set to Do Nothing
      When "anna@acme.example" <what happens>
      And OneLogin runs a provisioning cycle of the app "acme"
      Then "anna@acme.example" was released
      And nothing was written
      And "anna@acme.example" is active in "acme"
      And "anna@acme.example" is in the group "Team Sales" of "acme"

      Examples:
        | what happens                  |
        | is deleted in OneLogin        |
        | loses access to the app "acme" |

  Rule: Somebody who comes back is provisioned again

    Scenario: Deleted and hired again: the name is free, and the account is a new one
      Given "anna@acme.example" is deleted in OneLogin
      And OneLogin has run a provisioning cycle of the app "acme"
      When OneLogin has these users, assigned to the app "acme":
        | Username          | First Name | Last Name | Roles      |
        | anna@acme.example | Anna       | Novak     | Team Sales |
      And OneLogin runs a provisioning cycle of the app "acme"
      Then "anna@acme.example" was created
      And "anna@acme.example" is active in "acme"
      And the account of "anna@acme.example" in "acme" is a new one
      And "anna@acme.example" is in the group "Team Sales" of "acme"

    Scenario: Suspended instead of deleted and hired again: the account that was retained is active again
      Given when users are deleted in OneLogin, the app "acme" is set to Suspend
      And "anna@acme.example" loses access to the app "acme"
      And OneLogin has run a provisioning cycle of the app "acme"
      When "anna@acme.example" is assigned to the app "acme"
      And OneLogin runs a provisioning cycle of the app "acme"
      Then "anna@acme.example" was reactivated
      And "anna@acme.example" is active in "acme"
      And the account of "anna@acme.example" in "acme" is the one it was

    Scenario: Left as it was and hired again: the account is picked up
      Given when users are deleted in OneLogin, the app "acme" is set to Do Nothing
      And "anna@acme.example" loses access to the app "acme"
      And OneLogin has run a provisioning cycle of the app "acme"
      When "anna@acme.example" is assigned to the app "acme"
      And OneLogin runs a provisioning cycle of the app "acme"
      Then "anna@acme.example" was picked up
      And the account of "anna@acme.example" in "acme" is the one it was

    Scenario: A deleted manager leaves the people behind
      Given OneLogin has these users, assigned to the app "acme":
        | Username          | First Name | Last Name | Manager           |
        | carl@acme.example | Carl       | Jones     | anna@acme.example |
      And OneLogin has run a provisioning cycle of the app "acme"
      And "carl@acme.example" has the manager "anna@acme.example" in "acme"
      When the manager of "carl@acme.example" becomes "ben@acme.example" in OneLogin
      And "anna@acme.example" is deleted in OneLogin
      And OneLogin runs a provisioning cycle of the app "acme"
      Then "anna@acme.example" was deleted
      And "carl@acme.example" has the manager "ben@acme.example" in "acme"
