Feature: Groups in groups
  A group may have groups for members. None contains itself, directly or by
  others: nobody could tell then who belongs to it.

  Background:
    Given a user anna
    And a group inner with:
      """
      "members": [{"value": "{anna}"}]
      """
    And a group outer with:
      """
      "members": [{"value": "{inner}"}]
      """

  Scenario: A user is in the group of the group, indirectly
    When the client sends GET "/Users/{anna}"
    Then "/groups" has 2 values

  Scenario Outline: A group that would contain itself is refused: <how>
    When the client patches "/Groups/<group>" with:
      """
      {"op": "add", "path": "members", "value": [{"value": "<member>"}]}
      """
    Then the answer is 400
    When the client sends GET "/Groups/<group>"
    Then "/members" has 1 value

    Examples:
      | how           | group   | member  |
      | directly      | {inner} | {inner} |
      | by another    | {inner} | {outer} |
