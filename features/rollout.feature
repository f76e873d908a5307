@guide-gradual-rollout
Feature: Gradual rollout
  Start small in a controlled environment, and check every step and every
  critical scenario. A rollout provisions people wave by wave; after each wave
  a gate decides whether it goes on.

  Background:
    Given the instances "acme" and "globex"
    And OneLogin has an app for "acme"
    And OneLogin has these users, assigned to the app "acme":
      | Username          | First Name | Last Name |
      | anna@acme.example | Anna       | Novak     |
      | ben@acme.example  | Ben        | Smith     |
      | carl@acme.example | Carl       | Jones     |
      | dora@acme.example | Dora       | Miller    |

  Rule: People arrive wave by wave

    Scenario: Every wave goes as planned, pickups among them
      Given "acme" has the user "anna@acme.example", made by hand
      And "acme" has the user "carl@acme.example", made by hand
      And "acme" has the user "board@acme.example", made by hand
      And a rollout of the app "acme" in these waves:
        | Wave      | Users                               | Picked up | Created |
        | Pilot     | anna@acme.example, ben@acme.example | 1         | 1       |
        | Everybody | everybody                           | 1         | 1       |
      When the rollout is rehearsed
      Then everything went as planned
      And these waves were passed: Pilot, Everybody
      And in wave "Pilot" "anna@acme.example" was picked up
      And in wave "Everybody" "dora@acme.example" was created
      And the check after wave "Pilot" found 2 accounts as sent and 2 untouched
      And the check after wave "Everybody" found 4 accounts as sent and 1 untouched
      And "acme" has 5 users

    Scenario: A wave provisions nobody of a later one
      Given a rollout of the app "acme" in these waves:
        | Wave      | Users             | Picked up | Created |
        | Pilot     | anna@acme.example | 1         | 0       |
        | Everybody | everybody         | 0         | 3       |
      When the rollout is rehearsed
      Then the rollout stopped after wave 1, because "picked up: expected 1, got 0"
      And "acme" has 1 user

  Rule: A gate stops the rollout when something is not as planned

    Scenario: A conflict that was not planned stops it
      Given "globex" has the user "ben@acme.example", made by hand
      And a rollout of the app "acme" in these waves:
        | Wave      | Users                               |
        | Pilot     | anna@acme.example, ben@acme.example |
        | Everybody | everybody                           |
      When the rollout is rehearsed
      Then the rollout stopped after wave 1, because "conflict: ben@acme.example"
      And "anna@acme.example" is active in "acme"
      And "carl@acme.example" has no account in "acme"

    Scenario: A conflict that is planned does not
      Given "globex" has the user "ben@acme.example", made by hand
      And a rollout of the app "acme" in these waves:
        | Wave      | Users                               | Conflicts        |
        | Pilot     | anna@acme.example, ben@acme.example | ben@acme.example |
        | Everybody | everybody                           | ben@acme.example |
      When the rollout is rehearsed
      Then everything went as planned
      And in wave "Pilot" "ben@acme.example" was a conflict
      And "acme" has 3 users

    Scenario: A conflict that was planned and does not happen stops it
      Given a rollout of the app "acme" in these waves:
        | Wave      | Users                               | Conflicts        |
        | Pilot     | anna@acme.example, ben@acme.example | ben@acme.example |
        | Everybody | everybody                           | ben@acme.example |
      When the rollout is rehearsed
      Then the rollout stopped after wave 1, because "expected a conflict, got none"

    Scenario: A gate can let conflicts pass; they are reported all the same
      Given "globex" has the user "ben@acme.example", made by hand
      And a rollout of the app "acme" in these waves:
        | Wave      | Users                               | Gate |
        | Pilot     | anna@acme.example, ben@acme.example | 1    |
        | Everybody | everybody                           | 0    |
      When the rollout is rehearsed
      Then these waves were passed: Pilot
      And the rollout stopped after wave 2, because "wave 1, Pilot: conflict: ben@acme.example"

    Scenario: A creation where a pickup was planned stops it
      Given "acme" has the user "anna.novak", made by hand
      And a rollout of the app "acme" in these waves:
        | Wave      | Users             | Picked up | Created |
        | Pilot     | anna@acme.example | 1         | 0       |
        | Everybody | everybody         |           |         |
      When the rollout is rehearsed
      Then the rollout stopped after wave 1, because "created: expected 0, got 1"

  Rule: A rollout that was stopped goes on where it stopped

    Scenario: It is resumed once the conflict is solved, and repeats no wave
      Given "globex" has the user "carl@acme.example", made by hand
      And a rollout of the app "acme" in these waves:
        | Wave      | Users             | Created |
        | Pilot     | anna@acme.example | 1       |
        | More      | carl@acme.example, ben@acme.example | 2 |
        | Everybody | everybody         | 1       |
      And the rollout is rehearsed
      And the rollout stopped after wave 2, because "conflict: carl@acme.example"
      When an administrator deletes "carl@acme.example" in "globex" by hand
      And the rollout is resumed
      Then everything went as planned
      And these waves were passed: Pilot, More, Everybody
      And in wave "More" "carl@acme.example" was created
      And "acme" has 4 users

    Scenario: It is stopped again while the conflict is there
      Given "globex" has the user "anna@acme.example", made by hand
      And a rollout of the app "acme" in these waves:
        | Wave      | Users             |
        | Pilot     | anna@acme.example |
        | Everybody | everybody         |
      And the rollout is rehearsed
      When the rollout is resumed
      Then the rollout stopped after wave 1, because "conflict: anna@acme.example"

  Rule: The sandbox comes first, and the key decides which instance it is

    Scenario: What went well in the sandbox is run in production
      Given OneLogin has an app for "globex"
      And OneLogin has these users, assigned to the app "globex":
        | Username          | First Name | Last Name |
        | emil@acme.example | Emil       | Stone     |
      And a rollout of the app "globex" in these waves:
        | Wave    | Users     | Created |
        | Sandbox | everybody | 1       |
      When the rollout is rehearsed
      Then everything went as planned
      And "globex" has 1 user
      And "acme" has 0 users
      When a rollout of the app "acme" in these waves:
        | Wave  | Users             | Created |
        | Pilot | anna@acme.example | 1       |
      And the rollout is rehearsed anew
      Then everything went as planned
      And "acme" has 1 user
      And "globex" has 1 user

    Scenario: A wrong key in one of several apps is noticed before anything is written
      Given the app "acme" is configured for the instance "acme"
      And the app "acme" has the key of "globex"
      And a rollout of the app "acme" in these waves:
        | Wave      | Users     |
        | Everybody | everybody |
      When the rollout is rehearsed
      Then OneLogin says "give the app the key of its own instance"
      And nothing was written
      And "globex" has 0 users

  Rule: A creation beside an account of nearly the same name stops the rollout

    Background:
      Given "acme" has the user "an.na@acme.example", made by hand

    Scenario: It was not planned
      Given a rollout of the app "acme" in these waves:
        | Wave      | Users             | Created |
        | Pilot     | anna@acme.example | 1       |
        | Everybody | everybody         | 3       |
      When the rollout is rehearsed
      Then the rollout stopped after wave 1, because "there is an.na@acme.example, which is nearly the same"
      And the forecast of wave "Pilot" was wrong for 1 user

    Scenario: It was planned
      Given a rollout of the app "acme" in these waves:
        | Wave      | Users             | Created | Near misses       |
        | Pilot     | anna@acme.example | 1       | anna@acme.example |
        | Everybody | everybody         | 3       |                   |
      When the rollout is rehearsed
      Then everything went as planned

    Scenario: The gate lets it pass, and it is reported all the same
      Given a rollout of the app "acme" in these waves:
        | Wave      | Users             | Created |
        | Pilot     | anna@acme.example | 1       |
        | Everybody | everybody         | 0       |
      And the gate of wave "Pilot" lets 1 unexpected creation pass
      When the rollout is rehearsed
      Then these waves were passed: Pilot
      And the rollout stopped after wave 2, because "created: expected 0, got 3"

  Rule: The plan says what to check at the application after a wave

    Scenario: It is as the plan says
      Given the app "acme" puts users into groups named like their roles ".*"
      And the roles of "anna@acme.example" becomes "Team A" in OneLogin
      And the title of "anna@acme.example" becomes "Analyst" in OneLogin
      And a rollout of the app "acme" in these waves:
        | Wave  | Users             |
        | Pilot | anna@acme.example |
      And in wave "Pilot" is to be checked:
        | User              | State  | Groups | Title   |
        | anna@acme.example | active | Team A | Analyst |
        | ben@acme.example  | gone   |        |         |
      When the rollout is rehearsed
      Then everything went as planned

    Scenario Outline: It is not: <what>
      Given a rollout of the app "acme" in these waves:
        | Wave  | Users             |
        | Pilot | anna@acme.example |
      And in wave "Pilot" is to be checked:
        | User   | State   | Groups   | Title   |
        | <user> | <state> | <groups> | <title> |
      When the rollout is rehearsed
      Then the rollout stopped after wave 1, because "<problem>"

      Examples:
        | what   | user              | state     | groups | title | problem                                 |
        | state  | anna@acme.example | suspended |        |       | expected suspended, got active          |
        | group  | anna@acme.example | active    | Board  |       | expected Board, got none                |
        | value  | anna@acme.example | active    |        | Queen | expected Queen, got nothing             |
        | nobody | ben@acme.example  | active    |        |       | expected exists, got does not exist     |
        | there  | anna@acme.example | gone      |        |       | expected does not exist, got exists     |

  Rule: A wave can be taken back

    Background:
      Given the app "acme" puts users into groups named like their roles ".*"
      And the roles of "ben@acme.example" becomes "Team A" in OneLogin
      And the roles of "anna@acme.example" becomes "Team A" in OneLogin
      And "acme" has these users, made by hand:
        | User Name         | Email             | First Name | Last Name |
        | anna@acme.example | anna@acme.example | Anne       | Nowak     |

    Scenario: Created accounts are deleted, and picked up ones get what they had
      Given one remembers the account of "anna@acme.example" in "acme"
      And a rollout of the app "acme" in these waves:
        | Wave  | Users                               | Picked up | Created |
        | Pilot | anna@acme.example, ben@acme.example | 1         | 1       |
      And the rollout is rehearsed
      And the account of "anna@acme.example" in "acme" has:
        | First Name | Anna  |
        | Last Name  | Novak |
      When the last wave is taken back
      Then 1 account was deleted by the rollback
      And 1 account was restored by the rollback
      And "ben@acme.example" has no account in "acme"
      And the account of "anna@acme.example" in "acme" is the one it was
      And the account of "anna@acme.example" in "acme" has:
        | First Name | Anne  |
        | Last Name  | Nowak |
      And "acme" has 0 groups
      And OneLogin shows nothing of "ben@acme.example" in the app "acme"
      When the rollout is resumed
      Then everything went as planned
      And in wave "Pilot" "anna@acme.example" was picked up

    Scenario Outline: The plan says what becomes of created accounts: <how>
      Given a rollout of the app "acme" in these waves:
        | Wave  | Users                               | Picked up | Created |
        | Pilot | anna@acme.example, ben@acme.example | 1         | 1       |
      And the rollback of wave "Pilot" is set to <how> what was created
      And the rollout is rehearsed
      When the last wave is taken back
      Then 1 account was <done> by the rollback
      And "ben@acme.example" is <state> in "acme"

      Examples:
        | how     | done      | state     |
        | suspend | suspended | suspended |
        | keep    | kept      | active    |

    Scenario: Only the last wave is taken back, then the one before
      Given a rollout of the app "acme" in these waves:
        | Wave      | Users             | Created |
        | Pilot     | ben@acme.example  | 1       |
        | Everybody | everybody         | 2       |
      And the rollout is rehearsed
      When the last wave is taken back
      Then "ben@acme.example" is active in "acme"
      And "carl@acme.example" has no account in "acme"
      When the last wave is taken back
      Then "ben@acme.example" has no account in "acme"

    Scenario: A wave that was cut off is taken back as far as it came
      Given a rollout of the app "acme" in these waves:
        | Wave      | Users     |
        | Everybody | everybody |
      When OneLogin is killed after 3 writes of the rehearsal
      And the last wave is taken back
      Then the account of "anna@acme.example" in "acme" has:
        | First Name | Anne  |
        | Last Name  | Nowak |
      And "acme" has 1 user
      When the rollout is rehearsed
      Then everything went as planned
      And "acme" has 4 users

    Scenario: Somebody whom the wave deleted is made again
      Given OneLogin has run a provisioning cycle of the app "acme"
      And "carl@acme.example" is deleted in OneLogin
      And a rollout of the app "acme" in these waves:
        | Wave      | Users     |
        | Everybody | everybody |
      And the rollout is rehearsed
      And "carl@acme.example" has no account in "acme"
      When the last wave is taken back
      Then 1 account was made again by the rollback
      And the account of "carl@acme.example" in "acme" has:
        | First Name | Carl  |
        | Last Name  | Jones |
