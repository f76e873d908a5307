@guide-set-up-mappings
Feature: The portal of the provider
  What an administrator sets and clicks in the tabs of an app in OneLogin.

  Background:
    Given an instance "acme"
    And OneLogin has an app for "acme"
    And OneLogin has these users, assigned to the app "acme":
      | Username          | First Name | Last Name | Title   | Department | Manager           | Status | Roles       |
      | anna@acme.example | Anna       | Novak     | Analyst | IT         | ben@acme.example  | 1      | Staff;Lead  |
      | ben@acme.example  | Ben        | Smith     | Seller  | Sales      | dora@acme.example | 3      | Staff       |
      | carl@acme.example | Carl       | Jones     |         | Sales      | dora@acme.example | 0      | Contractors |
      | dora@acme.example | Dora       | Miller    | Boss    | Board      |                   | 1      | Staff       |

  Rule: Configuration: an app whose API connection is disabled is not provisioned

    Scenario: It is disabled, and enabled again
      When an administrator clicks Disable in the app "acme"
      And OneLogin runs a provisioning cycle of the app "acme"
      Then the cycle ends with "is disabled"
      And nothing was written
      And the app "acme" is shown as "disabled"
      When an administrator clicks Enable in the app "acme"
      And OneLogin runs a provisioning cycle of the app "acme"
      Then "anna@acme.example" was created

  Rule: Access: by role and by name

    Scenario: Who gets the role is provisioned, who loses it is not any more
      Given OneLogin has these users:
        | Username          | First Name | Last Name | Roles |
        | emil@acme.example | Emil       | Novak     | Guest |
        | fay@acme.example  | Fay        | Stone     |       |
      And the role "Guest" has access to the app "acme"
      When OneLogin runs a provisioning cycle of the app "acme"
      Then "emil@acme.example" was created
      And "anna@acme.example" was created
      And "fay@acme.example" has no account in "acme"
      When the roles of "fay@acme.example" becomes "Guest" in OneLogin
      And the roles of "emil@acme.example" becomes "" in OneLogin
      And OneLogin runs a provisioning cycle of the app "acme"
      Then "fay@acme.example" was created
      And "emil@acme.example" was deleted

  Rule: Users: every status but suspended is provisioned

    Scenario: Locked and unactivated users are
      When OneLogin runs a provisioning cycle of the app "acme"
      Then "ben@acme.example" was created
      And "carl@acme.example" was created
      And "acme" has 4 users

    Scenario: The log tells what was done for whom
      Given OneLogin has run a provisioning cycle of the app "acme"
      Then the log of the app "acme" has "created" for "anna@acme.example"

    Scenario: Managers come before those who report to them
      When OneLogin runs a provisioning cycle of the app "acme"
      Then managers came before those who report to them
      And "anna@acme.example" has the manager "ben@acme.example" in "acme"

    Scenario: The requests of a cycle are shown for each user, without the token
      When OneLogin traces a provisioning cycle of the app "acme"
      Then the trace of "dora@acme.example" is:
        | GET  | /Users?filter=userName+eq+%22dora%40acme.example%22& |
        | POST | /Users                                               |

  Rule: Rules set groups and parameters for those who meet their conditions

    Scenario Outline: A rule for <who>
      Given the app "acme" has the rule:
        """
        if: [<condition>]
        set_groups: [Chosen]
        """
      When OneLogin runs a provisioning cycle of the app "acme"
      Then "acme" has the groups:
        | Group  | Members   |
        | Chosen | <members> |

      Examples:
        | who                    | condition                             | members                                                |
        | a role                 | {role: Lead}                          | anna@acme.example                                      |
        | everybody but a role   | {not_role: Staff}                     | carl@acme.example                                      |
        | a status               | {status: locked}                      | ben@acme.example                                       |
        | a field                | {field: department, is: sales}        | ben@acme.example, carl@acme.example                    |
        | a field that is blank  | {field: title, is: ""}                | carl@acme.example                                      |
        | a part of a field      | {field: lastname, contains: o}        | anna@acme.example, carl@acme.example                   |
        | one of several values  | {field: department, one_of: [IT, HR]} | anna@acme.example                                      |
        | a pattern              | {field: title, matches: "[AB].*"}     | anna@acme.example, dora@acme.example                   |
        | several conditions     | {role: Staff}, {field: title, is_not: Boss} | anna@acme.example, ben@acme.example              |

    Scenario: A rule sets a parameter, and a later one sets it over the first
      Given the app "acme" has the rule:
        """
        set_parameters: {title: {value: Employee}}
        """
      And the app "acme" has the rule:
        """
        if: [{field: department, is: Board}]
        set_parameters: {title: {macro: "Director {$user.lastname}"}}
        """
      When OneLogin runs a provisioning cycle of the app "acme"
      Then the account of "anna@acme.example" in "acme" has:
        | Scim Sync Job Title | Employee |
      And the account of "dora@acme.example" in "acme" has:
        | Scim Sync Job Title | Director Miller |

  Rule: Re-apply mappings: what was changed at the application by hand is shown, and corrected

    Background:
      Given the app "acme" puts users into groups named like their roles "Staff"
      And OneLogin has run a provisioning cycle of the app "acme"

    Scenario: Nothing was changed
      When an administrator re-applies the mappings of the app "acme"
      Then 4 accounts are as they should be
      And nothing was written

    Scenario: A field and a membership were changed
      Given somebody changes the title of "anna@acme.example" in "acme" to "Queen"
      And somebody takes "anna@acme.example" out of the group "Staff" of "acme"
      When an administrator looks for drift in the app "acme"
      Then "anna@acme.example" would be corrected
      And for "anna@acme.example" "title" is "Queen" instead of "Analyst"
      And "anna@acme.example" is missing in the group "Staff"
      And 3 accounts are as they should be
      And nothing was written
      When an administrator re-applies the mappings of the app "acme"
      Then "anna@acme.example" was corrected
      And the account of "anna@acme.example" in "acme" has:
        | Scim Sync Job Title | Analyst |
      And "anna@acme.example" is in the group "Staff" of "acme"
      When an administrator re-applies the mappings of the app "acme"
      Then 4 accounts are as they should be

    Scenario: An ordinary cycle does not look
      Given somebody changes the title of "anna@acme.example" in "acme" to "Queen"
      When OneLogin runs a provisioning cycle of the app "acme"
      Then nothing was written

    Scenario: An account that was suspended by hand is active again
      Given an administrator suspends "ben@acme.example" in "acme" by hand
      When an administrator re-applies the mappings of the app "acme"
      Then "ben@acme.example" was corrected
      And "ben@acme.example" is active in "acme"

    Scenario: An account that was deleted by hand is made again
      Given one remembers the account of "ben@acme.example" in "acme"
      And an administrator deletes "ben@acme.example" in "acme" by hand
      When an administrator re-applies the mappings of the app "acme"
      Then "ben@acme.example" was created
      And the account of "ben@acme.example" in "acme" is a new one
      And "ben@acme.example" is in the group "Staff" of "acme"

    Scenario: A user who is suspended in the provider stays so
      Given "ben@acme.example" is suspended in OneLogin
      And OneLogin has run a provisioning cycle of the app "acme"
      And an administrator reactivates "ben@acme.example" in "acme" by hand
      When an administrator re-applies the mappings of the app "acme"
      Then "ben@acme.example" was corrected
      And "ben@acme.example" is suspended in "acme"

    Scenario: Who is suspended is as he should be, with his manager
      Given the manager of "ben@acme.example" becomes "anna@acme.example" in OneLogin
      And OneLogin has run a provisioning cycle of the app "acme"
      And "ben@acme.example" is suspended in OneLogin
      And OneLogin has run a provisioning cycle of the app "acme"
      When an administrator re-applies the mappings of the app "acme"
      Then 4 accounts are as they should be
      And nothing was written

  Rule: Many changes of the configuration take effect only after a re-apply

    Scenario: A parameter is changed
      Given changes of the app "acme" need a re-apply
      And OneLogin has run a provisioning cycle of the app "acme"
      And the parameter "title" of the app "acme" is the field "department" of OneLogin
      When OneLogin runs a provisioning cycle of the app "acme"
      Then nothing was written
      When the last name of "ben@acme.example" becomes "Brown" in OneLogin
      And OneLogin runs a provisioning cycle of the app "acme"
      Then "ben@acme.example" was updated
      And nothing happened to "anna@acme.example" in the cycle
      When an administrator re-applies the mappings of the app "acme"
      Then "anna@acme.example" was updated
      And the account of "anna@acme.example" in "acme" has:
        | Scim Sync Job Title | IT |

    Scenario: Without that setting it reaches users at the next cycle
      Given OneLogin has run a provisioning cycle of the app "acme"
      And the parameter "title" of the app "acme" is the field "department" of OneLogin
      When OneLogin runs a provisioning cycle of the app "acme"
      Then "anna@acme.example" was updated

  Rule: Too many deletions in a cycle wait for an administrator

    Scenario: They are held, and done once they are approved
      Given the app "acme" holds more than 1 deletion for approval
      And OneLogin has run a provisioning cycle of the app "acme"
      When "anna@acme.example" is deleted in OneLogin
      And "ben@acme.example" loses access to the app "acme"
      And OneLogin runs a provisioning cycle of the app "acme"
      Then nothing was written
      And the delete of "anna@acme.example" waits for approval in the app "acme"
      When an administrator of OneLogin approves all actions in the app "acme"
      And OneLogin runs a provisioning cycle of the app "acme"
      Then "anna@acme.example" was deleted
      And "ben@acme.example" was deleted

    Scenario: A few are not held
      Given the app "acme" holds more than 1 deletion for approval
      And OneLogin has run a provisioning cycle of the app "acme"
      When "anna@acme.example" is deleted in OneLogin
      And OneLogin runs a provisioning cycle of the app "acme"
      Then "anna@acme.example" was deleted

  Rule: After repeated failure an app goes into quarantine

    Scenario: Too many users fail
      Given the app "acme" goes into quarantine when 2 users and 40 percent fail
      And an instance "globex"
      And "globex" has the user "anna@acme.example", made by hand
      And "globex" has the user "ben@acme.example", made by hand
      When OneLogin runs a provisioning cycle of the app "acme"
      Then "anna@acme.example" is a conflict, because "another instance"
      When OneLogin runs a provisioning cycle of the app "acme"
      Then the cycle ends with "in quarantine until"
      And the app "acme" is shown as "in quarantine until"
      And the app "acme" is shown with 2 failed users
      When an administrator clicks Enable in the app "acme"
      And OneLogin runs a provisioning cycle of the app "acme"
      Then nothing was written

    @admin
    Scenario: The token is refused
      Given the app "acme" goes into quarantine when 2 users and 40 percent fail
      And the key of "acme" is revoked
      When OneLogin runs a provisioning cycle of the app "acme"
      And OneLogin runs a provisioning cycle of the app "acme"
      Then the cycle ends with "the server refuses the token"
      And 0 requests were sent

  Rule: What the application does not support is there, and says why

    Scenario Outline: <what>
      When an administrator asks OneLogin to <what>
      Then it is refused, because "<why>"

      Examples:
        | what           | why                                     |
        | import users   | people come from the account's own CSV  |
        | import groups  | picked up when their names are the same |
        | sync passwords | passwords stay in the provider          |
