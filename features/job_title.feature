@admin @guide-mapping-to-objects
Feature: Mapping to objects in two stages
  The attribute is mapped to a text field: for the title there is "Scim Sync Job
  Title". Every time that field gets a new value, a workflow rule can link the
  user to an object.

  Background:
    Given an instance "acme"
    And OneLogin has an app for "acme"
    And OneLogin has these users, assigned to the app "acme":
      | Username          | First Name | Last Name | Title   | Department |
      | anna@acme.example | Anna       | Novak     | Analyst | Sales      |
      | ben@acme.example  | Ben        | Smith     | Boss    | Sales      |

  Rule: Without a rule only the text field is filled

    Scenario: The title arrives as a text
      When OneLogin runs a provisioning cycle of the app "acme"
      Then the account of "anna@acme.example" in "acme" has:
        | Scim Sync Job Title | Analyst |
      And "anna@acme.example" is linked to no job-title in "acme"

  Rule: A new value of the field links the user to the object of that name

    Background:
      Given an administrator of "acme" runs "object create job-title Analyst"
      And an administrator of "acme" runs "object create job-title "Head of Analysis""
      And an administrator of "acme" runs "rule create titles --field scimSyncJobTitle --do link:job-title"

    Scenario: A user who arrives is linked
      When OneLogin runs a provisioning cycle of the app "acme"
      Then "anna@acme.example" is linked to the job-title "Analyst" in "acme"
      And the change history of "acme" shows that "job-title" changed for "anna@acme.example" from "" to "Analyst"

    Scenario: A title that changes moves the link
      Given OneLogin has run a provisioning cycle of the app "acme"
      When the title of "anna@acme.example" becomes "Head of Analysis" in OneLogin
      And OneLogin runs a provisioning cycle of the app "acme"
      Then "anna@acme.example" is linked to the job-title "Head of Analysis" in "acme"
      And the change history of "acme" shows that "job-title" changed for "anna@acme.example" from "Analyst" to "Head of Analysis"

    Scenario: A title that is gone takes the link away
      Given OneLogin has run a provisioning cycle of the app "acme"
      When the title of "anna@acme.example" becomes "" in OneLogin
      And OneLogin runs a provisioning cycle of the app "acme"
      Then "anna@acme.example" is linked to no job-title in "acme"

    Scenario: A rule that fails is recorded, and never loses the user
      When OneLogin runs a provisioning cycle of the app "acme"
      Then "ben@acme.example" was created
      And the account of "ben@acme.example" in "acme" has:
        | Scim Sync Job Title | Boss |
      And "ben@acme.example" is linked to no job-title in "acme"
      And the change history of "acme" has these rows about "ben@acme.example":
        | Action      | Outcome | Detail                                           |
        | user.create | done    | rule "titles": there is no job-title "Boss"      |

    Scenario: Other changes leave the link alone
      Given OneLogin has run a provisioning cycle of the app "acme"
      When the last name of "anna@acme.example" becomes "Nováková" in OneLogin
      And OneLogin runs a provisioning cycle of the app "acme"
      Then "anna@acme.example" is linked to the job-title "Analyst" in "acme"

  Rule: A rule can make the object, put users into groups, and set fields

    Scenario: Titles that are missing are made
      Given an administrator of "acme" runs "rule create titles --field scimSyncJobTitle --do create:job-title"
      When OneLogin runs a provisioning cycle of the app "acme"
      Then "anna@acme.example" is linked to the job-title "Analyst" in "acme"
      And "ben@acme.example" is linked to the job-title "Boss" in "acme"

    Scenario: A user group by the title
      Given "acme" has the group "Leadership", made by hand
      And an administrator of "acme" runs "rule create bosses --field scimSyncJobTitle --when equals:boss --do add-to-group:Leadership"
      When OneLogin runs a provisioning cycle of the app "acme"
      Then "ben@acme.example" is in the group "Leadership" of "acme"
      And "anna@acme.example" is not in the group "Leadership" of "acme"

    Scenario: A field that a rule has set stays when the provider sends the user again
      Given "acme" has the custom field "level" of the type text
      And an administrator of "acme" runs "rule create levels --field scimSyncJobTitle --when one-of:Boss|Chief --do set:level=high"
      And OneLogin has run a provisioning cycle of the app "acme"
      When the last name of "ben@acme.example" becomes "Jones" in OneLogin
      And OneLogin runs a provisioning cycle of the app "acme"
      Then the account of "ben@acme.example" in "acme" has the custom field "level" of "high"
      And the account of "anna@acme.example" in "acme" has the custom field "level" of ""

    Scenario: An object type that the administrator defines
      Given "acme" has the custom field "team" of the type text
      And an administrator of "acme" runs "object define team"
      And an administrator of "acme" runs "mapping set urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department team"
      And an administrator of "acme" runs "rule create teams --field team --do create:team"
      When OneLogin runs a provisioning cycle of the app "acme"
      Then "anna@acme.example" is linked to the team "Sales" in "acme"

  Rule: What could not work is refused when it is set up

    Scenario Outline: <what>
      When an administrator of "acme" runs "<command>"
      Then it is refused, because "<reason>"

      Examples:
        | what                     | command                                                          | reason                |
        | an unknown field         | rule create r --field shoeSize --do link:job-title               | no field              |
        | an unknown object type   | rule create r --field scimSyncJobTitle --do link:planet          | no object type        |
        | a mapped field           | rule create r --field scimSyncJobTitle --do set:email=x          | cannot be set         |
        | an unknown action        | rule create r --field scimSyncJobTitle --do mail:boss            | unknown action        |
        | a broken expression      | rule create r --field scimSyncJobTitle --when matches:( --do link:job-title | matches    |
