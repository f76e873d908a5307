@guide-picking-up
Feature: Picking up existing accounts
  There can be accounts that were made by hand before provisioning began. The
  provider manages them from then on, if their names are the same.

  Background:
    Given an instance "acme"
    And OneLogin has an app for "acme"

  Rule: An account is picked up when its User Name is identical to the userName that the provider sends

    Scenario: An account that was made by hand is picked up, and not doubled
      Given "acme" has these users, made by hand:
        | User Name         | First Name | Last Name | Email             |
        | anna@acme.example | Ann        | Nowak     | anna@acme.example |
      And one remembers the account of "anna@acme.example" in "acme"
      And OneLogin has these users, assigned to the app "acme":
        | Username          | First Name | Last Name | Title   |
        | anna@acme.example | Anna       | Novák     | Analyst |
      When OneLogin runs a provisioning cycle of the app "acme"
      Then "anna@acme.example" was picked up
      And "acme" has 1 user
      And the account of "anna@acme.example" in "acme" is the one it was
      And the account of "anna@acme.example" in "acme" is managed by OneLogin
      And the account of "anna@acme.example" in "acme" has:
        | First Name          | Anna    |
        | Last Name           | Novák   |
        | Scim Sync Job Title | Analyst |

    @admin
    Scenario: The change history tells of the pickup, field by field
      Given "acme" has these users, made by hand:
        | User Name         | First Name | Last Name | Email             |
        | anna@acme.example | Ann        | Nowak     | anna@acme.example |
      And OneLogin has these users, assigned to the app "acme":
        | Username          | First Name | Last Name | Title   |
        | anna@acme.example | Anna       | Novák     | Analyst |
      When OneLogin runs a provisioning cycle of the app "acme"
      Then the change history of "acme" has these rows about "anna@acme.example":
        | Action      | Outcome | Detail |
        | user.create | done    |        |
        | user.pickup | done    |        |
      And the change history of "acme" shows that "Last Name" changed for "anna@acme.example" from "Nowak" to "Novák"

    Scenario Outline: The names are the same however they are written: <how>
      Given "acme" has the user "<by hand>", made by hand
      And OneLogin has the user "<in OneLogin>", assigned to the app "acme"
      When OneLogin runs a provisioning cycle of the app "acme"
      Then "<in OneLogin>" was picked up
      And "acme" has 1 user

      Examples:
        | how                   | by hand             | in OneLogin         |
        | capital letters       | Anna@ACME.example   | anna@acme.example   |
        | capitals the other way | anna@acme.example  | ANNA@acme.example   |
        | an accented capital   | ÉLODIE@acme.example | élodie@acme.example |
        | an apostrophe         | o'brien@acme.example | O'Brien@acme.example |
        | a plus-address        | Anna+Work@acme.example | anna+work@acme.example |
        | another script        | ольга@acme.example  | Ольга@acme.example  |
        | no address at all     | anovak              | ANovak              |
        | a space inside        | Anna Novak          | anna novak          |

    Scenario Outline: A near miss is created instead, and the other account stays as it is: <what differs>
      Given "acme" has these users, made by hand:
        | User Name | Email             |
        | <by hand> | anna@acme.example |
      And OneLogin has these users, assigned to the app "acme":
        | Username       | Email             | First Name | Last Name |
        | <in OneLogin>  | anna@acme.example | Anna       | Novak     |
      When OneLogin runs a provisioning cycle of the app "acme"
      Then "<in OneLogin>" was created
      And "acme" has 2 users
      And the account of "<by hand>" in "acme" was made by hand

      Examples:
        | what differs                    | by hand            | in OneLogin            |
        | the same e-mail, another name   | anovak             | anna@acme.example      |
        | another domain                  | anna@acme.test     | anna@acme.example      |
        | a plus-address                  | anna@acme.example  | anna+work@acme.example |
        | an accent                       | elodie@acme.example | élodie@acme.example   |
        | letters that only look the same | аnna@acme.example  | anna@acme.example      |

    Scenario: Accounts of people who are not assigned stay as they are
      Given "acme" has the user "board@acme.example", made by hand
      And OneLogin has the user "anna@acme.example", assigned to the app "acme"
      When OneLogin runs a provisioning cycle of the app "acme"
      Then "anna@acme.example" was created
      And the account of "board@acme.example" in "acme" was made by hand

    Scenario: An account that was suspended by hand is active again once it is picked up
      Given "acme" has the user "anna@acme.example", made by hand
      And an administrator suspends "anna@acme.example" in "acme" by hand
      And OneLogin has the user "anna@acme.example", assigned to the app "acme"
      When OneLogin runs a provisioning cycle of the app "acme"
      Then "anna@acme.example" was picked up
      And "anna@acme.example" is active in "acme"

    Scenario: What would be picked up can be seen before anything is written
      Given "acme" has the user "anna@acme.example", made by hand
      And OneLogin has these users, assigned to the app "acme":
        | Username          | First Name | Last Name |
        | anna@acme.example | Anna       | Novak     |
        | ben@acme.example  | Ben        | Smith     |
      When OneLogin shows what a provisioning cycle of the app "acme" would do
      Then "anna@acme.example" would be picked up
      And "ben@acme.example" would be created
      And nothing was written
      And "acme" has 1 user

    Scenario: A second cycle without changes writes nothing
      Given "acme" has the user "anna@acme.example", made by hand
      And OneLogin has these users, assigned to the app "acme":
        | Username          | First Name | Last Name | Roles      |
        | anna@acme.example | Anna       | Novak     | Team Sales |
        | ben@acme.example  | Ben        | Smith     | Team Sales |
      And the app "acme" puts users into groups named like their roles "Team .*"
      And OneLogin has run a provisioning cycle of the app "acme"
      When OneLogin runs a provisioning cycle of the app "acme"
      Then the cycle succeeded
      And nothing was written

  Rule: A group is picked up when its name is the same

    Background:
      Given the app "acme" puts users into groups named like their roles "Team .*"
      And OneLogin has these users, assigned to the app "acme":
        | Username          | First Name | Last Name | Roles      |
        | anna@acme.example | Anna       | Novak     | Team Sales |
        | ben@acme.example  | Ben        | Smith     | Team Sales |

    Scenario: A group that was made by hand is picked up with its members
      Given "acme" has the user "chef@acme.example", made by hand
      And "acme" has the group "Team Sales", made by hand, with the member "chef@acme.example"
      When OneLogin runs a provisioning cycle of the app "acme"
      Then the group "Team Sales" was matched by name
      And "acme" has the groups:
        | Group      | Members                                                |
        | Team Sales | anna@acme.example, ben@acme.example, chef@acme.example |

    @admin
    Scenario: The change history tells of the pickup of a group
      Given "acme" has the group "Team Sales", made by hand
      When OneLogin runs a provisioning cycle of the app "acme"
      Then the change history of "acme" has these rows about "Team Sales":
        | Action       | Outcome | Detail |
        | group.create | done    |        |
        | group.pickup | done    |        |
        | group.update | done    |        |

    Scenario: The letter case of a group's name does not matter
      Given "acme" has the group "TEAM sales", made by hand
      When OneLogin runs a provisioning cycle of the app "acme"
      Then the group "TEAM sales" was matched by name
      And "acme" has the groups:
        | Group      | Members                             |
        | TEAM sales | anna@acme.example, ben@acme.example |

    Scenario: A group with nearly the same name is not picked up
      Given "acme" has the group "Sales Team", made by hand
      When OneLogin runs a provisioning cycle of the app "acme"
      Then the group "Team Sales" was created
      And "acme" has the groups:
        | Group      | Members                             |
        | Sales Team |                                     |
        | Team Sales | anna@acme.example, ben@acme.example |

    Scenario: Somebody who was in the group already is in it once
      Given "acme" has the user "anna@acme.example", made by hand
      And "acme" has the group "Team Sales", made by hand, with the member "anna@acme.example"
      When OneLogin runs a provisioning cycle of the app "acme"
      Then "anna@acme.example" was picked up
      And "acme" has the groups:
        | Group      | Members                             |
        | Team Sales | anna@acme.example, ben@acme.example |

    Scenario: A role that is renamed makes a new group and leaves the old one behind
      Given OneLogin has run a provisioning cycle of the app "acme"
      When the roles of "anna@acme.example" becomes "Team Revenue" in OneLogin
      And the roles of "ben@acme.example" becomes "Team Revenue" in OneLogin
      And OneLogin runs a provisioning cycle of the app "acme"
      Then the group "Team Revenue" was created
      And "acme" has the groups:
        | Group        | Members                             |
        | Team Revenue | anna@acme.example, ben@acme.example |
        | Team Sales   |                                     |
