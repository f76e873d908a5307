@guide-duplications
Feature: Duplications and conflicts
  OneLogin checks whether each assigned user exists in the instance, and
  creates those who do not. If the User Name exists in another instance, the
  process fails and the user is not created.

  Background:
    Given the instances "acme" and "globex"
    And OneLogin has an app for "acme"
    And OneLogin has an app for "globex"

  Rule: If a user does not exist in this instance, OneLogin tries to create the user

    Scenario: Users who do not exist are created
      Given OneLogin has these users, assigned to the app "acme":
        | Username          | First Name | Last Name | Title   | Phone       |
        | anna@acme.example | Anna       | Novak     | Analyst | +1 555 0100 |
      When OneLogin runs a provisioning cycle of the app "acme"
      Then "anna@acme.example" was created
      And the account of "anna@acme.example" in "acme" has:
        | User Name           | anna@acme.example |
        | Display Name        | Anna Novak        |
        | Email               | anna@acme.example |
        | First Name          | Anna              |
        | Last Name           | Novak             |
        | Office Phone        | +1 555 0100       |
        | Scim Sync Job Title | Analyst           |
      And "globex" has 0 users

  Rule: If the User Name exists in another instance, the process fails and the user is not created

    Background:
      Given "globex" has the user "anna@acme.example", made by hand
      And OneLogin has these users, assigned to the app "acme":
        | Username          | First Name | Last Name |
        | anna@acme.example | Anna       | Novak     |
        | ben@acme.example  | Ben        | Smith     |
        | carl@acme.example | Carl       | Jones     |

    Scenario: The user is not created, and the others go on
      When OneLogin runs a provisioning cycle of the app "acme"
      Then "anna@acme.example" is a conflict, because "a user of another instance has it"
      And "anna@acme.example" has no account in "acme"
      And "ben@acme.example" was created
      And "carl@acme.example" was created
      And "acme" has 2 users
      And "globex" has 1 user
      And the account of "anna@acme.example" in "globex" was made by hand

    Scenario: The provider shows the failure
      When OneLogin runs a provisioning cycle of the app "acme"
      Then OneLogin shows "anna@acme.example" in the app "acme" as failed
      And OneLogin shows "ben@acme.example" in the app "acme" as provisioned

    @admin
    Scenario: The application's change history shows the failure
      When OneLogin runs a provisioning cycle of the app "acme"
      Then the change history of "acme" has these rows about "anna@acme.example":
        | Action      | Outcome | Detail                            |
        | user.create | refused | a user of another instance has it |
      And the change history of "globex" has these rows about "anna@acme.example":
        | Action      | Outcome | Detail |
        | user.create | done    |        |

    Scenario: The letter case of the name does not make it another one
      Given the username of "anna@acme.example" becomes "ANNA@ACME.example" in OneLogin
      When OneLogin runs a provisioning cycle of the app "acme"
      Then "ANNA@ACME.example" is a conflict, because "a user of another instance has it"

    Scenario: Who failed is not tried again by itself
      Given OneLogin runs a provisioning cycle of the app "acme"
      When OneLogin runs a provisioning cycle of the app "acme"
      Then "anna@acme.example" is a conflict, because "a user of another instance has it"
      And nothing was written

    Scenario: An administrator retries once the other instance gave the name up
      Given OneLogin runs a provisioning cycle of the app "acme"
      And an administrator deletes "anna@acme.example" in "globex" by hand
      When an administrator of OneLogin retries "anna@acme.example" in the app "acme"
      And OneLogin runs a provisioning cycle of the app "acme"
      Then "anna@acme.example" was created
      And "anna@acme.example" is active in "acme"
      And OneLogin shows "anna@acme.example" in the app "acme" as provisioned

    Scenario: An app can be set to try again in each cycle
      Given the app "acme" tries users who failed again in each cycle
      And OneLogin runs a provisioning cycle of the app "acme"
      And an administrator deletes "anna@acme.example" in "globex" by hand
      When OneLogin runs a provisioning cycle of the app "acme"
      Then "anna@acme.example" was created

    Scenario: Another user name solves the conflict
      Given OneLogin runs a provisioning cycle of the app "acme"
      When the username of "anna@acme.example" becomes "anna.novak@acme.example" in OneLogin
      And OneLogin runs a provisioning cycle of the app "acme"
      Then "anna.novak@acme.example" was created
      And "anna.novak@acme.example" is active in "acme"

  Rule: A user cannot be renamed to a name that is taken

    Scenario Outline: The rename fails, and the account keeps its name: taken in <instance>
      Given OneLogin has these users, assigned to the app "acme":
        | Username          | First Name | Last Name |
        | anna@acme.example | Anna       | Novak     |
      And OneLogin has run a provisioning cycle of the app "acme"
      And "<instance>" has the user "ann@acme.example", made by hand
      When the username of "anna@acme.example" becomes "ann@acme.example" in OneLogin
      And OneLogin runs a provisioning cycle of the app "acme"
      Then "ann@acme.example" is a conflict, because "<reason>"
      And "anna@acme.example" is active in "acme"
      And the account of "ann@acme.example" in "<instance>" was made by hand

      Examples:
        | instance | reason                            |
        | acme     | another user of this instance     |
        | globex   | a user of another instance has it |

  Rule: Each instance is provisioned by an app of its own

    Scenario: The same person cannot be in two instances under one name
      Given OneLogin has these users:
        | Username          | First Name | Last Name |
        | anna@acme.example | Anna       | Novak     |
      And "anna@acme.example" is assigned to the app "acme"
      And "anna@acme.example" is assigned to the app "globex"
      And OneLogin has run a provisioning cycle of the app "acme"
      When OneLogin runs a provisioning cycle of the app "globex"
      Then "anna@acme.example" is a conflict, because "a user of another instance has it"
      And "anna@acme.example" is active in "acme"
      And "globex" has 0 users

    Scenario: Different people go to different instances
      Given OneLogin has these users:
        | Username           | First Name | Last Name |
        | anna@acme.example  | Anna       | Novak     |
        | hank@globex.example | Hank      | Scorpio   |
      And "anna@acme.example" is assigned to the app "acme"
      And "hank@globex.example" is assigned to the app "globex"
      When OneLogin has run a provisioning cycle of the app "acme"
      And OneLogin has run a provisioning cycle of the app "globex"
      Then "acme" has 1 user
      And "globex" has 1 user
      And "hank@globex.example" is active in "globex"
