@guide-gradual-rollout
Feature: Preflight
  Before anything is written, the application is read, and what would happen is
  foretold: who is picked up, who is created, what goes wrong, and how to mend it.

  Background:
    Given the instances "acme" and "globex"
    And OneLogin has an app for "acme"
    And OneLogin has an app for "globex"
    And OneLogin has these users, assigned to the app "acme":
      | Username          | First Name | Last Name | Title   | Roles     |
      | anna@acme.example | Anna       | Novak     | Analyst | Team A    |
      | ben@acme.example  | Ben        | Smith     | Seller  | Team B    |
      | carl@acme.example | Carl       | Jones     | Seller  | Team B    |
      | dora@acme.example | Dora       | Miller    | Boss    | Board     |

  Rule: It foretells who is picked up, who is created, and who conflicts

    Scenario: Each of them
      Given "acme" has the user "Anna@acme.example", made by hand
      And "globex" has the user "ben@acme.example", made by hand
      When a cycle for everybody in the app "acme" is foretold
      Then it is foretold that "anna@acme.example" is picked up
      And there is a note of the kind "spelling" that says "spelled Anna@acme.example"
      And it is foretold that "ben@acme.example" is a conflict
      And there is a problem of the kind "conflict" about "ben@acme.example", with the fix "muster-server user delete 'ben@acme.example' --instance globex"
      And it is foretold that "carl@acme.example" is created
      And nothing was written
      And there is something to mend

    Scenario: Nothing stands in the way
      When a cycle for everybody in the app "acme" is foretold
      Then nothing stands in the way

    Scenario: An account that is suspended
      Given "acme" has the user "anna@acme.example", made by hand
      And an administrator suspends "anna@acme.example" in "acme" by hand
      When a cycle for everybody in the app "acme" is foretold
      Then there is a warning of the kind "suspended" about "anna@acme.example", with the fix ""

    Scenario: An instance whose key is not at hand
      Given the app "globex" has a key that was never made
      When a cycle for everybody in the app "acme" is foretold
      Then there is a warning of the kind "instance" that says "conflicts with the instance of the app globex cannot be foretold"

  Rule: It finds people who cannot be created at all

    Scenario: Two people of the same user name
      Given OneLogin has these users, assigned to the app "acme":
        | Username | Email            | First Name | Last Name |
        | emil     | both@acme.example | Emil      | Novak     |
        | fay      | Both@acme.example | Fay       | Stone     |
      And the parameter "scimusername" of the app "acme" is the field "email" of OneLogin
      When a cycle for everybody in the app "acme" is foretold
      Then there is a problem of the kind "conflict" about "Both@acme.example", with the fix "give a username of its own"

    Scenario: Somebody without a user name
      Given the title of "carl@acme.example" becomes "" in OneLogin
      And the parameter "scimusername" of the app "acme" is the field "title" of OneLogin
      When a cycle for everybody in the app "acme" is foretold
      Then there is a problem of the kind "blank" that says "Carl Jones (id 1003) has no user name"

  Rule: It finds near misses, of which a second account would be made

    Scenario: A name that differs in punctuation
      Given "acme" has the user "an-na@acme.example", made by hand
      When a cycle for everybody in the app "acme" is foretold
      Then it is foretold that "anna@acme.example" is created
      And there is a problem of the kind "near miss" about "anna@acme.example", with the fix "set the username to an-na@acme.example"

    Scenario: The same e-mail address under another user name
      Given "acme" has these users, made by hand:
        | User Name | Email             | First Name | Last Name |
        | a.novak   | anna@acme.example | Anne       | Nowak     |
      When a cycle for everybody in the app "acme" is foretold
      Then there is a problem of the kind "near miss" that says "has the e-mail address anna@acme.example"

  Rule: It compares groups by name

    Scenario: Some match, some are nearly the same
      Given the app "acme" puts users into groups named like their roles ".*"
      And "acme" has the group "team a", made by hand
      And "acme" has the group "Team-B", made by hand
      When a cycle for everybody in the app "acme" is foretold
      Then it is foretold that the group "team a" is matched by name
      And it is foretold that the group "Team B" is created
      And there is a problem of the kind "group" that says "'Team B' is there as 'Team-B'"

  Rule: It compares attributes with what the server publishes and what the template sends

    Scenario: Fields that are not sent
      Given the parameter "title" of the app "acme" is deleted
      When a cycle for everybody in the app "acme" is foretold
      Then there is a note of the kind "attribute" that says "Scim Sync Job Title stays empty"
      And there is a note of the kind "attribute" that says "these fields of the users are not sent: title"

  Rule: A rollout is foretold wave by wave, and what was foretold is compared with what happened

    Scenario: Two waves
      Given "acme" has the user "anna@acme.example", made by hand
      And "globex" has the user "dora@acme.example", made by hand
      And a rollout of the app "acme" in these waves:
        | Wave      | Users                               | Picked up | Created | Conflicts         |
        | Pilot     | anna@acme.example, ben@acme.example | 1         | 1       |                   |
        | Everybody | everybody                           | 0         | 1       | dora@acme.example |
      When the rollout is foretold
      Then wave "Pilot" is foretold with 1 picked up, 1 created and 0 conflicts
      And wave "Everybody" is foretold with 0 picked up, 1 created and 1 conflict
      And nothing stands in the way
      When the rollout is rehearsed
      Then everything went as planned
      And the forecast of wave "Pilot" was right
      And the forecast of wave "Everybody" was right

    Scenario: Somebody makes an account in between
      Given a rollout of the app "acme" in these waves:
        | Wave  | Users             | Created |
        | Pilot | anna@acme.example | 0       |
      When the rollout is foretold
      Then there is something to mend

  Rule: What is rolled out is not foretold again

    Scenario: After the rollout nothing is left to mend, and each wave says that it is done
      Given a rollout of the app "acme" in these waves:
        | Wave      | Users             | Picked up | Created |
        | Pilot     | anna@acme.example | 0         | 1       |
        | Everybody | everybody         | 0         | 3       |
      When the rollout is rehearsed
      Then everything went as planned
      When the rollout is foretold
      Then every wave is already rolled out
      And wave "Pilot" is foretold with 0 picked up, 0 created and 0 conflicts
      And nothing stands in the way
