Feature: Cycles that are cut off
  Servers stop and networks fail in the middle of a cycle. The next cycle
  completes it: nothing is doubled and nothing is lost.

  Background:
    Given an instance "acme"
    And OneLogin has an app for "acme"
    And the app "acme" puts users into groups named like their roles "Everybody"
    And OneLogin has 40 users, assigned to the app "acme"

  Rule: After a restart the next cycle completes with nothing doubled and nothing lost

    @admin @own
    Scenario Outline: The server is killed after <writes> writes
      When the server is killed after <writes> writes of a provisioning cycle of the app "acme"
      Then the cycle was cut off
      When the server is started again
      And OneLogin runs a provisioning cycle of the app "acme"
      Then the cycle succeeded
      And each of the 40 users has exactly one account in "acme"
      And "user000@acme.example" is in the group "Everybody" of "acme"
      And "user039@acme.example" is in the group "Everybody" of "acme"
      And "acme" has 1 group
      When OneLogin runs a provisioning cycle of the app "acme"
      Then nothing was written

      Examples:
        | writes |
        | 1      |
        | 2      |
        | 17     |
        | 60     |

    Scenario Outline: The answer to write number <number> is lost
      When the answer to write number <number> of a provisioning cycle of the app "acme" is lost
      Then the cycle succeeded
      And each of the 40 users has exactly one account in "acme"
      And "acme" has 1 group

      Examples:
        | number |
        | 1      |
        | 5      |
        | 30     |

  Rule: A provider that ends in mid-cycle goes on where it ended

    Scenario Outline: It is killed after <writes> writes
      When OneLogin is killed after <writes> writes of a provisioning cycle of the app "acme"
      And OneLogin runs a provisioning cycle of the app "acme"
      Then the cycle succeeded
      And each of the 40 users has exactly one account in "acme"
      And "acme" has 1 group
      And "user000@acme.example" is in the group "Everybody" of "acme"
      And "user039@acme.example" is in the group "Everybody" of "acme"
      When OneLogin runs a provisioning cycle of the app "acme"
      Then nothing was written

      Examples:
        | writes |
        | 1      |
        | 2      |
        | 3      |
        | 20     |
        | 61     |

    Scenario: Ctrl-C finishes those who are worked on, and stops
      When OneLogin is interrupted with Ctrl-C after 20 writes of a provisioning cycle of the app "acme"
      Then OneLogin says that the same command goes on
      And everybody who was worked on is finished
      When OneLogin runs a provisioning cycle of the app "acme"
      Then the cycle succeeded
      And each of the 40 users has exactly one account in "acme"
