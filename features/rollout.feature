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
