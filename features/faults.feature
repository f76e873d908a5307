Feature: Bad lines and bad servers
  The provider can be told to break its own line: to delay requests, to drop
  connections before or after the server has acted, to answer 429, 500 and 503
  in the server's place, and to cut and replace answers. A cycle over such a
  line ends in the same state as one over a good line.

  Background:
    Given an instance "acme"
    And OneLogin has an app for "acme"
    And the app "acme" puts users into groups named like their roles "Everybody"
    And OneLogin has 30 users, assigned to the app "acme"

  Scenario Outline: <faults>
    When OneLogin runs a provisioning cycle of the app "acme" with the faults "<faults>" and the seed <seed>
    Then the cycle succeeded
    And each of the 30 users has exactly one account in "acme"
    And "acme" has 1 group
    And the group "Everybody" of "acme" has 30 members
    When an administrator re-applies the mappings of the app "acme"
    Then 30 accounts are as they should be
    When "user000@acme.example" is deleted in OneLogin
    And "user001@acme.example" is suspended in OneLogin
    And the last name of "user002@acme.example" becomes "Brown" in OneLogin
    And OneLogin runs a provisioning cycle of the app "acme" with the faults "<faults>" and the seed <seed>
    Then the cycle succeeded
    And "user000@acme.example" has no account in "acme"
    And "user001@acme.example" is suspended in "acme"
    And the account of "user002@acme.example" in "acme" has:
      | Last Name | Brown |
    And the group "Everybody" of "acme" has 28 members

    Examples:
      | faults              | seed |
      | drop-before=20%     | 1    |
      | drop-after=20%      | 1    |
      | drop-after=40%      | 2    |
      | 429=20%             | 1    |
      | 500=20%             | 1    |
      | 503=20%             | 1    |
      | truncate=20%        | 1    |
      | content-type=20%    | 1    |
      | latency=50%:5ms     | 1    |
      | all=6%:5ms          | 1    |
      | all=10%:2ms         | 7    |

  Scenario: A server that is down is left alone for a while, and the cycle ends
    Given the app "acme" has the base URL of a server that does not run
    When OneLogin runs a provisioning cycle of the app "acme"
    Then the cycle was cut off
    When OneLogin runs a provisioning cycle of the app "acme"
    Then the cycle was cut off
