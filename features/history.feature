@admin @guide-provisioning-logs
Feature: Provisioning logs
  To monitor and debug the user provisioning process, an administrator goes to
  Change History.

  Background:
    Given the instances "acme" and "globex"
    And OneLogin has an app for "acme"
    And "globex" has the user "ben@acme.example", made by hand
    And OneLogin has these users, assigned to the app "acme":
      | Username          | First Name | Last Name | Title   |
      | anna@acme.example | Anna       | Novak     | Analyst |
      | ben@acme.example  | Ben        | Smith     | Boss    |
    And OneLogin runs a provisioning cycle of the app "acme"

  Rule: Every change and every refusal is there, field by field, with who, which key, which request

    Scenario: A creation and a refusal
      Then the change history of "acme" has these rows about "anna@acme.example":
        | Action      | Outcome | Detail |
        | user.create | done    |        |
      And the change history of "acme" has these rows about "ben@acme.example":
        | Action      | Outcome | Detail                            |
        | user.create | refused | a user of another instance has it |
      And the change history of "acme" shows that "Scim Sync Job Title" changed for "anna@acme.example" from "" to "Analyst"
      And every change of "acme" by SCIM names the API key and the request

    Scenario: What changes nothing leaves no row
      Given OneLogin runs a provisioning cycle of the app "acme"
      Then the change history of "acme" has these rows about "anna@acme.example":
        | Action      | Outcome | Detail |
        | user.create | done    |        |

  Rule: It can be searched, page by page

    Scenario Outline: <what>
      When an administrator of "acme" runs "history list <flags>"
      Then it says "<there>"
      And it does not say "<gone>"

      Examples:
        | what                | flags                                   | there                             | gone                             |
        | by outcome          | --outcome refused                       | a user of another instance has it | Scim Sync Job Title: (none) → Analyst |
        | by user             | --user anna@acme.example                | Scim Sync Job Title: (none) → Analyst | a user of another instance has it |
        | by text             | --text ANALYST                          | Scim Sync Job Title: (none) → Analyst | a user of another instance has it |
        | from a day on       | --from 2020-01-01                       | instance.create                   | nothing like this                |
        | the newest row only | --limit 1                               | request                           | instance.create                  |

    Scenario: A time that is none is refused
      When an administrator of "acme" runs "history list --from yesterday"
      Then it is refused, because "give a date such as"

  Rule: Secrets are never in it

    Scenario: A password that a provider sends is dropped
      Given a provider sends "acme" the user "zoe@acme.example" with:
        | password | correct-horse-battery |
      When an administrator of "acme" runs "history export"
      Then it says "zoe@acme.example"
      And it does not say "correct-horse-battery"

  Rule: It can be exported

    Scenario: As CSV
      When an administrator of "acme" runs "history export --format csv"
      Then it says "time,outcome,action,target,name,field,old,new"
      And it says ",Scim Sync Job Title,,Analyst,"

    Scenario: As JSON lines
      When an administrator of "acme" runs "history export"
      Then it says ""action":"user.create""

  Rule: No row can be altered, removed or reordered without being found

    Scenario: What was written verifies
      When an administrator of "acme" runs "history verify"
      Then it says "; 0 problems"

    @own
    Scenario Outline: Somebody who <does> a row in the database is found out
      Given all rows of the change history of "acme" are in the chain
      When somebody <does> a row of the change history of "acme" in the database
      And an administrator of "acme" runs "history verify"
      Then it is refused, because "is not as it was written"
      And it names it: "<found>"

      Examples:
        | does     | found          |
        | alters   | was altered    |
        | removes  | missing before |
        | reorders | is not linked  |

    Scenario: What is left after rows were pruned by their age verifies too
      Given all rows of the change history of "acme" are in the chain
      When an administrator of "acme" runs "history prune --older-than 1ms"
      Then it says "deleted"
      When an administrator of "acme" runs "history verify"
      Then it says "; 0 problems"

  Rule: It is the instance's own

    Scenario: Another instance's rows are not there
      When an administrator of "globex" runs "history list"
      Then it does not say "anna@acme.example"
