@guide-provisioning
Feature: Admin approval at the provider
  The application never asks for approval: it applies what it receives. The
  provider has a switch for each kind of action that lets an administrator
  approve it first.

  Background:
    Given an instance "acme"
    And OneLogin has an app for "acme"
    And OneLogin has these users, assigned to the app "acme":
      | Username          | First Name | Last Name |
      | anna@acme.example | Anna       | Novak     |
      | ben@acme.example  | Ben        | Smith     |

  Rule: Without approval everything is done at once

    Scenario: Nothing waits
      When OneLogin runs a provisioning cycle of the app "acme"
      Then "anna@acme.example" was created
      And nothing waits for approval in the app "acme"

  Rule: With approval before users are created, creations wait

    Background:
      Given the app "acme" requires admin approval before it creates users

    Scenario: Nobody is created before the approval
      When OneLogin runs a provisioning cycle of the app "acme"
      Then nothing was written
      And "acme" has 0 users
      And the provision of "anna@acme.example" waits for approval in the app "acme"
      And OneLogin shows "anna@acme.example" in the app "acme" as pending

    Scenario: One is approved, the other still waits
      Given OneLogin has run a provisioning cycle of the app "acme"
      When an administrator of OneLogin approves the action for "anna@acme.example" in the app "acme"
      And OneLogin runs a provisioning cycle of the app "acme"
      Then "anna@acme.example" was created
      And "ben@acme.example" has no account in "acme"
      And the provision of "ben@acme.example" waits for approval in the app "acme"

    Scenario: All are approved at once
      Given OneLogin has run a provisioning cycle of the app "acme"
      When an administrator of OneLogin approves all actions in the app "acme"
      And OneLogin runs a provisioning cycle of the app "acme"
      Then "acme" has 2 users
      And nothing waits for approval in the app "acme"

    Scenario: An action that is skipped is not done, and not asked for again
      Given OneLogin has run a provisioning cycle of the app "acme"
      When an administrator of OneLogin skips the action for "anna@acme.example" in the app "acme"
      And OneLogin runs a provisioning cycle of the app "acme"
      Then nothing happened to "anna@acme.example" in the cycle
      And "anna@acme.example" has no account in "acme"
      And OneLogin shows "anna@acme.example" in the app "acme" as skipped

    Scenario: A user who changes while the action waits needs an approval of what is new
      Given OneLogin has run a provisioning cycle of the app "acme"
      And an administrator of OneLogin approves the action for "anna@acme.example" in the app "acme"
      When the title of "anna@acme.example" becomes "Director" in OneLogin
      And OneLogin runs a provisioning cycle of the app "acme"
      Then nothing was written
      And the provision of "anna@acme.example" waits for approval in the app "acme"

    Scenario: Updates do not wait
      Given OneLogin has run a provisioning cycle of the app "acme"
      And an administrator of OneLogin approves all actions in the app "acme"
      And OneLogin has run a provisioning cycle of the app "acme"
      When the title of "anna@acme.example" becomes "Director" in OneLogin
      And OneLogin runs a provisioning cycle of the app "acme"
      Then "anna@acme.example" was updated

  Rule: With approval before users are updated, updates, suspensions and reactivations wait

    Background:
      Given OneLogin has run a provisioning cycle of the app "acme"
      And the app "acme" requires admin approval before it updates users

    Scenario: An update waits and is done once it is approved
      When the title of "anna@acme.example" becomes "Director" in OneLogin
      And OneLogin runs a provisioning cycle of the app "acme"
      Then nothing was written
      And the update of "anna@acme.example" waits for approval in the app "acme"
      And OneLogin shows "anna@acme.example" in the app "acme" as provisioned
      When an administrator of OneLogin approves the action for "anna@acme.example" in the app "acme"
      And OneLogin runs a provisioning cycle of the app "acme"
      Then "anna@acme.example" was updated
      And the account of "anna@acme.example" in "acme" has:
        | Scim Sync Job Title | Director |

    Scenario: A suspension waits
      When "anna@acme.example" is suspended in OneLogin
      And OneLogin runs a provisioning cycle of the app "acme"
      Then the suspend of "anna@acme.example" waits for approval in the app "acme"
      And "anna@acme.example" is active in "acme"

    Scenario: A deletion does not wait
      When "anna@acme.example" is deleted in OneLogin
      And OneLogin runs a provisioning cycle of the app "acme"
      Then "anna@acme.example" was deleted

  Rule: With approval before users are deleted, what follows from a deletion waits

    Background:
      Given OneLogin has run a provisioning cycle of the app "acme"
      And the app "acme" requires admin approval before it deletes users

    Scenario: A deletion waits and is done once it is approved
      When "anna@acme.example" is deleted in OneLogin
      And OneLogin runs a provisioning cycle of the app "acme"
      Then nothing was written
      And the delete of "anna@acme.example" waits for approval in the app "acme"
      And "anna@acme.example" is active in "acme"
      When an administrator of OneLogin approves the action for "anna@acme.example" in the app "acme"
      And OneLogin runs a provisioning cycle of the app "acme"
      Then "anna@acme.example" was deleted
      And "anna@acme.example" has no account in "acme"

    Scenario: A suspension that follows from lost access waits too
      Given when users are deleted in OneLogin, the app "acme" is set to Suspend
      When "anna@acme.example" loses access to the app "acme"
      And OneLogin runs a provisioning cycle of the app "acme"
      Then the suspend of "anna@acme.example" waits for approval in the app "acme"
