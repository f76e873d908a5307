@admin @guide-default-rules
Feature: Provisioning practices
  Some practices are hard-coded: no invitations for what is provisioned, no
  approval on the application's side, and what happens in OneLogin happens in the
  application.

  Background:
    Given an instance "acme"
    And OneLogin has an app for "acme"
    And OneLogin has these users, assigned to the app "acme":
      | Username          | First Name | Last Name | Email             |
      | anna@acme.example | Anna       | Novak     | anna@acme.example |

  Rule: Do not send invitation emails automatically

    Scenario: A provisioned user is not invited
      When OneLogin runs a provisioning cycle of the app "acme"
      Then "anna@acme.example" was created
      And the outbox of "acme" has 0 invitations

    @own
    Scenario: An account that is made by hand is
      Given OneLogin has run a provisioning cycle of the app "acme"
      And "acme" has these users, made by hand:
        | User Name         | Email            |
        | ben@acme.example  | ben@acme.example |
      Then the outbox of "acme" has 1 invitation
      And "ben@acme.example" gets the invitation by mail, once
      And "anna@acme.example" gets no mail

    Scenario: A pickup invites nobody again
      Given "acme" has these users, made by hand:
        | User Name         | Email             |
        | anna@acme.example | anna@acme.example |
      When OneLogin runs a provisioning cycle of the app "acme"
      Then "anna@acme.example" was picked up
      And the outbox of "acme" has 1 invitation

  Rule: The application does not ask for approval

    Scenario: What a provider sends is applied at once
      When OneLogin runs a provisioning cycle of the app "acme"
      Then "anna@acme.example" is active in "acme"

  Rule: When a synced user is suspended or deleted in OneLogin, so he or she is in the application

    Scenario: Suspended, then deleted
      Given OneLogin has run a provisioning cycle of the app "acme"
      When "anna@acme.example" is suspended in OneLogin
      And OneLogin runs a provisioning cycle of the app "acme"
      Then "anna@acme.example" is suspended in "acme"
      When "anna@acme.example" is deleted in OneLogin
      And OneLogin runs a provisioning cycle of the app "acme"
      Then "anna@acme.example" has no account in "acme"
